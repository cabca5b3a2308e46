"""Poetry changes `pyproject.toml` and `poetry.lock` in a copy; the project gets what it made.

It is told of pip's further indexes and folders there, too, which are a matter of this machine:
nothing of them is in what the project gets. They come after the main index: what that one has is
for everybody, and a build that lies on one machine shall not take its place.
"""

import hashlib
import os
import re
import shutil
import tempfile
import tomllib
from pathlib import Path
from typing import NamedTuple

from . import poetry, programs, serving, sources
from .freshness import content_hash

FILES = ("pyproject.toml", "poetry.lock")
_QUIET = ("--no-interaction", "--no-ansi")
_INDEX = """
[[tool.poetry.source]]
name = "{name}"
url = "{url}"
priority = "supplemental"
"""
_MAIN = "POETRY_PYPI_MIRROR_URL"
_NAME = "labflake-further-index-{}"
_FROM_INDEX = re.compile(
    r'\n\[package\.source\]\ntype = "legacy"\nurl = "[^"\n]*"\nreference = "labflake-further-.*"\n'
)
_FROM_PATH = re.compile(r'(\[package\.source\]\ntype = "(?:file|directory)"\nurl = ")([^"\n]*)"')
_OUTSIDE = re.compile(r"""["'](\.\./[^"'\n]*)["']""")


class Answer(NamedTuple):
    """What came of it.

    Attributes:
        lines: what Poetry said.
        files: both files as they are then, by their names; None if Poetry failed.
    """

    lines: list[str]
    files: dict[str, bytes] | None


def ask(project: Path, *arguments: str) -> Answer:
    """Let Poetry change both files of a project, in a copy.

    Raises:
        PreparationError: Poetry cannot be had.
    """
    command = [*poetry.command(), *arguments, *_QUIET]
    places = serving.on_disk(sources.index(), sources.settings())
    with tempfile.TemporaryDirectory() as folder, serving.served(places) as local:
        copy = _copied(project, Path(folder).resolve())
        blocks = _tell_indexes(copy, local)
        done = programs.ask(command, _variables(local), copy)
        lines = (done.stdout + done.stderr).splitlines()
        if done.returncode:
            return Answer(lines, None)
        _forget_indexes(copy, blocks)
        _lead_back(copy / "poetry.lock", project.resolve())
        return Answer(lines, {name: (copy / name).read_bytes() for name in FILES})


def asked() -> list[str]:
    """Return the indexes and folders that Poetry is told of."""
    places = serving.on_disk("", sources.settings())
    return [sources.index(), *sources.further(), *(str(place.path) for place in places)]


def _copied(project: Path, folder: Path) -> Path:
    """Make the copy: all else in it are links, also to what both files name outside the project."""
    texts = [(project / n).read_text(encoding="utf-8") for n in FILES if (project / n).exists()]
    outside = {os.path.normpath(path) for text in texts for path in _OUTSIDE.findall(text)}
    deep = max((path.split(os.sep).count("..") for path in outside), default=0)
    copy = folder.joinpath(*["in"] * deep, "project")
    copy.mkdir(parents=True)
    for path in project.iterdir():
        if path.name in FILES:
            shutil.copy2(path, copy)
        elif path.name[0] != ".":
            (copy / path.name).symlink_to(path.resolve())
    for path in outside:
        link = Path(os.path.normpath(copy / path))
        if (project / path).exists() and not link.exists():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to((project / path).resolve())
    return copy


def _variables(local: dict[serving.Place, str]) -> dict[str, str]:
    """Return those of Poetry; to what is served here it goes by no proxy."""
    env = poetry.variables()
    if local:
        before = env.get("no_proxy") or env.get("NO_PROXY") or ""
        env["no_proxy"] = env["NO_PROXY"] = f"{before},127.0.0.1".lstrip(",")
    if env.get(_MAIN, "").startswith("file:"):
        served = (url for place, url in local.items() if place.is_main)
        env[_MAIN] = next(served, env[_MAIN])  # one that is not there is no reason to ask another
    return env


def _tell_indexes(copy: Path, local: dict[serving.Place, str]) -> list[str]:
    """Name pip's further indexes; Poetry asks them for what the main one does not have.

    It keeps what it was told under their names: these are others where the content is another.
    """
    urls = {url: url for url in sources.further()}
    urls |= {place.state(): url for place, url in local.items() if not place.is_main}
    blocks = [
        _INDEX.format(name=_NAME.format(hashlib.sha256(key.encode()).hexdigest()[:16]), url=url)
        for key, url in urls.items()
    ]
    with (copy / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.writelines(blocks)
    return blocks


def _forget_indexes(copy: Path, blocks: list[str]) -> None:
    """Take them out again, and let the lock be that of the file without them."""
    if not blocks:
        return
    facts, lock = ((copy / name).read_text(encoding="utf-8") for name in FILES)
    for block in blocks:
        facts = facts.replace(block, "")
    wanted = content_hash(tomllib.loads(facts))
    lock = re.sub(r'(?m)^(content-hash = )".*"', rf'\1"{wanted}"', _FROM_INDEX.sub("", lock))
    (copy / "pyproject.toml").write_text(facts, encoding="utf-8")
    (copy / "poetry.lock").write_text(lock, encoding="utf-8")


def _lead_back(lock: Path, project: Path) -> None:
    """Let the places of packages in folders be seen from the project instead of from the copy."""

    def seen(found: re.Match[str]) -> str:
        place = os.path.realpath(lock.parent / found[2])
        return f'{found[1]}{Path(os.path.relpath(place, project)).as_posix()}"'

    lock.write_text(_FROM_PATH.sub(seen, lock.read_text(encoding="utf-8")), encoding="utf-8")
