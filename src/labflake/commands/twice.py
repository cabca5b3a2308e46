"""Build the experiment twice, in copies that differ in all that must not matter (`make twice`).

Every artifact must have the same bytes in both. Where it has not, the first difference is shown and
what to suspect; both files are kept, to be looked at.
"""

import os
import shutil
import time
from contextlib import AbstractContextManager
from pathlib import Path

from labflake.command_line import table as commands
from labflake.content import temporary
from labflake.content.folders import walk
from labflake.content.meter import duration
from labflake.data_files import gate
from labflake.data_files.gate.wording import aligned
from labflake.project.experiments import Experiment, current, root
from labflake.verify import builds, conditions, copies, verdict
from labflake.verify.artifacts import artifacts
from labflake.verify.conditions import Build, Conditions

_MEMORY = Path("/dev/shm")  # another file system, where Linux has it: it lists files otherwise


def main(argv: list[str]) -> int:
    """Build the current experiment twice, print a table of all artifacts; 1 if any differs."""
    experiment = current()
    data = _files(experiment, gate.prepare(experiment))
    notes = experiment.state / "twice"
    shutil.rmtree(notes, ignore_errors=True)
    print(f"{experiment.name}: building it twice, without the cache", flush=True)
    with temporary.folder("twice") as folder:
        one = _build(conditions.first(folder / "a"), experiment, data)
        with _other_place(folder) as other:
            place = other / "another" / "and-longer" / "place"
            two = _build(conditions.second(place), experiment, data)
            _print_conditions(one, two)
            return verdict.give(one, two, notes)


def _files(experiment: Experiment, paths: list[Path]) -> list[str]:
    """Return the names of data files below the generated folder, those in folders included."""
    folders = {path for path in paths if path.is_dir()}
    files = [path for path in paths if path not in folders]
    files += [Path(name) for folder in folders for name, _ in walk(str(folder))]
    return sorted(os.path.relpath(path, experiment.generated) for path in files)


def _build(circumstances: Conditions, experiment: Experiment, data: list[str]) -> Build:
    """Copy the project and build the experiment in it, under these conditions."""
    reverse, place = circumstances.reverse, circumstances.place
    project = copies.of_working_tree(place / root().name, reverse)
    copies.bring_data(experiment, project, data, reverse)
    Path(circumstances.environment["HOME"]).mkdir(parents=True)
    began = time.time()
    seconds = builds.run(
        project,
        experiment.name,
        f"the {circumstances.name} copy",
        experiment.state / "twice" / f"{circumstances.name}.log",
        options=commands.given("build") | {"CACHE": str(place / "cache")},
        environment=circumstances.environment,
        command=circumstances.command(["make"]),
        begin=circumstances.begin,
    )
    print(f"  {circumstances.name} copy built in {duration(seconds)}", flush=True)
    generated = project / "generated" / experiment.name
    return Build(circumstances, generated, began, time.time(), artifacts(generated, data))


def _other_place(folder: Path) -> AbstractContextManager[Path]:
    """Make a folder for the second copy, on another file system if there is room for it."""
    used = sum(p.lstat().st_size for p in folder.rglob("*") if p.is_file())
    within = folder
    if os.access(_MEMORY, os.W_OK) and not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        within = _MEMORY if shutil.disk_usage(_MEMORY).free > 4 * used else folder
    return temporary.folder("twice", within)


def _print_conditions(one: Build, two: Build) -> None:
    """Print in what the copies differed, and in what they could not."""
    alike = _listings(one) == _listings(two)
    rows = [("", "first", "second"), *conditions.table(one.conditions, two.conditions, alike)]
    print("\n".join(f"  {row}" for row in aligned(rows)), "", sep="\n")


def _listings(build: Build) -> list[list[str]]:
    """Return the names in some folders as the file system lists them."""
    project = build.generated.parent.parent
    folders = [project / "scripts" / build.generated.name, project / "src" / "study", project]
    return [os.listdir(folder) for folder in folders if folder.is_dir()]
