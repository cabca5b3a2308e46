"""The rooms of the package: which may import which, and that none reaches into another's own."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from rendering import SOURCES

LABFLAKE = SOURCES / "labflake"
# From the ground up: a room may import those above it in this list, and no other.
FLOORS = [
    ["errors", "records"],
    ["project"],
    ["content"],
    ["io", "environment", "cache"],
    ["template", "processes", "command_line"],
    ["programs"],
    ["data_files"],
    ["steps"],
    ["documents"],
    ["site", "strict", "verify"],
    ["publish"],
    ["commands"],
    ["__main__"],
]


def room(path: Path) -> str:
    """Return the room of a module: its folder, or itself where it is in none."""
    return path.relative_to(LABFLAKE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Give module and name of all that a module imports of labflake."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("labflake"):
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            yield from ((name, "") for name in names if name.startswith("labflake"))


def modules() -> list[Path]:
    """Return the modules of the package; those of a new experiment are not its own."""
    found = sorted(LABFLAKE.rglob("*.py"))
    return [p for p in found if room(p) not in ("__init__", "starter")]


def test_rooms_import_what_is_below_them() -> None:
    """No two rooms import each other, also in a roundabout way: each stands on lower ones."""
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    wrong = []
    for path in modules():
        for module, name in imports(path):
            other = [*module.split(".")[1:], name][0]
            if other and other != room(path) and floor[other] >= floor[room(path)]:
                wrong.append(f"{path.relative_to(LABFLAKE)} imports {module}.{name}")
    assert wrong == []


def test_no_module_imports_what_is_private_to_another() -> None:
    """A name that begins with `_` is for its own module."""
    names = {(path, name) for path in modules() for _, name in imports(path)}
    assert [each for each in names if each[1].startswith("_") and each[1][:2] != "__"] == []


def test_every_room_says_what_it_is_for() -> None:
    """Each folder of the package opens with a sentence."""
    rooms = [p for p in LABFLAKE.iterdir() if p.is_dir() and (p / "__init__.py").exists()]
    silent = [
        p.name for p in rooms if not ast.get_docstring(ast.parse((p / "__init__.py").read_text()))
    ]
    assert silent == []
    assert {p.name for p in rooms} <= {name for names in FLOORS for name in names}


def test_a_build_of_one_step_imports_nothing_that_is_slow() -> None:
    """What runs steps from the record takes part of a tenth of a second to import, not more."""
    slow = ["ast", "dataclasses", "importlib.metadata", "inspect", "logging", "tempfile", "typing"]
    rooms = "commands.build, labflake.steps.run_steps, labflake.processes.alone"
    code = f"import sys, labflake.{rooms}; print(*sorted(sys.modules.keys() & {slow}))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
