"""What answers of a forge say: values, why something is refused, how long to wait, what broke."""

import email.utils
import json
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from labflake.errors import LabError

if TYPE_CHECKING:
    import requests


def asked_to_wait(response: "requests.Response") -> float | None:
    """Return how many seconds the server wants us to wait, None if it does not."""
    status, headers = response.status_code, response.headers
    remaining = headers.get("X-RateLimit-Remaining", headers.get("RateLimit-Remaining", ""))
    limited = status == 429 or (status == 403 and (remaining == "0" or "Retry-After" in headers))
    if status == 403 and not limited:
        limited = "rate limit" in words(response).lower()
    if not limited:
        return None
    reset = _number(headers.get("X-RateLimit-Reset", headers.get("RateLimit-Reset", "")))
    until = reset - time.time() + 1 if reset is not None and remaining == "0" else 60.0
    after = _seconds(headers.get("Retry-After", ""))
    return max(1.0, until if after is None else after)  # 0 would ask again without an end


def _seconds(text: str) -> float | None:
    """Return what Retry-After says, seconds or a date, in seconds from now; None for rubbish."""
    try:
        moment = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return _number(text)
    return moment - time.time()


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch("[0-9]{1,12}", text) else None


class Said(dict):
    """An object of an answer, which says so where it lacks what every forge's has."""

    def __missing__(self, name: str) -> Any:
        """Refuse to guess.

        Raises:
            LabError: the server is no forge, or another one.
        """
        raise LabError(f"the server's answer has no {name}\n{_IS_IT}")


_IS_IT = "  is that the address of the forge? forge and address in [tool.labflake.publish]"


def read(response: "requests.Response") -> Any:
    """Return the answer as values; None where there is none.

    Raises:
        LabError: it is no JSON, so this is no API.
    """
    if not response.content:
        return None
    try:
        return json.loads(response.content, object_hook=Said)
    except (ValueError, RecursionError):
        host = urlsplit(response.url).netloc.rpartition("@")[2]
        raise LabError(f"{host} answers with a page, not with data\n{_IS_IT}") from None


def object_of(answer: Any) -> Said:
    """Return an answer that has to be an object.

    Raises:
        LabError: it is something else.
    """
    if not isinstance(answer, Said):
        raise LabError(f"the server's answer is no object\n{_IS_IT}")
    return answer


def items_of(answer: Any) -> list[Said]:
    """Return an answer that has to be a list of objects.

    Raises:
        LabError: it is something else.
    """
    if not isinstance(answer, list):
        raise LabError(f"the server's answer is no list\n{_IS_IT}")
    return [object_of(each) for each in answer]


def words(response: "requests.Response") -> str:
    """Return why a request was refused, in the server's words."""
    try:
        said = json.loads(response.content)
    except (ValueError, RecursionError):
        return ""
    return re.sub(r"\s+", " ", "; ".join(_texts(said)))[:500]


def _texts(said: Any) -> Iterator[str]:
    """Give the texts of an answer: `message`, `errors` as texts, lists or dictionaries."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, list):
        for each in said:
            yield from _texts(each)
    elif isinstance(said, dict):
        known = [said[key] for key in ("message", "error", "errors") if said.get(key)]
        words = [f"{key}: {' '.join(_texts(value))}" for key, value in said.items() if value]
        field = [" ".join(str(said[k]) for k in ("resource", "field", "code") if said.get(k))]
        yield from _texts(known) if known else _texts([f for f in field if f] or words)


def reason(error: BaseException) -> str:
    """Return why a connection failed, in words that cannot hold an address."""
    text = type(error).__name__.lower()
    if "timeout" in text:
        return "it does not answer in time"
    return "it cannot be reached" if "refused" in str(error).lower() else "the connection broke"
