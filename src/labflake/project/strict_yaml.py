"""Read YAML, and refuse a key that is given twice: the second would win without a word."""

from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return what a node says; the 30th of February is an error with its line."""
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            what = f"{node.value} cannot be read: {error}"
            raise yaml.MarkedYAMLError(problem=what, problem_mark=node.start_mark) from None


def load(text: str) -> Any:
    """Return what a text of YAML says.

    Raises:
        yaml.YAMLError: it is no YAML, a key is given twice, or a date is none.
    """
    return yaml.load(text, _Loader)  # a safe one, with one rule more


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
