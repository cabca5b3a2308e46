"""Credentials: from `.credentials.ini`, which git must ignore, or from environment variables."""

import configparser
import os
import re
from functools import cache
from urllib.parse import urlsplit

from lab import git
from lab.errors import LabError
from lab.experiments import root
from lab.git import GitError

FILE = ".credentials.ini"
_SECRET = re.compile(r"pass|secret|token|key|credential", re.IGNORECASE)
_PARAMETERS = re.compile(
    r"pass(word|wd)?|secret|(api|access)[-_]?key|(.*[-_])?token|sig(nature)?|x-(amz|goog)-.*",
    re.IGNORECASE,
)


def find(section: str, variables: dict[str, str]) -> dict[str, str]:
    """Return the values that are set, by name; the file wins over the environment.

    Args:
        section: the section of `.credentials.ini`.
        variables: the environment variable for each name.
    """
    stored = _stored().get(section, {})
    values = {name: stored.get(name, os.environ.get(variables[name], "")) for name in variables}
    return {name: value.strip() for name, value in values.items() if value.strip()}


def missing(what: str, section: str, variables: dict[str, str], where: str) -> LabError:
    """Return the error that says which credential is missing, where to get and to put it."""
    lines = "\n".join(f"    {name} = …" for name in variables)
    names = " and ".join(variables.values())
    return LabError(
        f"{what} needs {names}\n"
        f"  get it: {where}\n"
        f"  put it into {FILE}, which git ignores, or into these environment variables\n"
        f"    [{section}]\n{lines}"
    )


def is_secret(name: str) -> bool:
    """Return whether an option of this name holds a credential."""
    return re.search(r"pass|secret|token|credential|(^|_)key$", name, re.IGNORECASE) is not None


def in_url(url: str) -> str | None:
    """Return which part of an address is a credential, or None."""
    parts = urlsplit(url)
    if parts.password:
        return "the password"
    names = (pair.partition("=")[0] for pair in re.split("[&;]", parts.query))
    return next((f"the parameter {name}" for name in names if _PARAMETERS.fullmatch(name)), None)


def without(url: str) -> str:
    """Return an address without user, password and parameters: these may be secret."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}{parts.path}" + ("?…" if parts.query else "")


def redacted(text: str) -> str:
    """Return `text` without addresses' parameters and without any secret that is known here."""
    text = re.sub(r"[a-zA-Z][\w+.-]*://[^\s'\"<>]+", lambda match: without(match[0]), text)
    for secret in sorted(_secrets(), key=len, reverse=True):
        text = text.replace(secret, "…")
    return text


def _secrets() -> set[str]:
    stored = [value for section in _stored().values() for value in section.values()]
    named = [value for name, value in os.environ.items() if _SECRET.search(name)]
    return {value for value in (*stored, *named) if len(value) >= 6}


@cache
def _stored() -> dict[str, dict[str, str]]:
    path = root() / FILE
    if not path.exists():
        return {}
    if _is_tracked():
        raise LabError(
            f"{FILE} is in git: everyone who gets the project gets your credentials\n"
            f"  git rm --cached {FILE}, add it to .gitignore, and replace the credentials"
        )
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except configparser.Error as error:
        line = getattr(error, "lineno", "?")
        raise LabError(f"{FILE}, line {line}: [section] and name = value are expected") from None
    return {section: dict(parser[section]) for section in parser.sections()}


def _is_tracked() -> bool:
    """Return whether git would publish the file; without git it would not."""
    try:
        return git.is_here() and bool(git.git("ls-files", "--", FILE))
    except GitError:
        return False
