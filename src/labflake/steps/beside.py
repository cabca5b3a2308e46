"""Files beside the Snakefile under the names by which its rules call them.

Steps run in the generated folder. A rule that says `input: "data/genome.fa"` or `shell: "python
fit.py {input}"` means files of its own folder: where nothing in the generated folder has this
name, a link there leads to them.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from labflake.errors import LabError
from labflake.programs import commands, mentions
from labflake.project.experiments import Experiment
from labflake.steps import names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labflake.steps.step import Step


class MissingError(LabError):
    """Files are not there; their paths are relative to the generated folder."""

    def __init__(self, text: str, files: list[str]) -> None:
        super().__init__(text)
        self.files = files


def bring(experiment: Experiment, files: Iterable[str]) -> bool:
    """Link to those of the files that are beside the Snakefile; return whether there are any.

    Of a folder there, all files come with the first one, or where it is named itself; links to what
    is gone go.
    """
    named = [_from(experiment.generated, path) for path in files]
    found = {each for path in named for each in _with_others(experiment.scripts, path)}
    linked = [_link(experiment.scripts / path, experiment.generated / path) for path in found]
    gone = [link for path in named for link in _gone(experiment, path)]
    for link in gone:
        link.unlink()
    return any(linked) or bool(gone)


def lacking(experiment: Experiment, listed: Iterable[str], missed: Iterable[str]) -> list[str]:
    """Return what looks otherwise beside the Snakefile.

    Args:
        experiment: the experiment.
        listed: folders that were listed; there they may have other files.
        missed: files and folders that were looked for in vain; there they may be.
    """
    inside = [path for path in listed if not path.startswith("..")]
    found = [path for path in inside if _gone(experiment, path) or _is_lacking(experiment, path)]
    return found + [path for path in missed if _is_lacking(experiment, path)]


def renew(experiment: Experiment, folders: Iterable[str]) -> None:
    """Link to what is new in these folders beside the Snakefile; links to what is gone go."""
    for path in folders:
        place = experiment.generated / path
        if os.path.isabs(path) or ".." in Path(path).parts or not place.is_dir():
            continue
        for folder, _, _ in os.walk(place, topdown=False):
            _renew(experiment, Path(folder))
        for each in _with_others(experiment.scripts, path):
            _link(experiment.scripts / each, experiment.generated / each)


def _renew(experiment: Experiment, folder: Path) -> None:
    """Remove from a folder the links to files beside the Snakefile that are no files any more."""
    own = [p for p in folder.iterdir() if p.is_symlink() and is_link(experiment, str(p))]
    stale = [path for path in own if not path.is_file()]
    for path in stale:
        path.unlink()
    if stale and not any(folder.iterdir()):
        folder.rmdir()


def _is_lacking(experiment: Experiment, path: str) -> bool:
    """Tell whether a file, or one in a folder, beside the Snakefile is not in the generated one."""
    known: Iterable[str] = _with_others(experiment.scripts, path)
    if not (experiment.scripts / path).is_dir():
        known = {path} & {*known}
    return any(not (experiment.generated / path).exists() for path in known)


def _gone(experiment: Experiment, folder: str) -> list[Path]:
    """Return the links in a generated folder to files that were beside the Snakefile."""
    place = experiment.generated / folder
    links = [path for path in place.iterdir() if path.is_symlink()] if place.is_dir() else []
    return [path for path in links if not path.exists() and is_link(experiment, str(path))]


def is_link(experiment: Experiment, path: str) -> bool:
    """Tell whether a path is such a link, or a folder of such links."""
    if os.path.isdir(path) and not os.path.islink(path):
        inside = [
            os.path.join(folder, name) for folder, _, files in os.walk(path) for name in files
        ]
        return bool(inside) and all(is_link(experiment, each) for each in inside)
    return os.path.islink(path) and Path(path).resolve().is_relative_to(
        experiment.scripts.resolve()
    )


def clear_of_others(experiment: Experiment) -> None:
    """Remove links to files of another experiment, of which the generated folder is a copy."""
    for folder, folders, files in os.walk(experiment.generated):
        folders[:] = [name for name in folders if name[0] != "."]
        for path in [Path(folder, name) for name in files]:
            if path.is_symlink():
                below = path.relative_to(experiment.generated)
                end = path.resolve().parts[: -len(below.parts)]
                others = experiment.scripts.resolve().parts
                if (
                    Path(*end, below) == path.resolve()
                    and end[:-1] == others[:-1]
                    and end != others
                ):
                    path.unlink()


def for_command(step: "Step") -> None:
    """Link to the files that a command names by their paths from the Snakefile.

    `python -m pkg.tool` names `pkg/tool.py`, and takes all that is in the package.
    """
    folder = names.scripts_of(os.getcwd())
    ours = _ours(step)
    if not mentions.words(step.command).isdisjoint(ours):
        for path in ours:
            _link(Path(folder, path), Path(path))
    for package in {module.partition(".")[0] for module in commands.modules_of(step.command)}:
        if any(path.startswith((f"{package}/", f"{package}.py")) for path in ours):
            _with_package(Path(folder), package)


def as_written(line: str, step: "Step") -> str:
    """Return what a step said, with files of people named by their own paths."""
    here = os.getcwd()
    project = os.path.normpath(f"{here}/../..")
    own = f"{project}/scripts/{os.path.basename(here)}"
    for path in _ours(step):
        if os.path.islink(path):
            line = line.replace(f"{here}/{path}", f"{own}/{path}")
    return line.replace(f"{here}/../../", f"{project}/")


def _ours(step: "Step") -> list[str]:
    """Return the inputs of a step that are beside the Snakefile, relative to it."""
    folder = names.scripts_of(os.getcwd())
    return [p.removeprefix(folder) for p in step.inputs if p.startswith(folder)]


def _with_package(scripts: Path, name: str) -> None:
    """Link to a module, or to all files of a package, beside the Snakefile."""
    module = f"{name}.py"
    inside = _with_others(scripts, name) if (scripts / name).is_dir() else [module]
    for path in inside:
        _link(scripts / path, Path(path))


def _from(generated: Path, path: str) -> str:
    """Return a path relative to the generated folder, if it is in there."""
    inside = os.path.isabs(path) and Path(path).is_relative_to(generated)
    return os.path.relpath(path, generated) if inside else path


def _with_others(scripts: Path, path: str) -> Iterator[str]:
    """Give a path, and the files in its folder, if it is beside the Snakefile."""
    place = scripts / path
    if os.path.isabs(path) or ".." in Path(path).parts or not place.exists():
        return
    folder = place if place.is_dir() else place.parent
    if folder == scripts and path != os.curdir:
        yield path
        return
    deep = folder == place and folder != scripts
    for each in folder.rglob("*") if deep else folder.iterdir():
        if each.is_file() and each.name[0] != ".":
            yield os.path.relpath(each, scripts)


def _link(source: Path, place: Path) -> bool:
    """Make a link where nothing is; return whether there was need."""
    if place.exists():
        return False
    if place.is_symlink():  # to what is gone
        place.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):  # another step made it
        place.symlink_to(os.path.relpath(source.absolute(), place.parent.absolute()))
    return True
