"""Credentials: from `.credentials.ini`, which git must ignore, or from environment variables."""

import os
import re
from functools import cache
from typing import Any

from labflake.errors import LabError
from labflake.project.experiments import root

FILE = ".credentials.ini"
_NAMED = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


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


def filled(value: Any) -> Any:
    """Return a text, or options, with each `${NAME}` replaced by the value of that name.

    Raises:
        LabError: A name has no value.
    """
    if isinstance(value, dict):
        return {key: filled(each) for key, each in value.items()}
    return _NAMED.sub(_value, value) if isinstance(value, str) else value


def _value(match: re.Match) -> str:
    name = match[1]
    found = find("variables", {name.lower(): name})
    if not found:
        raise LabError(
            f"{name} has no value, and config.yaml asks for ${{{name}}}\n"
            f"  put it into the environment, or into {FILE}, which git ignores\n"
            f"    [variables]\n    {name.lower()} = …"
        )
    return found[name.lower()]


@cache
def _stored() -> dict[str, dict[str, str]]:
    if (root() / FILE).exists() and _is_tracked():
        raise LabError(
            f"{FILE} is in git: everyone who gets the project gets your credentials\n"
            f"  git rm --cached {FILE}, add it to .gitignore, and replace the credentials"
        )
    return stored()


@cache
def stored() -> dict[str, dict[str, str]]:
    """Return what `.credentials.ini` holds, by section."""
    path = root() / FILE
    if not path.exists():
        return {}
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except configparser.Error as error:
        line = getattr(error, "lineno", "?")
        raise LabError(f"{FILE}, line {line}: [section] and name = value are expected") from None
    return {section: dict(parser[section]) for section in parser.sections()}


def _is_tracked() -> bool:
    """Return whether git would publish the file; without git it would not."""
    from labflake.project import git

    try:
        return git.is_here() and bool(git.git("ls-files", "--", FILE))
    except git.GitError:
        return False
