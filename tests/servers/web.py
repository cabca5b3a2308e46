"""A web server that breaks connections, lies about lengths, redirects and wants a password."""

import hashlib
import random
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USER, PASSWORD = "ann", "web-Secret-5f02"
AUTHORIZATION = "Basic YW5uOndlYi1TZWNyZXQtNWYwMg=="


def content(size: int, seed: int = 0) -> bytes:
    """Return `size` bytes that look random and are always the same."""
    return random.Random(seed).randbytes(size)


class Quiet(ThreadingHTTPServer):
    """A server that does not print what its clients broke."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


class Web:
    """The server; `files` are what it serves, `behaviour` how badly, `asked` what it was asked."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.behaviour: dict[str, dict] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.queries: list[str] = []
        web = self

        class Handler(_Handler):
            server_of_test = web

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "Web":
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def put(self, path: str, data: bytes, **behaviour: object) -> str:
        """Serve `data` at `path` with a behaviour, and return its address.

        Behaviours: `break_after` (bytes, in each connection), `breaks` (how many connections
        break), `fail` (status) with `fails` (how many answers), `retry_after` (seconds), `longer`
        and `shorter` (by how much Content-Length lies), `redirect` (address), `private`, `ranges`
        (False: ignored), `wrong_range`, `ignores_if_range`, `etag` and `modified` (False: not
        sent), `gzip`, `pace` (bytes per second), `changes_to` (content after a break), `chunked`.
        """
        self.files[path] = data
        self.behaviour[path] = dict(behaviour)
        return self.url + path

    def ranges(self, path: str) -> list[str]:
        """Return the Range headers with which a path was asked for."""
        return [headers.get("range", "") for asked, headers in self.asked if asked == path]


class _Handler(BaseHTTPRequestHandler):
    """Answer one request as badly as its path demands."""

    protocol_version = "HTTP/1.1"
    server_of_test: Web

    def do_GET(self) -> None:
        """Answer."""
        web = self.server_of_test
        path, _, query = self.path.partition("?")
        web.queries.append(query)
        how = web.behaviour.get(path)
        web.asked.append((path, {name.lower(): value for name, value in self.headers.items()}))
        if how is None:
            return self._plain(404)
        if how.get("private") and self.headers.get("Authorization") != AUTHORIZATION:
            return self._plain(401, {"WWW-Authenticate": 'Basic realm="test"'})
        if "redirect" in how:
            return self._plain(302, {"Location": str(how["redirect"])})
        if how.get("fails", 0) > 0:
            how["fails"] -= 1
            extra = {"Retry-After": str(how["retry_after"])} if "retry_after" in how else {}
            return self._plain(int(how["fail"]), extra)
        return self._file(web, path, how)

    def _file(self, web: Web, path: str, how: dict) -> None:
        data = web.files[path]
        tag = f'"{hashlib.md5(data).hexdigest()}"'
        start = self._start(data, tag, how)
        if start > len(data):
            return self._plain(416, {"Content-Range": f"bytes */{len(data)}"})
        body = data[start:]
        self.send_response(206 if start else 200)
        if start:
            first = start + 1 if how.get("wrong_range") else start
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self._describe(how, tag, len(body))
        self.end_headers()
        self._send(web, path, body, how)

    def _start(self, data: bytes, tag: str, how: dict) -> int:
        text = self.headers.get("Range", "")
        condition = self.headers.get("If-Range", tag)
        same = how.get("ignores_if_range") or condition in (tag, how.get("date"))
        if not text.startswith("bytes=") or how.get("ranges") is False or not same:
            return 0
        return int(text.removeprefix("bytes=").partition("-")[0])

    def _describe(self, how: dict, tag: str, length: int) -> None:
        if how.get("etag", True):
            self.send_header("ETag", tag)
        if how.get("modified", True):
            how.setdefault("date", formatdate(1e9, usegmt=True))
            self.send_header("Last-Modified", how["date"])
        if how.get("gzip"):
            self.send_header("Content-Encoding", "gzip")
        if how.get("chunked"):
            self.send_header("Transfer-Encoding", "chunked")
        else:
            length += how.get("longer", 0) - how.get("shorter", 0)
            self.send_header("Content-Length", str(length))

    def _send(self, web: Web, path: str, body: bytes, how: dict) -> None:
        broken = how.get("breaks", 0) > 0
        if broken:
            how["breaks"] -= 1
            body = body[: how["break_after"]]
        for block in (body[i : i + 65536] for i in range(0, len(body), 65536)):
            framed = b"%x\r\n%b\r\n" % (len(block), block) if how.get("chunked") else block
            try:
                self.wfile.write(framed)
            except OSError:
                self.close_connection = True
                return
            if how.get("pace"):
                time.sleep(len(block) / how["pace"])
        if broken and "changes_to" in how:
            web.files[path] = how["changes_to"]
        if how.get("chunked") and not broken:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = broken or bool(how.get("longer"))

    def _plain(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""
