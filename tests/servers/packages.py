"""A package index on loopback with the manners of real ones: the first part of a path says which.

    html      HTML only (PEP 503), as all that follow
    json      JSON only (PEP 691)
    both      what is asked for, with the metadata of wheels beside them (PEP 658)
    private   wants a user and a password
    only-X    knows one package; without-X knows all others
    altered   gives files that are not those of their hashes
    cut       gives files that end in the middle
    login     answers everything with a page to sign in
    portal    answers files with a page to sign in
    broken    answers everything with an error of the server
    silent    takes the question and never answers

`/private+without-X/simple/` has two of them. There is no `/pypi/NAME/VERSION/json`, as behind most
mirrors. The server is a proxy, too: whatever host is asked for, it is itself.
"""

import base64
import contextlib
import hashlib
import html
import json
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

USER, PASSWORD = "ann@institute", "packages:Secret/7d1c"
JSON = "application/vnd.pypi.simple.v1+json"
SIGN_IN = b"<!DOCTYPE html><html><body><form>Sign in: <input name='user'></form></body></html>"
_AUTHORIZATION = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class Index:
    """The server as a process of its own; `http`, `https` and `mutual` are its addresses."""

    def __init__(self, files: Path, certificates: Path, log: Path, inside: list[str]) -> None:
        command = [*inside, sys.executable, __file__, str(files), str(certificates), str(log)]
        self._command, self._log = command, log

    def __enter__(self) -> "Index":
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        ports = json.loads(self._process.stdout.readline())
        self.http = f"http://127.0.0.1:{ports[0]}"
        self.https, self.mutual = (f"https://localhost:{port}" for port in ports[1:])
        return self

    def __exit__(self, *error: object) -> None:
        self._process.stdin.close()
        self._process.wait()

    @contextlib.contextmanager
    def asked(self) -> Iterator[list[str]]:
        """Collect the paths that are asked for meanwhile."""
        start = self._log.stat().st_size
        paths: list[str] = []
        yield paths
        paths += self._log.read_bytes()[start:].decode().split()


class _Handler(BaseHTTPRequestHandler):
    """Answer one request in the manner that its path names."""

    protocol_version = "HTTP/1.1"
    files: Path
    log: Path
    secure_port: int

    def do_GET(self) -> None:
        """Answer."""
        path = urlsplit(self.path).path  # a proxy is asked for the whole address
        with self.log.open("a") as log:
            log.write(f"{path}\n")
        first, _, place = path.strip("/").partition("/")
        self.manners = first.split("+")
        if "private" in self.manners and self.headers["Authorization"] != _AUTHORIZATION:
            self._say(401, b"who are you?", **{"WWW-Authenticate": 'Basic realm="packages"'})
        elif "login" in self.manners:
            self._say(200, SIGN_IN)
        elif "broken" in self.manners:
            self._say(500, b"out of order")
        elif "silent" in self.manners:
            time.sleep(600)
        elif page := re.fullmatch(r"(?:.*/)?simple/([^/]+)", place):
            self._page(page[1]) if path.endswith("/") else self._redirect(f"{path}/")
        elif file := re.fullmatch(r"(?:.*/)?files/([^/]+)", place):
            self._file(file[1])
        else:
            self._say(404, b"nothing here")

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self.do_GET()

    def do_CONNECT(self) -> None:
        """Carry bytes to and from the port with TLS, whatever host is asked for."""
        with self.log.open("a") as log:
            log.write(f"CONNECT {self.path}\n".replace(" ", ":"))
        with socket.create_connection(("127.0.0.1", self.secure_port)) as there:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_carry, args=(there, self.connection), daemon=True)
            back.start()
            _carry(self.connection, there)
            back.join()
        self.close_connection = True

    def _page(self, package: str) -> None:
        """List the files of a package."""
        here = [f for f in sorted(self.files.iterdir()) if name(f) == package]
        if not here or not self._knows(package):
            return self._say(404, b"no such package")
        wants_json = JSON in self.headers.get("Accept", "")
        if "json" in self.manners or ("both" in self.manners and wants_json):
            listed = [self._entry(f) for f in here]
            page = {"meta": {"api-version": "1.0"}, "name": package, "files": listed}
            return self._say(200, json.dumps(page).encode(), JSON)
        links = "".join(self._link(f) for f in here)
        return self._say(200, f"<!DOCTYPE html><html><body>{links}</body></html>".encode())

    def _knows(self, package: str) -> bool:
        chosen = [manner.removeprefix("only-") for manner in self.manners if "only-" in manner]
        return f"without-{package}" not in self.manners and (not chosen or package in chosen)

    def _entry(self, file: Path) -> dict:
        entry = {"filename": file.name, "url": f"../../files/{file.name}"}
        entry["hashes"] = {"sha256": digest(file)}
        described = "both" in self.manners and file.suffix == ".whl"
        return entry | ({"core-metadata": True} if described else {})

    def _link(self, file: Path) -> str:
        described = "both" in self.manners and file.suffix == ".whl"
        more = ' data-core-metadata="true"' if described else ""
        address = html.escape(f"../../files/{file.name}#sha256={digest(file)}")
        return f'<a href="{address}"{more}>{file.name}</a><br/>'

    def _file(self, asked: str) -> None:
        file = self.files / asked.removesuffix(".metadata")
        if not file.exists():
            return self._say(404, b"no such file")
        if asked != file.name:
            return self._say(200, metadata(file), "text/plain")
        data = file.read_bytes()
        if "altered" in self.manners:
            data = data[:-1] + bytes([data[-1] ^ 1])
        if "portal" in self.manners:
            data = SIGN_IN
        return self._say(200, data, "application/octet-stream")

    def _redirect(self, address: str) -> None:
        self._say(301, b"", Location=address)

    def _say(self, code: int, body: bytes, kind: str = "text/html", **headers: str) -> None:
        self.send_response(code)
        for header, value in (
            {"Content-Type": kind, "Content-Length": len(body)} | headers
        ).items():
            self.send_header(header, str(value))
        self.end_headers()
        cut = "cut" in self.manners and kind == "application/octet-stream"
        if self.command == "GET":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = self.close_connection or cut

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def _carry(source: socket.socket, target: socket.socket) -> None:
    """Carry bytes until there are no more."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def name(file: Path) -> str:
    """Return the name of the package that a file holds, as addresses spell it."""
    end = 0 if file.suffix == ".whl" else -1
    spelled = file.name.split("-")[0] if end == 0 else file.name.rpartition("-")[0]
    return re.sub(r"[-_.]+", "-", spelled).lower()


@cache
def digest(file: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def metadata(wheel: Path) -> bytes:
    """Return what a wheel says of itself."""
    with zipfile.ZipFile(wheel) as archive:
        inside = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return archive.read(inside)


def serve(files: Path, certificates: Path, log: Path) -> None:
    """Serve the files in the clear, with TLS, and with TLS for who has a certificate."""
    log.touch()
    handler = type("Handler", (_Handler,), {"files": files, "log": log, "secure_port": 0})
    ports = []
    for secure, wanted in ((False, False), (True, False), (True, True)):
        server = _Server(("127.0.0.1", 0), handler)
        if secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates / "both.pem")
            context.load_verify_locations(certificates / "ca.pem")
            context.verify_mode = ssl.CERT_REQUIRED if wanted else ssl.CERT_NONE
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
            handler.secure_port = handler.secure_port or server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ports.append(server.server_port)
    print(json.dumps(ports), flush=True)
    sys.stdin.read()


class _Server(ThreadingHTTPServer):
    """A server that does not print what its clients broke."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    serve(*map(Path, sys.argv[1:]))
