"""Merge what two sides ask for in `pyproject.toml`: by the names of packages and settings.

git merges lines, and calls it a conflict if one side adds a package beside a line that the other
one changed.
"""

import re
import tempfile
import tomllib
from pathlib import Path

from labflake.content.atomic import rewrite
from labflake.project.experiments import root
from labflake.project.git import git, run

_HUNK = re.compile(
    r"^<{7} .*\n((?:.*\n)*?)\|{7}.*\n((?:.*\n)*?)={7}\n((?:.*\n)*?)>{7} .*\n", re.MULTILINE
)
_LINE = re.compile(
    r'\s*"(?P<package>[A-Za-z0-9][\w.-]*)[^"]*"(?P<comma>,?)(?P<rest>\s*(?:#.*)?)'
    r"|(?P<name>[\w-]+)\s*=\s*\S.*"
)


def settle(name: str = "pyproject.toml") -> bool:
    """Resolve the conflicts of a file; tell whether none is left. Else the file stays as it is."""
    ours, base, theirs = (run("show", f":{n}:./{name}", cwd=root())[1] for n in (2, 1, 3))
    text = merged(ours, base, theirs)
    if text is None:
        return False
    rewrite(root() / name, text.encode())
    git("add", name, cwd=root())
    return True


def merged(ours: str, base: str, theirs: str) -> str | None:
    """Return what both sides made of a file; None where they changed the same thing."""
    with tempfile.TemporaryDirectory() as folder:
        texts = {"ours": ours, "base": base, "theirs": theirs}
        for name, text in texts.items():
            Path(folder, name).write_bytes(text.encode())
        command = ["merge-file", "--stdout", "--diff3", *texts]
        _, text, _ = run(*command, cwd=Path(folder))
    text = _HUNK.sub(_joined, text)
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None  # the marks of a conflict are no TOML
    return text


def _joined(hunk: re.Match) -> str:
    """Return the lines of both sides, as they are if each asks for something else."""
    ours, base, theirs = (_by_name(each) for each in hunk.groups())
    if ours is None or base is None or theirs is None:
        return hunk[0]
    found: dict[str, str] = {}
    for name in [*ours, *(each for each in theirs if each not in ours)]:
        sides = ours.get(name), base.get(name), theirs.get(name)
        line = sides[2] if sides[0] == sides[1] else sides[0]
        if sides[1] not in (sides[0], sides[2]) and sides[0] != sides[2]:
            return hunk[0]
        if line:
            found[name] = line
    in_order = all(list(each) == sorted(each) for each in (ours, theirs))
    return "".join(found[name] for name in (sorted(found) if in_order else found))


def _by_name(text: str) -> dict[str, str] | None:
    """Return lines by the package or the setting that each is about; None if one is another."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if not match or (name := match["package"] or match["name"]) in found:
            return None
        whole = match["name"] or match["comma"]
        found[name] = f"{line}\n" if whole else f"{_with_comma(line, match)}\n"
    return found


def _with_comma(line: str, match: re.Match) -> str:
    """Return the last line of a list so that another one can follow."""
    end = match.start("rest")
    return f"{line[:end]},{line[end:]}"
