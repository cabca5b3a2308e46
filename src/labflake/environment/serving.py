"""Folders of packages and indexes on this disk, as indexes on loopback: Poetry asks servers alone.

pip takes them as they are: `find-links`, and indexes whose address begins with `file://`.
"""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from html import escape
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit

from labflake.content.digests import sha256
from labflake.project.packages import named

_FILE = re.compile(r"(.+?)-[^/]*\.whl|(.+)-[^/-]*\.(?:tar\.(?:gz|bz2|xz)|tgz|zip)")
_KEPT = ("data-requires-python", "data-yanked")


class Place(NamedTuple):
    """Where packages lie: an index with a folder for each, or a folder or page with files."""

    path: Path
    is_index: bool
    is_main: bool = False

    def state(self) -> str:
        """Return another text whenever files came or went: Poetry remembers what it was told."""
        looks = [(self.path.name, self.path.stat())]
        if self.path.is_dir():
            with os.scandir(self.path) as entries:
                looks += [(e.name, _stat(e.path, self.is_index)) for e in entries]
        parts = sorted((name, look.st_size, look.st_mtime_ns) for name, look in looks)
        return hashlib.sha256(repr((str(self.path), parts)).encode()).hexdigest()


def on_disk(index: str, told: dict[str, str]) -> list[Place]:
    """Return the indexes and folders of packages on this disk, the main index first.

    Args:
        index: the main one, wherever it is.
        told: what pip is told on this machine.
    """
    main = [Place(_path(index), True, True)] if index.startswith("file:") else []
    more = told.get("extra-index-url", "").split()
    places = main + [Place(_path(url), True) for url in more if url.startswith("file:")]
    links = told.get("find-links", "").split()
    places += [Place(_path(p), False) for p in links if p.startswith("file:") or "://" not in p]
    return [place for place in dict.fromkeys(places) if os.access(place.path, os.R_OK)]


def _path(place: str) -> Path:
    bare = unquote(urlsplit(place).path) if place.startswith("file:") else place
    return Path(os.path.expanduser(bare)).resolve()


class _Link(NamedTuple):
    address: str  # of a file, as on the page; file:// for those on this disk
    kept: dict[str, str]  # what the page says of it

    def path(self) -> Path | None:
        """Return the file, if it is on this disk."""
        parts = urlsplit(self.address)
        return Path(unquote(parts.path)) if parts.scheme == "file" else None


class _Anchors(HTMLParser):
    def __init__(self, page: Path) -> None:
        super().__init__()
        self._base = page.as_uri()
        self.found: list[_Link] = []
        self.feed(page.read_text(encoding="utf-8", errors="replace"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "a" and said.get("href"):
            kept = {name: said[name] for name in _KEPT if name in said}
            self.found.append(_Link(urljoin(self._base, said["href"]), kept))


@contextlib.contextmanager
def served(places: list[Place]) -> Iterator[dict[Place, str]]:
    """Serve these places meanwhile; yield their addresses, which nobody else on here can guess."""
    if not places:
        yield {}
        return
    token = secrets.token_urlsafe()
    handler = type("Handler", (_Handler,), {"token": token, "places": places})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        start = f"http://127.0.0.1:{server.server_port}/{token}"
        try:
            yield {place: f"{start}/{number}" for number, place in enumerate(places)}
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    """Answers for a page of a package, and for a file that is on it."""

    token: str
    places: list[Place]

    def do_GET(self) -> None:
        """Answer."""
        token, number, package, file = [*unquote(self.path).strip("/").split("/", 3), *[""] * 4][:4]
        known = token == self.token and number.isdigit() and int(number) < len(self.places)
        links = _links(self.places[int(number)], package) if known else {}
        path = links[file].path() if file in links else None
        if path and path.is_file():
            self._begin(path.stat().st_size, "application/octet-stream")
            if self.command == "GET":
                with path.open("rb") as content:
                    shutil.copyfileobj(content, self.wfile)
        elif links and not file:
            page = _page(links).encode()
            self._begin(len(page), "text/html; charset=utf-8")
            self.wfile.write(page if self.command == "GET" else b"")
        else:
            self.send_error(404)

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self.do_GET()

    def _begin(self, size: int, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.send_header("Content-Type", kind)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the terminal is the person's."""


def _page(links: dict[str, _Link]) -> str:
    return "".join(
        f'<a href="{escape(_address(name, link))}"{_attributes(link)}>{escape(name)}</a><br>\n'
        for name, link in links.items()
    )


def _address(name: str, link: _Link) -> str:
    """Return where a file is for Poetry, with the hash that the page has, or else the file."""
    path = link.path()
    said = urlsplit(link.address).fragment
    return f"{quote(name)}#{said or f'sha256={sha256(path)}'}" if path else link.address


def _attributes(link: _Link) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in link.kept.items())


def _links(place: Place, package: str) -> dict[str, _Link]:
    """Return the files of a package that are to be had at a place, by their names."""
    page = place.path / package / "index.html" if place.is_index else place.path
    if page.is_dir():
        found = [_Link(file.as_uri(), {}) for file in sorted(page.iterdir())]
    else:
        found = _Anchors(page).found if page.is_file() else []
    by_name = {unquote(urlsplit(link.address).path).rpartition("/")[2]: link for link in found}
    return {
        name: link
        for name, link in by_name.items()
        if (match := _FILE.fullmatch(name)) and named(match[1] or match[2]) == named(package)
        if link.path() is None or os.path.isfile(link.path() or "")
    }


def _stat(path: str, is_index: bool) -> os.stat_result:
    page = os.path.join(path, "index.html") if is_index else path
    return os.stat(page) if os.path.exists(page) else os.lstat(path)
