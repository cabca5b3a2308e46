"""The lines that name the labflake in `vendor/`: in `pyproject.toml`, in the lock, of its own."""

import re
import tomllib
from pathlib import Path

from labflake.content.atomic import rewrite
from labflake.environment.freshness import content_hash
from labflake.errors import LabError

_LINE = re.compile(r"^(labflake *= *\{.*path *= *\")vendor[^\"]*(\")(?:, *develop *= *true)?", re.M)
_ENTRY = re.compile(r'^\[\[package\]\]\nname = "labflake"\n(?:(?!\[\[|\[metadata).*\n)*', re.M)


def write(project: Path, url: str, version: str, kind: str, files: str, locked: str = "") -> None:
    """Write the place of labflake into `pyproject.toml` and into its entry of the lock.

    Args:
        project: the folder of the project.
        url: the place, from there.
        version: the version.
        kind: `file` or `directory`.
        files: what the lock has about the files, from its `[` on.
        locked: the place that the lock says, if that is another one.

    Raises:
        LabError: they name no labflake in `vendor/`.
    """
    facts_file, lock_file = project / "pyproject.toml", project / "poetry.lock"
    text = facts_file.read_text(encoding="utf-8")
    develop = ", develop = true" if kind == "directory" else ""
    text, lines = _LINE.subn(rf"\g<1>{url}\g<2>{develop}", text)
    lock = lock_file.read_text(encoding="utf-8")
    entry = _ENTRY.search(lock)
    if lines != 1 or not entry:
        raise LabError(
            "pyproject.toml and poetry.lock name no labflake in vendor/\n"
            "  if it comes from a package index: make add PACKAGE=labflake==VERSION"
        )
    said = re.sub(r'^version = ".*"', f'version = "{version}"', entry[0], count=1, flags=re.M)
    said = re.sub(
        r"^files = \[(?s:.*?)\]\n(?:develop = true\n)?", f"files = {files}", said, flags=re.M
    )
    place = f'type = "{kind}"\nurl = "{locked or url}"'
    said = re.sub(r'^type = ".*"\nurl = ".*"', place, said, flags=re.M)
    lock = lock[: entry.start()] + said + lock[entry.end() :]
    digest = content_hash(tomllib.loads(text))
    lock = re.sub(r'^(content-hash = ")\w*', rf"\g<1>{digest}", lock, flags=re.M)
    rewrite(facts_file, text.encode())
    rewrite(lock_file, lock.encode())


def project(about: dict[str, list[str]]) -> str:
    """Return the `pyproject.toml` of the unpacked labflake: what its wheel said of it."""
    asked = [_requirement(line) for line in about.get("Requires-Dist", [])]
    listed = "".join(f'    "{name}",\n' for name, extra in asked if not extra)
    extras = sorted({extra for _, extra in asked if extra})
    optional = "".join(
        f"{extra} = [{', '.join(f'{chr(34)}{n}{chr(34)}' for n, of in asked if of == extra)}]\n"
        for extra in extras
    )
    return f"""\
# labflake, unpacked by `labflake eject`: change what you like, `git diff` shows it.
[project]
name = "labflake"
version = "{about["Version"][0]}"
description = "{about["Summary"][0]}"
requires-python = "{about["Requires-Python"][0]}"
dependencies = [
{listed}]

[project.optional-dependencies]
{optional}
[project.scripts]
labflake = "labflake.__main__:run"

[build-system]
requires = ["poetry-core>=2.2,<3"]
build-backend = "poetry.core.masonry.api"

[tool.poetry]
packages = [{{ include = "labflake" }}]
"""


def _requirement(line: str) -> tuple[str, str]:
    """Return a requirement as it was asked for, and the extra that it belongs to."""
    name, _, marker = line.partition(";")
    extra = re.search(r'extra == "(.+?)"', marker)
    return re.sub(r" *\((.*)\)", r"\1", name.strip()), extra[1] if extra else ""
