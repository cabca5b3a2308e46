"""Kaggle and Numerai as their documents describe them: an interface, and a storage of its own.

Both interfaces answer with an address of the storage that is signed and short-lived. The storage
knows no credentials: it refuses a request that carries any, as the real ones do.
"""

import hashlib
import hmac
import json
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, quote, unquote, urlsplit

from servers.web import Quiet

KAGGLE_USER, KAGGLE_KEY = "ann", "kaggle-Secret-27ab31"
KAGGLE_TOKEN = "KGAT_kaggle-Secret-99ef"
NUMERAI_ID, NUMERAI_KEY = "PUBLIC01", "numerai-Secret-66dd40"
SIGNING = b"signing-Secret"


class Contests:
    """The interfaces of both, and their storage, which checks signatures."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.lifetime = 60.0
        self.break_after = 0
        contests = self

        class Interface(_Interface):
            contests_of_test = contests

        class Storage(_Storage):
            contests_of_test = contests

        self.interface = Quiet(("127.0.0.1", 0), Interface)
        self.storage = Quiet(("127.0.0.1", 0), Storage)
        self.url = f"http://127.0.0.1:{self.interface.server_port}"

    def __enter__(self) -> "Contests":
        for server in (self.interface, self.storage):
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        for server in (self.interface, self.storage):
            server.shutdown()
            server.server_close()

    def signed(self, name: str) -> str:
        """Return the address of a file in the storage, signed and short-lived."""
        expires = f"{time.time() + self.lifetime:.3f}"
        port = self.storage.server_port
        address = f"http://127.0.0.1:{port}/bucket/{quote(name)}"
        return f"{address}?X-Goog-Expires={expires}&X-Goog-Signature={_signature(name, expires)}"


def _signature(name: str, expires: str) -> str:
    return hmac.new(SIGNING, f"{name} {expires}".encode(), hashlib.sha256).hexdigest()


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    contests_of_test: Contests

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Send a whole answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


class _Interface(_Quiet):
    """`/api/v1` of Kaggle, and the GraphQL of Numerai."""

    def do_GET(self) -> None:
        """Answer Kaggle's downloads."""
        parts = urlsplit(self.path)
        self.contests_of_test.asked.append((self.path, dict(self.headers)))
        basic = "Basic YW5uOmthZ2dsZS1TZWNyZXQtMjdhYjMx"
        if self.headers.get("Authorization") not in (basic, f"Bearer {KAGGLE_TOKEN}"):
            return self.answer(401, b'{"code":401,"message":"Unauthorized"}')
        name = unquote(parts.path)
        for prefix in ("/api/v1/competitions/data/download/", "/api/v1/datasets/download/"):
            if name.startswith(prefix):
                kind = prefix.split("/")[3]
                return self._redirect(f"{kind}/{name.removeprefix(prefix)}", parts.query)
        return self.answer(404)

    def _redirect(self, name: str, query: str) -> None:
        version = parse_qs(query).get("datasetVersionNumber", [""])[0]
        name = f"{name}@{version}" if version else name
        if name.startswith("competitions/closed/"):
            return self.answer(403, b'{"code":403,"message":"You must accept the rules"}')
        if name not in self.contests_of_test.files:
            return self.answer(404, b'{"code":404,"message":"Not Found"}')
        return self.answer(302, Location=self.contests_of_test.signed(name))

    def do_POST(self) -> None:
        """Answer Numerai's queries."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        contests = self.contests_of_test
        contests.asked.append((self.path, dict(self.headers)))
        token = self.headers.get("Authorization")
        if token not in (None, f"Token {NUMERAI_ID}${NUMERAI_KEY}"):
            return self.answer(401, b'{"errors":[{"message":"Invalid token"}]}')
        file = body["variables"]["filename"]
        name = f"numerai/{file}"
        if "dataset(filename: $filename" not in body["query"]:
            answer = {"errors": [{"message": "Cannot query field"}]}
        elif file.startswith("private/") and token is None:
            return self.answer(401, b'{"errors":[{"message":"Not authenticated"}]}')
        elif name not in contests.files:
            answer = {"data": {"dataset": None}, "errors": [{"message": f"no file {file}"}]}
        else:
            answer = {"data": {"dataset": contests.signed(name)}}
        return self.answer(200, json.dumps(answer).encode(), Content_Type="application/json")


class _Storage(_Quiet):
    """The bucket behind the signed addresses; it serves ranges and may break connections."""

    def do_GET(self) -> None:
        """Send a file whose signature is good."""
        contests = self.contests_of_test
        parts = urlsplit(self.path)
        contests.asked.append((self.path, dict(self.headers)))
        name = unquote(parts.path).removeprefix("/bucket/")
        given = {key: values[0] for key, values in parse_qs(parts.query).items()}
        expires = given.get("X-Goog-Expires", "0")
        if self.headers.get("Authorization"):
            return self.answer(400, b"two kinds of authentication")
        if given.get("X-Goog-Signature") != _signature(name, expires):
            return self.answer(403, b"SignatureDoesNotMatch")
        if float(expires) < time.time():
            return self.answer(400, b"ExpiredToken")
        return self._send(contests, contests.files[name])

    def _send(self, contests: Contests, data: bytes) -> None:
        tag = f'"{hashlib.md5(data).hexdigest()}"'
        span = self.headers.get("Range", "")
        start = (
            int(span[6:].partition("-")[0])
            if self.headers.get("If-Range", tag) == tag and span
            else 0
        )
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", tag)
        self.send_header("Last-Modified", formatdate(1e9, usegmt=True))
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        body = data[start:]
        if contests.break_after:
            body, contests.break_after = body[: contests.break_after], 0
            self.close_connection = True
        self.wfile.write(body)
