"""Find every local module that a Python program imports, directly or through others."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from lab import _HOMES
from lab.experiments import root


def programs(program: Path) -> list[Path]:
    """Return the program and every local module that it imports, transitively.

    Local means: beside the program, in `src/` or in the folder of the project. Packages of
    `.venv` are not followed: `poetry.lock` stands for them.
    """
    places = (program.parent, root() / "src", root())
    found, waiting = [program], [program]
    while waiting:
        for module in imports(waiting.pop(), places):
            if module not in found:
                found.append(module)
                waiting.append(module)
    return [program, *sorted(found[1:])]


@cache
def imports(file: Path, places: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the local files that one file imports; none if it is no valid Python."""
    if file.suffix != ".py":
        return ()
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return ()
    names = {name for node in ast.walk(tree) for name in _names(node, file, places)}
    return tuple(p for name in sorted(names) for p in _files(name, places))


def _names(node: ast.AST, file: Path, places: tuple[Path, ...]) -> Iterator[str]:
    """Give the dotted names that one node of the syntax tree may import."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _absolute(node, file, places)
        yield base
        yield from (f"{base}.{alias.name}".strip(".") for alias in node.names)
        if base == "lab":
            yield from (_HOMES[a.name] for a in node.names if a.name in _HOMES)
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
            yield node.args[0].value


def _absolute(node: ast.ImportFrom, file: Path, places: tuple[Path, ...]) -> str:
    """Return the absolute name of the module in `from … import`."""
    if not node.level:
        return node.module or ""
    folder = file.parents[node.level - 1]
    place = next((p for p in places if folder.is_relative_to(p)), folder)
    parts = [*folder.relative_to(place).parts, *(node.module or "").split(".")]
    return ".".join(p for p in parts if p)


def _files(name: str, places: tuple[Path, ...]) -> Iterator[Path]:
    """Give the files that importing the name runs: its packages, and the module itself."""
    parts = name.split(".") if name else []
    for place in places:
        path = place
        for i, part in enumerate(parts):
            path = path / part
            if (path / "__init__.py").is_file():
                yield path / "__init__.py"
            elif path.with_suffix(".py").is_file():
                yield path.with_suffix(".py")
                return
            elif not path.is_dir() or i == len(parts) - 1:
                break
        if parts and (
            (place / parts[0]).is_dir() or (place / parts[0]).with_suffix(".py").is_file()
        ):
            return
