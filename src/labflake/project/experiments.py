"""The experiments of the project: their names, their folders, and which one is meant."""

import os
import re
from datetime import date
from functools import cache
from pathlib import Path

from labflake.errors import LabError, choice
from labflake.project import head
from labflake.project.options import PREFIX, option

EXAMPLE = "2026-01-31-Effect-Of-Sample-Size"
COPY = "generated/.copy"  # is there in copies of a project that only verify
RECORD = "outputs.txt"  # of an experiment: the hashes of its artifacts; nothing is made of it
PULLED = "outputs/pulled.json"  # says which artifacts were not built here

SNAKEFILES = (("Snakefile",), ("workflow", "Snakefile"))  # the parts of their paths
PROJECT = "LABFLAKE_PROJECT"  # the variable that tells all of a build where its project is
STARTED_IN = "LABFLAKE_STARTED_IN"  # and that tells where the person was who started it


def root() -> Path:
    """Return the folder of the project that we are in.

    Raises:
        LabError: there is none here.
    """
    if found := _root():
        return found
    raise LabError(
        f"{Path.cwd()} is not in a project: no pyproject.toml here or above has [tool.labflake]"
        "\n  go to one first, or start one from the template"
    )


def _root() -> Path | None:
    """Return the folder of the project: this process is told, or it looks upwards."""
    told = os.environ.get(PROJECT)
    return _path(told) if told else project_above(Path.cwd())


@cache
def _path(text: str) -> Path:
    """Return a path that is asked for thousands of times."""
    return Path(text)


@cache
def _below(folder: Path, *names: str) -> Path:
    """Return a path in a folder; it is asked for thousands of times, too."""
    return folder.joinpath(*names)


def inside(path: str | Path, folder: Path) -> str | None:
    """Return the part of an absolute path below a folder; None outside it.

    Steps name thousands of paths: this takes a hundredth of what `Path.relative_to` takes.
    """
    text, top = str(path), str(folder)
    if text.startswith(f"{top}{os.sep}"):
        return text[len(top) + 1 :]
    return "" if text == top else None


def enter() -> Path:
    """Go to the folder of the project around us, and tell this process and its children.

    In the folder of an experiment that experiment is meant.

    Raises:
        LabError: there is none here.
    """
    os.environ.pop(PROJECT, None)
    os.environ[PROJECT] = str(root())
    os.environ[STARTED_IN] = place = os.getcwd()
    if name := _around(Path(place)):
        os.environ[f"{PREFIX}EXPERIMENT"] = name
    os.chdir(root())
    return root()


def project_above(place: Path) -> Path | None:
    """Return the innermost project that holds a folder: its `pyproject.toml` names labflake."""
    for folder in (place, *place.parents):
        try:
            text = (folder / "pyproject.toml").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if re.search(r"^\[tool\.lab(flake)?\]", text, re.MULTILINE):  # `lab`: before the package
            return folder
    return None


class Experiment:
    """One experiment: `name` is its folder, its git branch and its entry in the index.

    No dataclass: importing that would be a fifth of a build that has nothing to do.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Experiment) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"Experiment({self.name!r})"

    @property
    def scripts(self) -> Path:
        """Return the folder of what people write."""
        return _below(root(), "scripts", self.name)

    @property
    def snakefile(self) -> Path:
        """Return its Snakefile: in its folder, or where published workflows have it."""
        places = [_below(self.scripts, *parts) for parts in SNAKEFILES]
        return next((path for path in places if os.path.exists(path)), places[0])

    @property
    def generated(self) -> Path:
        """Return the folder of what machines write."""
        return _below(root(), "generated", self.name)

    @property
    def state(self) -> Path:
        """Return the folder of the equipment's own notes about this experiment."""
        return _below(root(), "generated", self.name, ".labflake")

    def config(self) -> dict:
        """Return `config.yaml` as a dictionary.

        Raises:
            LabError: the file is no YAML mapping.
        """
        import yaml

        from labflake.project import strict_yaml

        path = self.scripts / "config.yaml"
        if not path.exists():
            return {}
        try:
            config = strict_yaml.load(path.read_text(encoding="utf-8")) or {}
        except UnicodeDecodeError as error:
            line = path.read_bytes()[: error.start].count(b"\n") + 1
            raise LabError(
                f"{relative(path)}, line {line}: this is not UTF-8: {error.object[error.start]:#x}"
                "\n  save the file as UTF-8, for example: iconv -f latin1 -t utf8"
            ) from None
        except yaml.YAMLError as error:
            where, what = strict_yaml.said(error)
            raise LabError(f"{relative(path)}{where} is not valid YAML\n  {what}") from None
        if not isinstance(config, dict):
            raise LabError(f"{relative(path)} must hold `key: value` lines")
        return config

    def documents(self) -> list[Path]:
        """Return the Markdown sources: the report first, then the presentations by date."""
        slides = self.scripts.glob("[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]-*.md")
        return [p for p in [self.scripts / "report.md", *sorted(slides)] if p.is_file()]


def relative(path: Path) -> str:
    """Return the path as people read it: from the folder of the project where it lies inside."""
    path, project = Path(os.path.abspath(path)), _root()
    inside = project and path.is_relative_to(project)
    return str(path.relative_to(project)) if project and inside else str(path)


def problem(name: str) -> str | None:
    """Return what is wrong with the name of an experiment, or None."""
    match = re.fullmatch(r"(\d{4}-\d{2}-\d{2})-(.+)", name)
    if not match:
        return "it does not start with a date and a hyphen"
    try:
        date.fromisoformat(match[1])
    except ValueError:
        return f"{match[1]} is no date"
    if not re.fullmatch(r"\w+(?:[-.+]\w+)*", match[2]) or name.endswith(".lock"):
        return "its title may have letters, digits and single hyphens only"
    if len(name.encode()) > 120:
        return "it is longer than 120 bytes"
    return None


def every() -> list[Experiment]:
    """Return all experiments, the oldest first."""
    return [Experiment(name) for name in sorted(_folders()) if _is_one(name)]


def _folders() -> list[str]:
    try:
        return os.listdir(root() / "scripts")
    except OSError:
        return []


def _is_one(name: str) -> bool:
    """Tell whether an experiment has this name; of many, no other is looked at."""
    return not problem(name) and os.path.exists(Experiment(name).snakefile)


def find(name: str) -> Experiment:
    """Return the experiment of this name.

    Raises:
        LabError: there is none; the message lists close names.
    """
    name = name.rstrip("/").removeprefix("scripts/").removeprefix("generated/")
    if _is_one(name):
        return Experiment(name)
    known = [each.name for each in reversed(every())]
    more = choice(name, known) if known else "there are none yet: make experiment NAME=…"
    raise LabError(f"there is no experiment {name!r}\n  {more}")


def current() -> Experiment:
    """Return the experiment that is meant.

    `EXPERIMENT` names it; without it, the one whose folder the person is in, the one that is
    called like the current git branch, else the newest.

    Raises:
        LabError: the project has no experiment, or none of that name.
    """
    if name := option("EXPERIMENT"):
        return find(name)
    branch = head.branch(root())
    names = [branch, *sorted(_folders(), reverse=True)]
    found = next((name for name in names if name and _is_one(name)), None)
    if not found:
        raise LabError("this project has no experiment yet\n  start one: make experiment NAME=…")
    return Experiment(found)


def here() -> Experiment:
    """Return the experiment whose folder we are in, else the current one."""
    name = _around(Path.cwd())
    return Experiment(name) if name else current()


def _around(place: Path) -> str:
    """Return the name of the experiment whose folder, of either kind, this is or is in."""
    for folder in (root() / "scripts", root() / "generated"):
        if place.is_relative_to(folder) and place != folder:
            return place.relative_to(folder).parts[0]
    return ""


def head_commit() -> str:
    """Return the commit that is checked out, "" outside git; without starting git."""
    return head.commit(root())
