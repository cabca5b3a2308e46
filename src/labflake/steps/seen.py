"""What the programs of a step were seen to read and write, beyond what its rule declares.

`labflake/audit` notes it while they run. A result or data that is not declared is refused. Anything
else that was read is found: it belongs to what the step was made from, as if it had been declared.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from labflake.content import digests
from labflake.errors import LabError
from labflake.programs import asks_git, commands, packages, pins
from labflake.programs.pins import Asked
from labflake.project.experiments import root
from labflake.project.options import flag
from labflake.project.settings import ASKED, as_words, overrides
from labflake.records import Record, field
from labflake.steps import names
from labflake.steps.found import ANY, IMPORT, paths
from labflake.steps.names import scripts_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labflake.steps.step import Step

_FIELDS = 6  # of a note: kind, path, size, two times and number of the file


class Seen(Record):
    """The files that a step used and does not declare; paths are relative to the generated folder.

    Attributes:
        read: files outside what is generated, and those that were looked for and are not there.
        listed: folders whose names it read.
        stray: results and data that it read.
        written: files of the project that it wrote.
        marks: what shows whether a file is changed after it was opened.
        own_settings: `config.yaml`, if it read that by itself while make was told other settings.
        modules: what it looked for of packages that its key does not have, there or not.
        asked_git: what it asked git that is not committed.
    """

    read: list[str] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    marks: dict[str, tuple] = field(default_factory=dict)
    own_settings: str = ""
    modules: list[str] = field(default_factory=list)
    asked_git: str = ""

    def found(self) -> list[str]:
        """Return the names of what it read, folders with a slash at their end, and of modules."""
        folders = (f"{folder}/" for folder in self.listed)
        return sorted([*self.read, *folders, *(IMPORT + name for name in self.modules)])

    def undeclared(self) -> list[str]:
        """Return the files that it read, and that are neither declared nor code."""
        there = [path for path in self.read if self.marks.get(path, [""])[0]]
        return [path for path in there if not is_code(path)]

    def changed(self) -> list[str]:
        """Return the files that are not any more what they were when they were opened."""
        return [path for path, mark in self.marks.items() if _mark(path) != mark]

    def fault(self, rule: str) -> str | None:
        """Return what is wrong with this, and what to do, or None."""
        if self.stray:
            return (
                f"it read {shown(self.stray[0])}, which its rule does not declare:"
                " a change there would not run it again\n"
                f'  add it to `input:` of rule {rule}: "{self.stray[0]}"'
            )
        if self.written:
            return (
                f"it wrote {shown(self.written[0])}, which its rule does not declare:"
                " nobody would know what made it\n"
                f"  add it to `output:` of rule {rule}, or write it to a temporary folder"
            )
        if self.asked_git:
            return asks_git.refusal(self.asked_git, f"rule {rule}")
        if flag("STRICT") and (found := self.undeclared()):
            return undeclared_read(rule, found[0])
        if self.own_settings:
            return (
                f"it read {shown(self.own_settings)} by itself, where {as_words(overrides())}"
                " does not stand\n"
                "  take the settings from there: from labflake import config"
            )
        return None


def by(step: "Step", notes: Path, scratch: Path) -> Seen:
    """Return what a step used besides what it declares.

    Args:
        step: the step.
        notes: the folder with the notes of its programs.
        scratch: the folder into which it writes.
    """
    if not any(notes.glob("*.notes")):  # of a program of Python there would be some
        return Seen(modules=[] if step.asked == Asked() else [ANY])
    place = _Place(step, scratch)
    marks: dict[str, tuple] = {}
    written, listed, started, looked_for = set(), set(), [], set()
    for kind, path, *mark in _notes(notes):
        if kind == "w":
            written.add(path)
        elif kind == "l":
            listed.add(path)
        elif kind == "m":
            looked_for.add(path)
        elif kind in "cp":
            started.append((path, path if kind == "c" else path.partition(" ")[0], mark[0]))
        else:
            marks.setdefault(path, tuple(mark))
    seen = Seen(modules=_of_packages(step, looked_for))
    for path in sorted(marks):
        if path not in written and not place.knows(path):
            _sort(seen, place, path, marks[path])
    for command, programs_of, folder in started:  # is like a command of the step
        names = commands.files(command, step.declared, place.generated, Path(folder))
        scripts = (commands.of_script(os.path.abspath(name)) for name in [*names])
        for programs in (commands.programs(programs_of), asks_git.files(command), *scripts):
            names += programs.values()
        ours = [path for path in names if path not in step.declared]
        asked = asks_git.of_what_is_not_committed(command) or commands.asks_git_in(ours)
        seen.asked_git = seen.asked_git or asked
        seen.read += [name for name in names if name not in {*seen.read, *step.inputs}]
    seen.written = sorted(place.name(p) for p in written if place.is_stray(p))
    listed -= {os.path.dirname(path) for path in written}
    seen.listed = sorted(place.name(p) for p in listed if place.counts(p))
    settings = os.path.abspath(f"{scripts_of(place.generated)}config.yaml")
    if settings in marks and overrides() and not (notes / ASKED).exists():
        seen.own_settings = place.name(settings)
    return seen


def _of_packages(step: "Step", looked_for: set[str]) -> list[str]:
    """Return the modules of which the key of a step has no package, there or not."""
    if step.container:
        return []
    beside = {Path(os.path.abspath(path)).parent for path in step.inputs if path.endswith(".py")}
    places = (*beside, root() / "scripts" / os.path.basename(os.getcwd()), root() / "src", root())
    known = sys.stdlib_module_names | {name.split(".")[0] for name in step.asked.modules}
    names = (name for name in sorted(looked_for - known - {pins.LABFLAKE}) if name[0] != "_")
    return [
        name
        for name in names
        if not packages.is_local(name, places) and not _is_known(pins.owners(name), step)
    ]


def _is_known(packages: set[str], step: "Step") -> bool:
    return bool(packages) and packages <= step.pins.keys()


def undeclared_read(rule: str, path: str) -> str:
    """Say that a file was read which no rule declares, and what to do."""
    return (
        f"it read {shown(path)}, which its rule does not declare, and STRICT is set\n"
        f'  add it to `input:` of rule {rule}: "{path}"'
    )


def refuse_undeclared(records: Iterable[dict]) -> None:
    """Refuse what steps were seen to read undeclared when they ran, if `STRICT` is set.

    Raises:
        LabError: names the first such step and file.
    """
    for record in records if flag("STRICT") else ():
        for path in paths(record["found"]):
            if record["inputs"].get(path) and not is_code(path):
                why = undeclared_read(names.rule(record["name"]), path)
                raise LabError(f"step {record['name']}: {why}")


def is_code(path: str) -> bool:
    """Tell whether a file is a module of Python, or the settings, which have a way of their own."""
    return path.endswith(".py") or os.path.basename(path) == "config.yaml"


class _Place:
    """Where a step runs, and which paths belong to it."""

    def __init__(self, step: "Step", scratch: Path) -> None:
        self.generated = os.getcwd()
        self.project = str(root())
        own = [os.path.abspath(path) for path in [*step.declared, *step.inputs]]
        self.own = {*own, *map(os.path.realpath, own), os.path.abspath(scratch)}
        self.own.add(os.path.abspath(".labflake"))

    def name(self, path: str) -> str:
        """Return a path relative to the generated folder where it is in the project."""
        return os.path.relpath(path, self.generated) if self.is_ours(path) else path

    def knows(self, path: str) -> bool:
        """Tell whether a path is declared, or is in a folder that is."""
        return any(p in self.own for p in _upwards(path)) or any(
            p in self.own for p in _upwards(os.path.realpath(path))
        )

    def is_ours(self, path: str) -> bool:
        return path.startswith(os.path.join(self.project, ""))

    def is_generated(self, path: str) -> bool:
        return path.startswith(os.path.join(os.path.dirname(self.generated), ""))

    def is_result(self, path: str) -> bool:
        """Tell whether a file is a result or data of some experiment, so that a rule names it."""
        return self.is_generated(path) or path.startswith(os.path.join(self.project, "data", ""))

    def is_stray(self, path: str) -> bool:
        """Tell whether a file was written that is neither an output nor for a moment."""
        if self.knows(path) or not os.path.lexists(path):
            return False
        if self.is_generated(path):
            return os.path.relpath(path, self.generated).split(os.sep)[0] in ("assets", "outputs")
        return self.is_ours(path)

    def counts(self, folder: str) -> bool:
        """Tell whether the names in a folder decide; it is none that everybody writes to."""
        if self.knows(folder) or self.is_generated(folder) or not os.path.isdir(folder):
            return False
        import tempfile

        return folder != tempfile.gettempdir() and not folder.startswith("/dev/")


def _sort(seen: Seen, place: _Place, path: str, mark: tuple) -> None:
    """Put a file that was read where it belongs."""
    now, name = _mark(path), place.name(path)
    if place.is_result(path):
        seen.stray += [name] if now[0] else []
    elif now[0] or place.is_ours(path):
        seen.read.append(name)
        seen.marks[name] = mark


def _notes(folder: Path) -> Iterator[list[str]]:
    """Give the notes of all processes of a step."""
    for file in sorted(folder.glob("*.notes")):
        fields = [os.fsdecode(each) for each in file.read_bytes().split(b"\0")]
        for start in range(0, len(fields) - _FIELDS, _FIELDS):
            yield fields[start : start + _FIELDS]


def _mark(path: str) -> tuple:
    try:
        stat = os.stat(path)
    except OSError:
        return ("", "", "", "")
    return tuple(map(str, digests.mark(stat)))


def shown(path: str) -> str:
    """Return a path as people know it."""
    return os.path.normpath(path).removeprefix("../../")


def _upwards(path: str) -> Iterator[str]:
    while path != os.path.dirname(path):
        yield path
        path = os.path.dirname(path)
