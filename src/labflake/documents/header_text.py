"""The header of a document as it is written: its YAML, and the line of each key."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from labflake.documents import prose
from labflake.documents.problems import Problem, refuse
from labflake.project import strict_yaml

# A title may be 1.10, 007 or Yes: what a reader sees is what is written, whatever YAML makes of it.
_SHOWN = ("title", "subtitle", "author", "abstract", "keywords", "tags", "question")
_NONE = "no header; a document begins with\n  ---\n  title: …\n  ---"


def read(path: Path, text: str) -> dict[str, Any]:
    """Return the YAML at the top of the document.

    Raises:
        LabError: it is not valid, or not `key: value` lines.
    """
    found = prose.HEADER.match(text)
    if not found:
        refuse(path, [Problem(1, _NONE)])
        return {}
    try:
        header = strict_yaml.load(found["yaml"]) or {}
        written = yaml.load(found["yaml"], yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or error
        line = min(mark.line, found["yaml"].count("\n") - 1) + 2 if mark else 1
        refuse(path, [Problem(line, f"the header is not valid YAML: {what}")])
    if not isinstance(header, dict):
        refuse(path, [Problem(2, "the header must hold `key: value` lines")])
    for key in _SHOWN:
        if header.get(key) is not None:
            header[key] = written[key]
    return {str(key): value for key, value in header.items()}


def lines(text: str) -> dict[tuple[str, ...], int]:
    """Return the line of each key of the header, by the keys that lead to it."""
    found = prose.HEADER.match(text)
    node = yaml.compose(found["yaml"]) if found else None
    return dict(_lines(node, ()))


def _lines(node: yaml.Node | None, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = (*above, str(key.value))
            yield name, key.start_mark.line + 2
            yield from _lines(value, name)
