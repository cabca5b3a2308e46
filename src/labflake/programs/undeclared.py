"""Find packages that programs import and `pyproject.toml` does not ask for (part of `make check`).

They are there only because another package requires them, so any update may take them away.
"""

import re
from pathlib import Path

from labflake.programs import installed, modules, pins
from labflake.project.experiments import Experiment, relative, root


def lines(experiment: Experiment) -> list[str]:
    """Return a line for each package that a program of an experiment, or of `src/`, imports so."""
    files = [*experiment.scripts.rglob("*.py"), *(root() / "src").rglob("*.py")]
    return [line for file in sorted(files) for line in _of(file, experiment)]


def _of(file: Path, experiment: Experiment) -> list[str]:
    places = (file.parent, experiment.scripts, root() / "src", root())
    asked_for = pins.wanted(root()) | {pins.LABFLAKE}
    found: dict[str, str] = {}
    for module in sorted(modules.asked(file, places).modules):
        packages = pins.owners(module)
        if packages and not packages & asked_for:
            found.setdefault(min(packages), module)
    return [_line(file, module, package) for package, module in found.items()]


def _line(file: Path, module: str, package: str) -> str:
    name = module.split(".")[0]
    texts = file.read_text(encoding="utf-8", errors="replace").splitlines()
    imported = re.compile(rf"import.*\b{name}\b|from {name}\b")
    number = next((n for n, text in enumerate(texts, 1) if imported.search(text)), 1)
    tool = installed.of(root())[package]["for_tools"]
    why = "as a tool, not for results" if tool else "only because another package needs it"
    return (
        f"{relative(file)}:{number}: imports {name}, which is there {why}:"
        f" make add PACKAGE={package}"
    )
