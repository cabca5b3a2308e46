"""What several kinds of sources check: addresses, digests, credentials in the wrong place."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from labflake.content import digests
from labflake.data_files.gate.wording import short
from labflake.data_files.sources import secrecy
from labflake.errors import LabError


def url(text: str) -> str | None:
    """Return what is wrong with an address, or None."""
    if problem := secret(text):
        return problem
    try:
        parts = urlsplit(text)
        known = bool(parts.hostname) and (parts.port or True)
    except ValueError:
        known = False
    return (
        None if known and not re.search(r"\s", text) else f"{secrecy.plain(text)!r} is no address"
    )


def secret(text: str) -> str | None:
    """Return that a part of an address is a credential, and what to do, where it is so."""
    found = secrecy.in_url(text)
    if not found:
        return None
    way = "put user and password into ~/.netrc" if "@" in text else secrecy.WAY_OUT
    return f"{found} does not belong into config.yaml: git would publish it\n  {way}"


def sha256(text: str) -> str | None:
    """Return what is wrong with a digest, or None; it may be left out."""
    if not text or re.fullmatch("[0-9a-fA-F]{64}", text):
        return None
    return f"sha256: 64 hexadecimal digits are expected, not {text!r}"


def expected(path: Path, digest: str, name: str) -> None:
    """Compare a fetched file with the digest that its declaration gives.

    Raises:
        LabError: It differs; the file is removed.
    """
    if not digest:
        return
    found = digests.sha256(path, flushed=True)
    if found != digest.lower():
        count = path.stat().st_size
        path.unlink()
        raise LabError(
            f"assets/data/{name} is not what config.yaml expects\n"
            f"  expected {short(digest.lower())}   found {short(found, count)}\n"
            "  is the address right? did the provider replace the file?"
        )
