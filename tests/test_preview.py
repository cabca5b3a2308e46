"""Pages of a watched experiment load again by themselves, and only on this machine."""

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from labflake.documents import preview

PAGE = "<!DOCTYPE html><html><body><p>first</p></body></html>\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with a page and another file, and a file beside it."""
    folder = tmp_path / "outputs"
    folder.mkdir()
    (folder / "report.html").write_text(PAGE)
    (folder / "report.pdf").write_bytes(b"%PDF-1.7 of a test")
    (tmp_path / "secret.html").write_text("secret")
    return folder


@pytest.fixture
def shown(folder: Path) -> Iterator[tuple[str, preview.Builds]]:
    """Serve the folder: its address, and what to tell about builds."""
    with preview.served(folder) as served:
        yield served


def get(address: str, path: str, **headers: str) -> tuple[int, bytes]:
    """Ask for a path; return the status and the content."""
    connection = http.client.HTTPConnection(address.split("/")[2], timeout=20)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_a_page_is_served_with_what_loads_it_again(folder: Path, shown) -> None:
    """The page has a script more than its file, other files have nothing more."""
    address, _ = shown
    status, page = get(address, "/report.html")
    assert (status, b"<p>first</p>" in page, b"EventSource" in page) == (200, True, True)
    assert (folder / "report.html").read_text() == PAGE
    assert get(address, "/report.pdf") == (200, b"%PDF-1.7 of a test")


def test_each_build_is_told(shown) -> None:
    """A browser that waits hears of the next build, and of the one after it."""
    address, builds = shown
    connection = http.client.HTTPConnection(address.split("/")[2], timeout=20)
    connection.request("GET", "/.changes?0")
    answer = connection.getresponse()
    for _ in range(2):
        builds.tell()
        assert answer.readline() + answer.readline() == b"data: built\n\n"
    connection.close()


@pytest.mark.parametrize("path", ["/../secret.html", "/%2e%2e/secret.html", "/.//../secret.html"])
def test_nothing_else_is_served(path: str, shown) -> None:
    """Files outside of the folder are not there."""
    assert get(shown[0], path)[0] == 404


def test_pages_of_others_get_nothing(shown) -> None:
    """Another name for this machine, by which a page of somebody else could ask, is refused."""
    assert get(shown[0], "/report.html", Host="example.org")[0] == 403


def test_the_address_stays_the_same(folder: Path, shown) -> None:
    """The same folder has the same address each time, and another one while that is taken."""
    with preview.served(folder) as (other, _):
        assert other != shown[0]
    assert other.startswith("http://127.0.0.1:")
