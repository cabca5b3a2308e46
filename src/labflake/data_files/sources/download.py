"""Download one file over HTTP: resumed after a broken connection, retried, never half."""

import errno
import hashlib
import json
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from labflake.content.meter import Meter, size
from labflake.data_files.sources.secrecy import without
from labflake.errors import LabError

if TYPE_CHECKING:
    import requests

BUFFER = 1 << 20
TRIES = 6
PROGRESS = 1 << 16  # bytes in one try that make it a new beginning
PAUSE = 0.5  # seconds before the second try; each further pause is twice as long
LONGEST = 60.0
TIMEOUT = (15, 60)  # seconds to connect, and of silence
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
MEANING = {
    401: "it wants a user and a password\n  put them into ~/.netrc",
    403: "access is not allowed",
    404: "there is no such file\n  is its address in config.yaml right?",
    410: "the file is gone\n  where it is now, config.yaml has to say",
}


class BrokenError(Exception):
    """A try that failed in a way that may not happen again."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


@dataclass
class Download:
    """A download of `url` into `part`, which may hold the beginning of an earlier one.

    `address` gives the address for each try, where it differs from the name of the file.
    """

    url: str
    part: Path
    label: str
    headers: dict[str, str] = field(default_factory=dict)
    meaning: dict[int, str] = field(default_factory=dict)
    address: Callable[[], str] | None = None

    def run(self) -> None:
        """Download, with several tries.

        Raises:
            LabError: The file cannot be had; the message has no credentials.
        """
        failures = 0
        while True:
            before = self._length()
            try:
                self._try()
                self._note_path().unlink(missing_ok=True)
                return
            except BrokenError as error:
                progress = self._length() - before >= PROGRESS
                failures = 1 if progress else failures + 1
                self._wait(failures, error)

    def _wait(self, failures: int, error: BrokenError) -> None:
        if failures >= TRIES:
            kept = f"\n  {size(self._length())} of it are kept" if self._length() else ""
            text = f"{without(self.url)}: {error}, {failures} times in a row{kept}"
            raise LabError(f"{text}\n  try make again later")
        pause = min(max(PAUSE * 2 ** (failures - 1), error.pause), LONGEST)
        if failures > 1:
            print(f"{self.label}: {error}; again in {pause:.0f} s", file=sys.stderr, flush=True)
        time.sleep(pause * random.uniform(0.8, 1.2))

    def _try(self) -> None:
        import requests

        note = self._note()
        address = self.address() if self.address else self.url
        try:
            with _session().get(
                address, headers=self._asked(note), stream=True, timeout=TIMEOUT
            ) as response:
                self._receive(response, note)
        except requests.exceptions.TooManyRedirects:
            raise LabError(f"{without(self.url)}: it redirects in a circle") from None
        except requests.exceptions.SSLError:
            raise LabError(f"{without(self.url)}: its certificate is not trusted") from None
        except (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL):
            raise LabError(f"{without(self.url)}: this is no address, or leads to none") from None
        except requests.exceptions.RequestException as error:
            raise BrokenError(_reason(error)) from None

    def _asked(self, note: dict[str, Any]) -> dict[str, str]:
        """Return the headers: the rest only, if what is there belongs to the same file."""
        headers = {"Accept-Encoding": "identity"} | self.headers
        if self._length() and note.get("validator"):
            headers |= {"Range": f"bytes={self._length()}-", "If-Range": note["validator"]}
        else:
            self.part.unlink(missing_ok=True)
        return headers

    def _receive(self, response: "requests.Response", note: dict[str, Any]) -> None:
        self._refuse(response)
        start, total = self._span(response, note)
        if start == 0:
            self.part.unlink(missing_ok=True)
            self._note_path().write_text(json.dumps(self._described(response)), encoding="utf-8")
        if total is not None:
            self._check_space(total - start)
        self._copy(response, start, total)
        if total is not None and self._length() != total:
            text = f"it promised {size(total)} and gave {size(self._length())}"
            raise BrokenError(text)

    def _refuse(self, response: "requests.Response") -> None:
        status = response.status_code
        schemes = [urlsplit(each.url).scheme for each in (*response.history, response)]
        if "https" in schemes and schemes[-1] == "http":
            raise LabError(f"{without(self.url)}: it leads from https to plain http")
        if status in AGAIN:
            raise BrokenError(f"it answers {status}", _retry_after(response))
        if status == 416:
            self.part.unlink(missing_ok=True)
            raise BrokenError("the file there became shorter")
        if status not in (200, 206):
            text = (MEANING | self.meaning).get(status, "that was not expected")
            raise LabError(f"{without(self.url)}: it answers {status}: {text}")

    def _span(self, response: "requests.Response", note: dict[str, Any]) -> tuple[int, int | None]:
        """Return where the answer starts and how long the whole file is, if that is known."""
        if response.status_code == 200:
            length = response.headers.get("Content-Length", "")
            coded = response.headers.get("Content-Encoding", "identity") != "identity"
            return 0, int(length) if length.isdigit() and not coded else None
        unit, _, span = response.headers.get("Content-Range", "").partition(" ")
        first, total = span.partition("-")[0], span.rpartition("/")[2]
        same = self._described(response)["validator"] in (None, note["validator"])
        if unit != "bytes" or first != str(self._length()) or not total.isdigit() or not same:
            self.part.unlink(missing_ok=True)
            raise BrokenError("it gave another part of the file than was asked for")
        return int(first), int(total)

    def _copy(self, response: "requests.Response", start: int, total: int | None) -> None:
        try:
            with open(self.part, "ab") as out, Meter(self.label, total, start) as meter:
                for block in _blocks(response):
                    out.write(block)
                    meter.add(len(block))
        except OSError as error:
            if error.errno is None:  # of the connection, not of the disk
                raise
            raise _disk(error, self.label, self._length()) from None

    def _check_space(self, needed: int) -> None:
        free = shutil.disk_usage(self.part.parent).free
        if needed > free:
            raise LabError(
                f"the disk is full: {self.label} needs {size(needed)} more, {size(free)} are free"
            )

    def _described(self, response: "requests.Response") -> dict[str, Any]:
        """Return what tells whether the file is still the same: nothing that is secret."""
        headers = response.headers
        tag = headers.get("ETag", "")
        strong = tag if tag and not tag.startswith("W/") else None
        identity = hashlib.sha256(self.url.encode()).hexdigest()
        coded = headers.get("Content-Encoding", "identity") != "identity"
        validator = None if coded else strong or headers.get("Last-Modified")
        return {"url": identity, "validator": validator}

    def _note_path(self) -> Path:
        return self.part.with_name(self.part.name + ".json")

    def _note(self) -> dict[str, Any]:
        """Return what is known of the part; nothing if it belongs to another address."""
        try:
            note = json.loads(self._note_path().read_bytes())
            identity = hashlib.sha256(self.url.encode()).hexdigest()
            return note if note["url"] == identity else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _length(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0


def _session() -> "requests.Session":
    import requests

    class Session(requests.Session):
        """Asks with our own credentials, where there are some: ~/.netrc does not replace them."""

        def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
            own = any(name.lower() == "authorization" for name in request.headers)
            request.auth = request.auth or ((lambda prepared: prepared) if own else None)
            return super().prepare_request(request)

        def rebuild_auth(self, prepared: requests.PreparedRequest, response: Any) -> None:
            if self.should_strip_auth(response.request.url, str(prepared.url)):
                super().rebuild_auth(prepared, response)

    session = Session()
    session.headers["User-Agent"] = "lab"
    session.max_redirects = 10
    return session


def _blocks(response: "requests.Response") -> Iterator[bytes]:
    coded = response.headers.get("Content-Encoding", "identity") != "identity"
    if coded:
        yield from response.iter_content(BUFFER)
        return
    import urllib3

    try:
        while block := response.raw.read1(BUFFER):
            yield block
    except urllib3.exceptions.HTTPError as error:
        raise BrokenError(_reason(error)) from None


def _retry_after(response: "requests.Response") -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0


def _reason(error: BaseException) -> str:
    """Return why a connection failed, in words that cannot hold an address."""
    seen: set[int] = set()
    cause: Any = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__:
            return "it does not answer in time"
        if isinstance(cause, OSError) and cause.strerror and cause.errno:
            return str(cause.strerror).lower()
        inner = [each for each in cause.args if isinstance(each, BaseException)]
        cause = getattr(cause, "reason", None) or cause.__context__ or (inner[0] if inner else None)
        cause = cause if isinstance(cause, BaseException) else None
    return "the connection broke"


def _disk(error: OSError, label: str, kept: int) -> LabError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LabError(
            f"the disk is full: {label} could not be written\n"
            f"  {size(kept)} of it are kept; free some space, then make goes on from there"
        )
    return LabError(f"{label} could not be written: {error.strerror}")
