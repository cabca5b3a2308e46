"""Downloads from a web server that breaks connections, lies, redirects and wants a password."""

import gzip
import hashlib
import os
import sys

import pytest
from servers.web import PASSWORD, USER, Web, content

from labflake.data_files.sources import download
from labflake.data_files.sources.download import Download
from labflake.errors import LabError

SIZE = 3_000_000
DATA = content(SIZE)
pytestmark = pytest.mark.usefixtures("in_the_template")


@pytest.fixture(scope="module")
def web():
    with Web() as server:
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Wait less between two tries than for people."""
    monkeypatch.setattr(download, "PAUSE", 0.01)


def fetch(url, folder, **options):
    """Download into a folder and return what came."""
    part = folder / "part"
    Download(url, part, "raw.bin", **options).run()
    assert os.listdir(folder) == ["part"]
    return part.read_bytes()


def refusal(url, folder):
    """Return the message with which a download is refused."""
    with pytest.raises(LabError) as error:
        fetch(url, folder)
    return str(error.value)


@pytest.mark.parametrize(
    "behaviour",
    [
        {},
        {"etag": False},
        {"etag": False, "modified": False},
        {"chunked": True},
        {"fail": 503, "fails": 3},
        {"fail": 429, "fails": 2, "retry_after": 0},
        {"breaks": 3, "break_after": 700_000},
        {"breaks": 3, "break_after": 700_000, "etag": False},
        {"breaks": 3, "break_after": 700_000, "etag": False, "modified": False},
        {"breaks": 3, "break_after": 700_000, "ranges": False},
        {"breaks": 3, "break_after": 0},
        {"breaks": 1, "break_after": 700_000, "chunked": True},
        {"breaks": 1, "break_after": 10},
    ],
    ids=str,
)
def test_a_file_comes_whole(web, tmp_path, behaviour):
    """Whatever the server does, the bytes are those of the file."""
    assert fetch(web.put("/file", DATA, **behaviour), tmp_path) == DATA


def test_a_broken_download_is_resumed(web, tmp_path):
    """After a break only the rest is asked for."""
    url = web.put("/resumed", DATA, breaks=2, break_after=1_000_000)
    web.asked.clear()
    assert fetch(url, tmp_path) == DATA
    starts = [int(text[6:-1] or 0) if text else 0 for text in web.ranges("/resumed")]
    assert starts == [0, 1_000_000, 2_000_000]


def test_a_later_run_resumes(web, tmp_path):
    """What an earlier process had fetched is used, if the file is still the same."""
    url = web.put("/later", DATA, breaks=99, break_after=200_000, fails=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(download, "PROGRESS", 1 << 40)
        assert "the connection broke, 6 times in a row" in refusal(url, tmp_path)
    kept = (tmp_path / "part").stat().st_size
    assert kept > 0
    web.behaviour["/later"] = {}
    web.asked.clear()
    assert fetch(url, tmp_path) == DATA
    assert web.ranges("/later") == [f"bytes={kept}-"]


@pytest.mark.parametrize(
    "more", [{}, {"ignores_if_range": True}, {"etag": False, "modified": False}]
)
def test_a_file_that_changes_meanwhile(web, tmp_path, more):
    """Two versions are never mixed."""
    other = content(SIZE, seed=1)
    url = web.put("/moving", DATA, breaks=1, break_after=1_000_000, changes_to=other, **more)
    assert fetch(url, tmp_path) == other


def test_a_wrong_range_is_not_used(web, tmp_path):
    """An answer with another part than was asked for is thrown away."""
    url = web.put("/range", DATA, breaks=1, break_after=1_000_000, wrong_range=True)
    assert fetch(url, tmp_path) == DATA


def test_a_part_of_another_file_is_not_used(web, tmp_path):
    """A part that an earlier address left is not continued."""
    url = web.put("/first", DATA, breaks=99, break_after=100_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(download, "PROGRESS", 1 << 40)
        refusal(url, tmp_path)
    other = content(SIZE, seed=2)
    assert fetch(web.put("/second", other), tmp_path) == other


def test_a_promise_of_more_bytes_than_come(web, tmp_path):
    """A length that is too large is an error, and nothing gets the final name."""
    assert "times in a row" in refusal(web.put("/long", DATA[:1000], longer=5), tmp_path)


def test_compressed_on_the_way(web, tmp_path):
    """A server that compresses although it was asked not to gives the plain file."""
    url = web.put("/coded", gzip.compress(DATA), gzip=True, breaks=1, break_after=1_000_000)
    assert fetch(url, tmp_path) == DATA


def test_redirects(web, tmp_path):
    """Redirects are followed, but not in a circle, and not to other kinds of addresses."""
    target = web.put("/target", DATA)
    assert fetch(web.put("/moved", b"", redirect=target), tmp_path) == DATA
    assert "in a circle" in refusal(web.put("/loop", b"", redirect="/loop"), tmp_path)
    local = web.put("/local", b"", redirect="file:///etc/passwd")
    assert "no address" in refusal(local, tmp_path)


@pytest.mark.parametrize(("status", "words"), [(404, "no such file"), (403, "not allowed")])
def test_final_answers_are_not_repeated(web, tmp_path, status, words):
    """What will not get better by asking again is asked once."""
    url = web.put(f"/{status}", b"", fail=status, fails=9)
    web.asked.clear()
    assert words in refusal(url, tmp_path)
    assert len(web.asked) == 1


def test_a_password(web, tmp_path, monkeypatch):
    """User and password come from ~/.netrc; the error says so, and does not show them."""
    url = web.put("/private", DATA, private=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    netrc = tmp_path / "home/.netrc"
    place = tmp_path / "place"
    place.mkdir()
    assert "~/.netrc" in refusal(url, place)
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    netrc.chmod(0o600)
    assert fetch(url, place) == DATA


def test_nobody_answers(tmp_path):
    """A server that is not there is named, with the reason."""
    from servers import free_port

    url = f"http://127.0.0.1:{free_port()}/x?token=abc"
    message = refusal(url, tmp_path)
    assert "connection refused, 6 times in a row" in message
    assert "abc" not in message


@pytest.mark.long
def test_a_silent_server(web, tmp_path, monkeypatch):
    """A server that stops sending is given up after a time, and the rest is asked for again."""
    monkeypatch.setattr(download, "TIMEOUT", (60, 1))
    url = web.put("/slow", DATA[:200_000], pace=65536 / 3)
    assert fetch(url, tmp_path) == DATA[:200_000]
    assert len(web.ranges("/slow")) > 1
    monkeypatch.setattr(download, "TRIES", 2)
    monkeypatch.setattr(download, "PROGRESS", 1 << 40)
    (tmp_path / "part").unlink()
    assert "it does not answer in time, 2 times in a row" in refusal(url, tmp_path)


def test_progress_is_shown(web, tmp_path, capfd, monkeypatch):
    """Long downloads say amount, speed and remaining time on standard error."""
    from labflake.content import meter

    monkeypatch.setattr(meter, "FIRST", 0.0)
    fetch(web.put("/shown", DATA), tmp_path)
    line = capfd.readouterr().err.splitlines()[0]
    assert line.startswith("raw.bin  ")
    assert "of 3.0 MB" in line
    assert line.endswith("left")


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts a small disk")
def test_a_full_disk(web, tmp_path):
    """A disk that is too small is refused before, or when it is full, and nothing is lost."""
    import subprocess

    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        assert "the disk is full: raw.bin needs 3.0 MB more" in refusal(web.put("/f", DATA), disk)
        endless = web.put("/chunks", DATA, chunked=True)
        assert "raw.bin could not be written" in refusal(endless, disk)
        assert (disk / "part").read_bytes() == DATA[: (disk / "part").stat().st_size]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_digest_of_the_test_data():
    """The server serves the same bytes in every run."""
    assert hashlib.sha256(DATA).hexdigest() == hashlib.sha256(content(SIZE)).hexdigest()


def test_our_own_credentials_win(web, tmp_path, monkeypatch):
    """A line in ~/.netrc does not replace the credentials that a source sends by itself."""
    place = tmp_path / "home"
    place.mkdir()
    (place / ".netrc").write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    monkeypatch.setenv("HOME", str(place))
    (tmp_path / "x").mkdir()
    target = web.put("/own", DATA)
    moved = web.put("/moved-own", b"", redirect=target)
    for url in (target, moved):
        (tmp_path / "x/part").unlink(missing_ok=True)
        fetch(url, tmp_path / "x", headers={"Authorization": "Bearer own"})
    asked = [h for path, h in web.asked if path in ("/own", "/moved-own")]
    assert [headers.get("authorization") for headers in asked] == ["Bearer own"] * 3
