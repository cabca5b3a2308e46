"""Read YAML, and refuse a key that is given twice: the second would win without a word."""

from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    pass


def load(text: str) -> Any:
    """Return what a text of YAML says.

    Raises:
        yaml.YAMLError: it is no YAML, or a key is given twice.
    """
    return yaml.load(text, _Loader)  # a safe one, with one rule more


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
