"""Talk to a forge: pages, rate limits, broken connections, refusals; the token stays with it.

Only what can be repeated without harm is repeated here. Whether something that makes a new thing
has been done, after the connection broke, is for the caller to look up (`certain`).
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from labflake.content.meter import duration
from labflake.data_files.sources.secrecy import redacted
from labflake.errors import LabError
from labflake.publish.answers import asked_to_wait, items_of, object_of, read, reason, words
from labflake.publish.tokens import Token

if TYPE_CHECKING:
    import requests

TRIES = 5
PAUSE = 0.5  # seconds before the second try; each further pause is twice as long
LONGEST = 900.0  # seconds that we wait for a server that asks us to
TIMEOUT = (15, 120)  # seconds to connect, and of silence
_REPEATABLE = ("GET", "PUT", "PATCH", "DELETE")
_MOVED = (301, 302, 303, 307, 308)
_DOWN = (500, 502, 503, 504)
_THERE = (409, 422)  # forges say so, too, where something of that name is there


class RefusedError(LabError):
    """The forge answered that it will not do it; `status` is its number."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class BrokenError(LabError):
    """The connection broke, and nobody knows whether the thing was done."""


@dataclass(frozen=True)
class Upload:
    """A file on its way: its name, what it holds, and its type; `field` of a form, "" for none."""

    name: str
    content: bytes
    kind: str
    field: str = ""


class Client:
    """A forge at the address of its API, with a token."""

    def __init__(
        self,
        api: str,
        headers: Mapping[str, str],
        token: Token,
        meaning: Mapping[int, str] | None = None,
    ) -> None:
        self.api, self.headers, self.token = api.rstrip("/"), dict(headers), token
        self._meaning = _MEANING | (dict(meaning) if meaning else {})
        self._session: requests.Session | None = None

    def get(self, path: str, **query: Any) -> Any:
        """Return what is at a path."""
        return object_of(self.ask("GET", path, query=query))

    def found(self, path: str, **query: Any) -> Any:
        """Return what is at a path, None if there is nothing."""
        try:
            return self.get(path, **query)
        except RefusedError as error:
            if error.status == 404:
                return None
            raise

    def user(self, name: str) -> str:
        """Return who the token belongs to, as the server's answer has it under this name.

        It is "" where the token may not tell.
        """
        try:
            return self.get("user")[name]
        except RefusedError as error:
            if error.status in (403, 404):
                return ""
            raise

    def pages(self, path: str, **query: Any) -> Iterator[Any]:
        """Give all items of a list, however many pages it has."""
        seen = set()
        while True:
            response = self._answered("GET", path, query, None, None)
            yield from items_of(read(response))
            after = response.links.get("next", {}).get("url", "")
            # The server's own address may be another one behind a proxy: only its words count.
            query = query | dict(parse_qsl(urlsplit(after).query))
            if not after or after in seen:
                return
            seen.add(after)

    def ask(
        self,
        method: str,
        path: str,
        json: Any = None,
        upload: Upload | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        """Send something, and return the answer, an object; None where there need not be one.

        Raises:
            RefusedError: the forge will not do it; the message has its reason.
            BrokenError: it may have been done, or not.
        """
        answer = read(self._answered(method, path, query or {}, json, upload))
        return None if answer is None and method != "POST" else object_of(answer)

    def _answered(
        self, method: str, path: str, query: Mapping, json: Any, upload: Upload | None
    ) -> "requests.Response":
        import requests

        url = path if "://" in path else f"{self.api}/{path}"
        failures, waited = 0, 0.0
        while True:
            try:
                response = self._send(method, url, query, json, upload)
                wait, broken = asked_to_wait(response), f"it answers {response.status_code}"
            except requests.exceptions.SSLError:
                raise LabError(f"{self._host(url)}: its certificate is not trusted") from None
            except requests.exceptions.RequestException as error:
                response, wait, broken = None, None, reason(error)
            if wait is not None:
                waited += wait
                self._wait(wait, waited, url)
            elif response is None or response.status_code in _DOWN:
                failures += 1
                if method not in _REPEATABLE or failures >= TRIES:
                    raise BrokenError(_BROKEN.format(host=self._host(url), why=broken))
                time.sleep(PAUSE * 2 ** (failures - 1))
            elif response.ok:
                return response
            else:
                raise self._refused(method, url, response)

    def _send(
        self, method: str, url: str, query: Mapping, json: Any, upload: Upload | None
    ) -> "requests.Response":
        """Send it, also to where it is sent on to; another server does not get the token."""
        home = _origin(url)
        options: dict[str, Any] = {"params": dict(query), "timeout": TIMEOUT}
        options |= {"json": json} if json is not None else {}
        headers = {"User-Agent": "labflake"}
        if upload and upload.field:
            options["files"] = {upload.field: (upload.name, upload.content, upload.kind)}
        elif upload:
            options["data"], headers["Content-Type"] = upload.content, upload.kind
        for _ in range(10):
            own = self.headers if _origin(url) == home else {}
            sent = self._opened().request(
                method, url, headers=headers | own, allow_redirects=False, **options
            )
            place = sent.headers.get("Location", "")
            if sent.status_code not in _MOVED or not place:
                return sent
            url, before = urljoin(url, place), url
            options["params"] = {}  # the new place has them
            self._refuse_way(before, url)
            if sent.status_code == 303:
                method, options = "GET", {"params": {}, "timeout": TIMEOUT}
        raise LabError(f"{self._host(url)} redirects in a circle")

    def _opened(self) -> "requests.Session":
        if self._session is None:
            self._session = session()
        return self._session

    def _refuse_way(self, before: str, after: str) -> None:
        if before.startswith("https:") and not after.startswith("https:"):
            raise LabError(f"{self._host(before)}: it leads from https to plain http")

    def _wait(self, seconds: float, waited: float, url: str) -> None:
        if waited > LONGEST:
            raise LabError(
                f"{self._host(url)} takes no more requests for {duration(seconds)}\n"
                "  what is there is complete; after that time: make publish goes on"
            )
        print(f"{self._host(url)} asks to wait {duration(seconds)}", file=sys.stderr, flush=True)
        time.sleep(seconds)

    def _refused(self, method: str, url: str, response: "requests.Response") -> RefusedError:
        said = self.hidden(words(response))
        what = f"{self._host(url)} refuses ({response.status_code}): {said or 'it says no more'}"
        meaning = self._meaning.get(response.status_code, "").format(origin=self.token.origin)
        where = f"\n  {method} {self.hidden(urlsplit(url).path)}"
        return RefusedError(
            what + where + (f"\n  {meaning}" if meaning else ""), response.status_code
        )

    def hidden(self, text: str) -> str:
        """Return a text without the token, and without any other secret."""
        return redacted(text.replace(self.token.value, "…"))

    def _host(self, url: str) -> str:
        return urlsplit(url).netloc.rpartition("@")[2]


_BROKEN = (
    "{host}: {why}, so nobody knows whether this was done\n"
    "  nothing is half: make publish again looks at what is there, and goes on"
)
_MEANING = {
    401: "the token of {origin} is not valid there (any more): make a new one",
    403: "the token of {origin} may not do this: it has to write to pull requests and files",
    404: "does the repository exist, and may the token of {origin} see and change it?",
    413: "the file is larger than the server takes",
}


def session() -> "requests.Session":
    """Return what sends requests, and nothing of ~/.netrc, which is for others."""
    import requests

    found = requests.Session()
    found.auth = lambda request: request
    return found


def certain(find: Callable[[], Any], make: Callable[[], Any]) -> Any:
    """Return what is found, else make it: once, also if the connection breaks meanwhile.

    Raises:
        BrokenError: it breaks again and again.
        RefusedError: it is refused, and not since somebody else made it a moment ago.
    """
    for attempt in range(TRIES):
        if (there := find()) is not None:
            return there
        try:
            return make()
        except RefusedError as error:
            if error.status not in _THERE or (there := find()) is None:
                raise
            return there
        except BrokenError:
            if attempt == TRIES - 1:
                raise
            time.sleep(PAUSE * 2**attempt)
    return None


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2]
