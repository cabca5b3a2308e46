"""What answers of a forge say: values, why something is refused, how long to wait, what broke."""

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
    after = headers.get("Retry-After", "")
    if after.isdigit():
        return float(after)
    reset = headers.get("X-RateLimit-Reset", headers.get("RateLimit-Reset", ""))
    return (
        max(1.0, float(reset) - time.time() + 1) if reset.isdigit() and remaining == "0" else 60.0
    )


def read(response: "requests.Response") -> Any:
    """Return the answer as values; None where there is none.

    Raises:
        LabError: it is no JSON, so this is no API.
    """
    if not response.content:
        return None
    try:
        return json.loads(response.content)
    except ValueError:
        host = urlsplit(response.url).netloc.rpartition("@")[2]
        raise LabError(
            f"{host} answers with a page, not with data\n"
            "  is that the address of the forge? forge and address in [tool.labflake.publish]"
        ) from None


def words(response: "requests.Response") -> str:
    """Return why a request was refused, in the server's words."""
    try:
        said = json.loads(response.content)
    except ValueError:
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
