"""Read YAML, and refuse a key that is given twice: the second would win without a word."""

import re
from collections.abc import Iterator
from typing import Any, ClassVar

import yaml

_INT, _FLOAT, _BOOL = (f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool"))
_WHOLE = re.compile(r"(?:[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+)$")
_REAL = re.compile(
    r"(?:[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)


class _Loader(yaml.SafeLoader):
    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return what a node says; the 30th of February is an error with its line."""
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            what = f"{node.value} cannot be read: {error}"
            raise yaml.MarkedYAMLError(problem=what, problem_mark=node.start_mark) from None


class _Plain(_Loader):
    """Numbers are those of programs: `1e-5` is one; `10:30`, `1_000` and `007` are texts."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, form) for tag, form in known if tag not in (_INT, _FLOAT)]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Plain.add_implicit_resolver(_INT, _WHOLE, [*"-+0123456789"])
_Plain.add_implicit_resolver(_FLOAT, _REAL, [*"-+.0123456789"])


def load(text: str) -> Any:
    """Return what a text of YAML says.

    Raises:
        yaml.YAMLError: it is no YAML, a key is given twice, or a date is none.
    """
    return yaml.load(text, _Loader)  # a safe one, with one rule more


def value(text: str) -> Any:
    """Return what a value of the command line says: YAML, with numbers as programs write them.

    Raises:
        yaml.YAMLError: it is no YAML.
    """
    return yaml.load(text, _Plain)  # a safe one


def misread(text: str) -> Iterator[tuple[int, str, Any]]:
    """Yield the line, the text and the value of what YAML reads as something else than it shows.

    `1e-5` is a text there, `NO` is false, `12:30` is 750, `010` is 8 and `1_000` is 1000.
    """
    plain, quick = _Plain(""), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for node in _scalars(yaml.compose(text, quick), set()):
        if node.style:
            continue
        other = plain.resolve(yaml.ScalarNode, node.value, (True, False)) != node.tag
        if other or (node.tag == _BOOL and node.value.lower() not in ("true", "false")):
            yield node.start_mark.line + 1, node.value, plain.construct_object(node)


def _scalars(node: Any, seen: set[int]) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif node is not None and id(node) not in seen:
        seen.add(id(node))
        for each in node.value:
            for inner in each if isinstance(each, tuple) else (each,):
                yield from _scalars(inner, seen)


def said(error: yaml.YAMLError) -> tuple[str, str]:
    """Return the line of an error as `:7`, where it has one, and what is wrong there."""
    if not isinstance(error, yaml.MarkedYAMLError) or not error.problem_mark:
        return "", str(error)
    begun = f" {error.context}" if error.context else ""
    at = f" begun in line {error.context_mark.line + 1}" if error.context_mark and begun else ""
    shown = error.problem_mark.get_snippet(indent=4) or ""
    return f":{error.problem_mark.line + 1}", f"{error.problem}{begun}{at}\n{shown}".rstrip("\n ^")


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict:
    seen = set()
    for key, _ in node.value:
        if key.tag == "tag:yaml.org,2002:merge" or not isinstance(key, yaml.ScalarNode):
            continue
        if (key.tag, key.value) in seen:
            raise yaml.MarkedYAMLError(
                problem=f"{key.value} is given twice", problem_mark=key.start_mark
            )
        seen.add((key.tag, key.value))
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
