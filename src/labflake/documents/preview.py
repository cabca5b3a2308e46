"""Shows pages of documents in a browser that loads them again after each build.

A server for this machine alone; the files are as they are, what makes a page load again is added
on the way to the browser.
"""

import http.server
import os
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

_HOST = "127.0.0.1"
_CHANGES = "/.changes?"  # and the number of the build that the page is of
_RELOAD = '<script>new EventSource("{}").onmessage = () => location.reload()</script>'
_PATIENCE = 10  # s until it is asked whether the browser is still there


class Builds:
    """How many builds went well; browsers wait for the next."""

    def __init__(self) -> None:
        self.number = 0
        self.changed = threading.Condition()

    def tell(self) -> None:
        """Have all pages loaded again."""
        with self.changed:
            self.number += 1
            self.changed.notify_all()

    def wait(self, known: int) -> int:
        """Return the number once it is another one, or after a while."""
        with self.changed:
            self.changed.wait_for(lambda: self.number != known, _PATIENCE)
            return self.number


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    builds: Builds


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the files of one folder to browsers on this machine."""

    server: _Server

    def do_GET(self) -> None:
        """Answer a browser; a page of somebody else that leads here gets nothing."""
        host = self.headers.get("Host", "").partition(":")[0]
        if host not in (_HOST, "localhost"):
            self.send_error(403)
        elif self.path.startswith(_CHANGES):
            self._tell_changes(int(self.path.removeprefix(_CHANGES)))
        elif (page := Path(self.translate_path(self.path))).suffix == ".html" and page.is_file():
            self._send_page(page)
        else:
            super().do_GET()

    def _send_page(self, page: Path) -> None:
        reload = _RELOAD.format(f"{_CHANGES}{self.server.builds.number}").encode()
        content = page.read_bytes().replace(b"</body>", reload + b"</body>")
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _tell_changes(self, known: int) -> None:
        """Send an event after each build later than the known one, until the browser goes."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        while True:
            now = self.server.builds.wait(known)
            self.wfile.write(b": still here\n\n" if now == known else b"data: built\n\n")
            known = now

    def end_headers(self) -> None:
        """Let no browser keep what it got."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def handle(self) -> None:
        """Talk to a browser, which may go at any time."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing: the screen is for the builds."""


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, Builds]]:
    """Serve the files of a folder while the block lasts.

    Yields:
        The address, and what to tell about builds. It is the same address each time, if it is free.
    """
    handler = partial(_Handler, directory=str(folder))
    server = _bound(20000 + zlib.crc32(os.fsencode(folder)) % 10000, handler)
    server.builds = Builds()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{_HOST}:{server.server_port}/", server.builds
    finally:
        server.shutdown()
        server.server_close()


def _bound(port: int, handler: Any) -> _Server:
    """Return a server at a port, or at any if somebody else has that."""
    try:
        return _Server((_HOST, port), handler)
    except OSError:
        return _Server((_HOST, 0), handler)
