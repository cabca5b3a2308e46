"""What the step that runs this program declares; nothing where it is run by hand."""

import json
import os
from functools import cache
from pathlib import Path

from labflake.errors import LabError

VARIABLE = "LAB_STEP"  # to what a step starts: the folder of its declaration and its notes
FILE = "declared.json"


class Declared:
    """The inputs and outputs of a step, and the places into which it writes its outputs.

    Attributes:
        step: its name.
        rule: the rule that declares it.
        generated: the folder that all paths are relative to.
        inputs: paths of files and folders.
        outputs: the place of each output, by its path.
    """

    def __init__(
        self, step: str, rule: str, generated: str, inputs: list[str], outputs: dict[str, str]
    ) -> None:
        self.step, self.rule, self.generated = step, rule, generated
        self.inputs, self.outputs = inputs, outputs

    def written(self, folder: str) -> None:
        """Write the declaration into a folder, where `of` finds it."""
        with open(os.path.join(folder, FILE), "w", encoding="utf-8") as file:
            json.dump(vars(self), file)

    def read(self, path: str) -> Path | None:
        """Return where a file is that the step may read; None if it has nothing to do with it.

        Raises:
            LabError: it is a result or data, and not declared.
        """
        full = os.path.abspath(path)
        if place := self._place(full):
            return Path(place)
        if self._has(full) or not self._is_generated(full):
            return None
        raise LabError(self._undeclared("input", os.path.relpath(full, self.generated)))

    def write(self, path: str) -> Path | None:
        """Return where an output goes; None if the path is neither a result nor data.

        Raises:
            LabError: it is one, and not declared.
        """
        full = os.path.abspath(path)
        if place := self._place(full):
            return Path(place)
        if any(_within(full, place) for place in self.outputs.values()):
            return None
        if not self._is_generated(full):
            return None
        raise LabError(self._undeclared("output", os.path.relpath(full, self.generated)))

    def readable(self) -> dict[str, Path]:
        """Return the place of each file that is an input, or an output that is there already.

        Of folders, the files in them count, too.
        """
        there = {path: place for path, place in self.outputs.items() if os.path.exists(place)}
        places = {path: os.path.join(self.generated, path) for path in self.inputs} | there
        found: dict[str, Path] = {}
        for path, place in places.items():
            inside = sorted(Path(place).rglob("*")) if os.path.isdir(place) else []
            found |= {f"{path}/{each.relative_to(place)}": each for each in inside}
            found[path] = Path(place)
        return found

    def refuse(self, kind: str, name: str) -> LabError:
        """Return the error that a name is not declared as an input, or as an output."""
        import glob

        there = sorted(Path(self.generated, "assets").rglob(f"{glob.escape(name)}*"))
        path = os.path.relpath(there[0], self.generated) if there else f"assets/data/{name}"
        return LabError(self._undeclared(kind, path, name))

    def _place(self, full: str) -> str | None:
        """Return the place of an output, or of a file in one that is a folder."""
        for path, place in self.outputs.items():
            final = os.path.join(self.generated, path)
            if _within(full, final):
                return place + full[len(final) :]
        return None

    def _has(self, full: str) -> bool:
        """Tell whether a path is a declared input, in one, or in the step's own folder."""
        known = [os.path.join(self.generated, path) for path in self.inputs]
        return any(
            _within(full, os.path.normpath(each)) for each in [*known, *self.outputs.values()]
        )

    def _is_generated(self, full: str) -> bool:
        return _within(full, os.path.dirname(self.generated))

    def _undeclared(self, kind: str, path: str, name: str = "") -> str:
        why = {
            "input": "a change there would not run it again",
            "output": "nobody would know which step made it",
        }
        declared = self.inputs if kind == "input" else list(self.outputs)
        there = [path for path in declared if not path.startswith("../")]
        return (
            f"step {self.step} does not declare {name or path} as an {kind}, so {why[kind]}\n"
            f'  add it to `{kind}:` of rule {self.rule}, for example "{path}"\n'
            f"  declared there: {', '.join(there) or 'none'}"
        )


def of_step() -> Declared | None:
    """Return the declaration of the step that runs this program, None outside a step."""
    folder = os.environ.get(VARIABLE)
    return _read(folder) if folder else None


@cache
def _read(folder: str) -> Declared | None:
    try:
        with open(os.path.join(folder, FILE), encoding="utf-8") as file:
            return Declared(**json.load(file))
    except FileNotFoundError:
        return None


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))
