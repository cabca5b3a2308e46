"""The name of a step: its rule and the values of its wildcards, and nothing else has that name."""

import hashlib
import os
import re
from collections.abc import Iterable

_LONGEST = 90  # bytes, so that endings fit into what every disk and every queue takes
_PLAIN = re.compile(r"\w+(-[\w.,=+@-]+)?", re.ASCII)


def of(rule: str, wildcards: Iterable[str]) -> str:
    """Return the name that people see: `fit`, or for one of several variants `fit:berlin,0.1`."""
    values = [str(value) for value in wildcards]
    apart = "," if len(values) > 1 else ""
    while values and not values[-1]:  # all steps of a rule have as many
        values.pop()
    if not values:
        return _plain(rule, ":")
    return f"{_plain(rule, ':')}:{','.join(_plain(value, apart) for value in values)}"


def _plain(text: str, special: str) -> str:
    """Write what would be read as something else as `%2C`."""
    return "".join(
        c if c.isprintable() and c not in "%" + special else f"%{ord(c):02X}" for c in text
    )


def scripts_of(generated: str) -> str:
    """Return the folder of what people write for an experiment, from where its steps run."""
    return f"../../scripts/{os.path.basename(generated)}/"


def rule(name: str) -> str:
    """Return the rule in the name of a step."""
    return name.partition(":")[0]


def file(name: str) -> str:
    """Return the name as a file can have it, and a job of a queue: short, and of no other step."""
    plain = name.replace(":", "-", 1)
    if _PLAIN.fullmatch(plain) and "-" not in rule(name) and len(plain) <= _LONGEST:
        return plain
    start = re.sub(r"[^\w.,=+@-]", "_", plain, flags=re.ASCII)
    return f"{start[: _LONGEST - 17]}~{hashlib.sha256(name.encode()).hexdigest()[:16]}"
