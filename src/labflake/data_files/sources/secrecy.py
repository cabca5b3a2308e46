"""What is a secret: known by its name, kept out of config.yaml, messages, logs and documents."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from labflake.data_files.sources import credentials
from labflake.errors import LabError

_WORDS = """
    pass password passwd passphrase passwort pwd pw secret secrets token key apikey accesskey
    secretkey sharedkey auth authorization credential credentials dsn pat sig signature bearer
    jwt cookie appid sas
"""
# Also within a word: PGPASSWORD, GHTOKEN. (`auth` and `key` are in author and monkey.)
_PARTS = re.compile(r"passw|passphrase|secret|credential|apikey|connectionstring|connstr|token$")
_PLACES = frozenset({"sock", "dir", "path", "file", "home", "agent"})  # SSH_AUTH_SOCK is no secret
# Where a name before the @ is no secret: a user, or a container of Azure.
_USERS = frozenset(
    {"sftp", "ssh", "ftp", "smb", "hdfs", "webhdfs", "postgres", "postgresql"}
    | {"abfs", "abfss", "az", "wasb", "wasbs"}
)
_NAMED = re.compile(r"\$\{[A-Z][A-Z0-9_]*\}")
_LONG = 8  # characters; a shorter key or code is a name
_LEAST = 6  # characters; a shorter text is in too many words
_INSIDE = re.compile(r"(?i)(?:password|pwd|secret|token|key|signature)=([^;&\s'\"]+)")
_USERINFO = re.compile(r"(?<=://)[^\s/@'\"<>]*:[^\s/@'\"<>]*@")
_BLOCK = 1 << 20

WAY_OUT = f"write ${{NAME}} there; NAME is in the environment, or in {credentials.FILE} [variables]"


def is_secret(name: str) -> bool:
    """Return whether what has this name is a secret."""
    words = [w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]
    if words and words[-1] in _PLACES:
        return False
    known = not set(words).isdisjoint(_WORDS.split())
    return known or _PARTS.search("".join(words)) is not None


def in_options(options: Any) -> str | None:
    """Return the name of an option that holds a secret as it is; headers hold nothing else."""
    for name, value, inside in _options(options, False):
        secret = inside or (is_secret(name) and not isinstance(value, bool))
        if secret and not (isinstance(value, str) and _NAMED.fullmatch(value)):
            return name
    return None


def _options(options: Any, inside: bool) -> Iterator[tuple[str, Any, bool]]:
    """Give the names and values of options, those inside options included."""
    for name, value in options.items() if isinstance(options, dict) else ():
        if isinstance(value, dict):
            yield from _options(value, inside or "header" in str(name).lower())
        else:
            yield str(name), value, inside


def in_arguments(arguments: Any) -> str | None:
    """Return the name of an argument of a function that holds a secret; `key` alone does not."""
    for name, value, _ in _options(arguments, False):
        if is_secret(name) and name.lower() != "key" and isinstance(value, str):
            return name
    return None


def in_url(url: str) -> str | None:
    """Return which part of an address is a credential, or None."""
    try:
        parts = urlsplit(url)
        if parts.password:
            return "the password"
        if parts.username and parts.scheme not in _USERS:
            return "what stands before the @"
    except ValueError:
        return None
    for text, what in ((parts.query, "the parameter"), (parts.fragment, "the part")):
        for pair in re.split("[&;?]", text):
            name, _, value = pair.partition("=")
            if _is_credential(name, value):
                return f"{what} {name}"
    return None


def _is_credential(name: str, value: str) -> bool:
    if not value or _NAMED.fullmatch(value):
        return False
    if name.lower() in ("key", "code"):  # of a lock, or of a table or a country
        mixed = re.search(r"\d", value) or value.lower() != value != value.upper()
        return len(value) >= _LONG and bool(mixed)
    return is_secret(name) or re.match(r"(?i)x-(amz|goog)-", name) is not None


def without(url: str) -> str:
    """Return an address without user, password and parameters: these may be secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "…"
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}{parts.path}" + ("?…" if parts.query else "")


def plain(text: str) -> str:
    """Return what may be shown of a text that is no address."""
    return text.partition("?")[0].rpartition("@")[2]


def redacted(text: str) -> str:
    """Return `text` without addresses' parameters and without any secret that is known here."""
    text = re.sub(r"[a-zA-Z][\w+.-]*://[^\s'\"<>]+", lambda match: without(match[0]), text)
    return hidden(text)


def hidden(text: str) -> str:
    """Return `text` without any secret that is known here, and without passwords in addresses."""
    return _hidden(text, known(os.environ))


def hidden_in(value: Any, variables: Mapping[str, str]) -> Any:
    """Return lists and dictionaries without the secrets of a program that has these variables."""
    return _hidden(value, known(variables))


def _hidden(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, dict):
        return {key: _hidden(each, secrets) for key, each in value.items()}
    if isinstance(value, list):
        return [_hidden(each, secrets) for each in value]
    if not isinstance(value, str):
        return value
    for secret in secrets:
        value = value.replace(secret, "…")
    return _USERINFO.sub("…@", value)


def hide_in(log: Path) -> None:
    """Take the secrets that are known here out of a log."""
    if not os.path.isfile(log) or not os.path.getsize(log):
        return
    secrets = [os.fsencode(secret) for secret in known(os.environ)]
    if secrets and _holds(log, secrets):
        content = log.read_bytes()
        for secret in secrets:
            content = content.replace(secret, "…".encode())
        log.write_bytes(content)


def _holds(log: Path, secrets: list[bytes]) -> bool:
    """Return whether a file holds one of these texts; large files are read in parts."""
    with log.open("rb") as file:
        before = b""
        while block := file.read(_BLOCK):
            if any(secret in before + block for secret in secrets):
                return True
            before = block[-len(secrets[0]) :]
    return False


def known(variables: Mapping[str, str]) -> list[str]:
    """Return the values that are secret, also as other languages write them, the longest first."""
    return _known(frozenset(variables.items()))


@lru_cache(8)
def _known(variables: frozenset[tuple[str, str]]) -> list[str]:
    try:
        found = {value for section in credentials.stored().values() for value in section.values()}
    except LabError:
        found = set()
    for name, value in variables:
        if is_secret(name) and name != "PWD":
            found.add(value)
        found.update(_INSIDE.findall(value))
        found.update(match[0].strip("@").partition(":")[2] for match in _USERINFO.finditer(value))
    found |= {form for each in found for form in _forms(each)}
    return sorted((each for each in found if len(each) >= _LEAST), key=len, reverse=True)


def _forms(secret: str) -> set[str]:
    """Return a secret as addresses, pages, JSON and Python write it."""
    from html import escape

    plain = json.dumps(secret, ensure_ascii=False)[1:-1]
    quoted = {quote(secret, safe=""), json.dumps(secret)[1:-1], plain, repr(secret)[1:-1]}
    return quoted | {escape(secret), escape(secret, quote=False)}
