"""Requests and answers against excerpts of the descriptions that forges publish of themselves.

Each excerpt below `descriptions` says what it was taken from, and what was not checked.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema

if TYPE_CHECKING:
    from servers.forges import Answer, Asked

_TO_ALL = (401, 403, 404)  # whatever it is: one may not do it, or it is not there


def read(name: str) -> dict:
    """Return an excerpt, in which objects have no other fields than it says."""
    text = (Path(__file__).parent / f"descriptions/{name}.json").read_text(encoding="utf-8")
    return _closed(json.loads(text))


def _closed(described: Any) -> Any:
    if isinstance(described, list):
        return [_closed(each) for each in described]
    if not isinstance(described, dict):
        return described
    closed = {key: _closed(value) for key, value in described.items()}
    return closed | ({"additionalProperties": False} if "properties" in closed else {})


def pattern(template: str) -> str:
    """Return the regular expression of a path such as `/repos/{owner}`."""
    return re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(template))


def wrong(operation: dict, asked: "Asked", values: list[str]) -> Iterator[str]:
    """Give what of a request, whose path has these values, is not as described."""
    every = operation.get("parameters", [])
    within = [p for p in every if p["in"] == "path"]
    known = {p["name"]: p for p in every if p["in"] == "query"}
    for parameter, value in zip(within, values, strict=True):
        yield from _errors(_typed(value, parameter["schema"]), parameter["schema"])
    for name, value in asked.query.items():
        if name in known:
            yield from _errors(_typed(value, known[name]["schema"]), known[name]["schema"])
        else:
            yield f"there is no parameter {name}"
    missing = [n for n, p in known.items() if p.get("required") and n not in asked.query]
    yield from (f"the parameter {name} is missing" for name in missing)
    yield from _wrong_body(operation.get("requestBody", {}).get("content", {}), asked)


def _wrong_body(contents: dict, asked: "Asked") -> Iterator[str]:
    kind = asked.headers.get("Content-Type", "").partition(";")[0]
    if not contents:
        return
    if [*contents] == ["application/octet-stream"]:  # GitHub: the type is that of the file
        yield from () if kind and asked.content else ["the file has no type, or is empty"]
    elif kind not in contents:
        yield f"the body is {kind or 'missing'}, not {' or '.join(contents)}"
    else:
        held = {k: v for k, v in (asked.body or {}).items() if not k.endswith(" name")}
        held = {k: v.decode("latin1") if isinstance(v, bytes) else v for k, v in held.items()}
        yield from _errors(held, contents[kind]["schema"])


def untrue(operation: dict, answer: "Answer", schemas: dict) -> Iterator[str]:
    """Give what of an answer is not as described."""
    known = operation["responses"].get(str(answer.status))
    if known is None and answer.status not in _TO_ALL:
        yield f"{answer.status} is not described"
    if known and "schema" in known:
        yield from _errors(answer.value, {**known["schema"], "schemas": schemas})


def _typed(value: str, schema: dict) -> str | int:
    return int(value) if "integer" in schema["type"] and value.isdigit() else value


def _errors(value: Any, schema: dict) -> Iterator[str]:
    yield from (e.message for e in jsonschema.Draft202012Validator(schema).iter_errors(value))
