"""Find every local file that a program runs or names, directly or through others.

What a program of Python imports in ways that cannot be read off its text is seen when it runs: see
`labflake.steps.seen`.
"""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from labflake.programs import mentions
from labflake.programs.pins import Asked
from labflake.project.experiments import root

_RUN_TEXT = ("exec", "eval", "compile")
_INVENTORIES = ("entry_points", "iter_modules", "walk_packages", "packages_distributions")
_IMPORTERS = ("import_module", "__import__", "run_module", "find_spec", "files")


def programs(program: Path, folder: Path | None = None, also: tuple[str, ...] = ()) -> list[Path]:
    """Return the program and every local file that it imports or names, transitively.

    Local means: beside the program, in `src/` or in the folder of the project. Packages of
    `.venv` are not followed: their pins stand for them (`labflake.programs.pins`).

    Args:
        program: the file that a step runs.
        folder: where it runs; without it, the folder of the project.
        also: other folders in which Python looks for modules.
    """
    places = (program.parent, *map(Path, also), root() / "src", root())
    folder = folder or root()
    found, waiting = [program], [program]
    while waiting:
        for file in _next(waiting.pop(), places, folder):
            if file not in found:
                found.append(file)
                waiting.append(file)
    return [program, *sorted(found[1:])]


@cache
def _next(file: Path, places: tuple[Path, ...], generated: Path) -> tuple[Path, ...]:
    """Return the local files that one file imports or names."""
    if file.suffix == ".py":
        return imports(file, places, generated)
    return tuple(mentions.in_file(file, generated))


@cache
def imports(file: Path, places: tuple[Path, ...], generated: Path) -> tuple[Path, ...]:
    """Return the local files that a module imports or names; none if it is no valid Python."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return ()
    nodes = [*ast.walk(tree)]
    called = {"importlib": "importlib"} | dict(_aliases(nodes))
    names = {name for node in nodes for name in _names(node, file, places, called)}
    texts = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    modules = {path for name in names for path in files(name, places)}
    return tuple(sorted(modules | mentions.among(texts, generated, file.parent)))


@cache
def asked(file: Path, places: tuple[Path, ...]) -> Asked:
    """Return what a module imports that is not local; everything, if it is no valid Python.

    So it is if it imports what it finds out while it runs, or looks at what is installed.
    """
    try:
        nodes = [*ast.walk(ast.parse(file.read_bytes()))]
    except (SyntaxError, ValueError, OSError):
        return Asked(everything=True)
    called = {"importlib": "importlib"} | dict(_aliases(nodes))
    names = {name for node in nodes for name in _names(node, file, places, called) if name}
    foreign = {name for name in names if name.split(".")[0] not in sys.stdlib_module_names}
    return Asked(
        frozenset(name for name in foreign if not any(files(name, places))),
        everything=any(_is_open(node, called) for node in nodes),
    )


def _is_open(node: ast.AST, called: dict[str, str]) -> bool:
    """Tell whether a call may import anything: the name is put together, or it runs a text."""
    if not isinstance(node, ast.Call):
        return False
    own = getattr(node.func, "id", "")
    name = called.get(own, own) or getattr(node.func, "attr", "")
    if name in _IMPORTERS:
        first = next((w.value for w in node.keywords if w.arg in ("name", "mod_name")), None)
        first = node.args[0] if node.args else first
        return name != "files" and not isinstance(first, ast.Constant)
    return own in _RUN_TEXT or name in _INVENTORIES


def _aliases(nodes: list[ast.AST]) -> Iterator[tuple[str, str]]:
    """Give the names under which a file knows what it imports, each with its own name."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.asname, alias.name) for alias in node.names if alias.asname)


def _names(
    node: ast.AST, file: Path, places: tuple[Path, ...], called: dict[str, str]
) -> Iterator[str]:
    """Give the dotted names that one node of the syntax tree may import."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = _absolute(node.module or "", node.level, file, places)
        yield base
        for alias in node.names:
            names = _all_of(base, places) if alias.name == "*" else [alias.name]
            yield from (f"{base}.{name}".strip(".") for name in names)
    elif isinstance(node, ast.Call):
        yield from _called(node, file, places, called)


def _called(
    node: ast.Call, file: Path, places: tuple[Path, ...], called: dict[str, str]
) -> Iterator[str]:
    """Give the name that a call such as `import_module(".mod", package="pkg")` imports."""
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if called.get(name, name) not in _IMPORTERS:
        return
    given = dict(zip(("name", "package"), node.args, strict=False))
    given |= {word.arg: word.value for word in node.keywords if word.arg}
    texts = {key: value.value for key, value in given.items() if isinstance(value, ast.Constant)}
    text, package = texts.get("name"), texts.get("package")
    if not isinstance(text, str):
        return
    rest = text.lstrip(".")
    level = len(text) - len(rest)
    if level and isinstance(package, str):
        parts = package.split(".")
        rest = ".".join([*parts[: len(parts) - level + 1], rest])
    elif level:
        rest = _absolute(rest, level, file, places)
    yield rest


def _absolute(module: str, level: int, file: Path, places: tuple[Path, ...]) -> str:
    """Return the absolute name of the module in `from … import`."""
    if not level:
        return module
    folder = file.parents[level - 1] if level <= len(file.parents) else file.parent
    place = next((p for p in places if folder.is_relative_to(p)), folder)
    parts = [*folder.relative_to(place).parts, *module.split(".")]
    return ".".join(p for p in parts if p)


def _all_of(package: str, places: tuple[Path, ...]) -> list[str]:
    """Return what `from package import *` imports by name: its `__all__`, where it is a list."""
    for file in files(package, places):
        try:
            body = ast.parse(file.read_bytes()).body
        except (SyntaxError, ValueError, OSError):
            continue
        for node in body:
            targets = getattr(node, "targets", [getattr(node, "target", None)])
            if any(getattr(target, "id", "") == "__all__" for target in targets):
                values = getattr(getattr(node, "value", None), "elts", [])
                return [v.value for v in values if isinstance(getattr(v, "value", None), str)]
    return []


def files(name: str, places: tuple[Path, ...]) -> Iterator[Path]:
    """Give the files that importing the name runs: its packages, and the module itself.

    As Python does, a folder without `__init__.py` counts only where nothing else has the name.
    """
    folders = list(places)
    for part in [part for part in name.split(".") if part]:
        portions = []
        for folder in folders:
            package, module = folder / part, folder / f"{part}.py"
            if (package / "__init__.py").is_file():
                yield package / "__init__.py"
                portions = [package]
                break
            if module.is_file():
                yield module
                return
            portions += [package] if package.is_dir() else []
        folders = portions
