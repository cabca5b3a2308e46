"""Remove what the current experiment generated (`make clean`), and leave its data."""

import os
from pathlib import Path

from labflake.content import elsewhere
from labflake.data_files import guarded, sources
from labflake.data_files.gate import home
from labflake.errors import LabError
from labflake.processes.alone import alone
from labflake.project.experiments import Experiment, current, relative


def main(argv: list[str]) -> None:
    """Delete all that is in the generated folder of the experiment, but for its data.

    Raises:
        LabError: Something cannot be removed.
    """
    experiment = current()
    if not experiment.generated.is_dir():
        print(f"there is no {relative(experiment.generated)}")
        return
    with alone(experiment):
        home.settle(experiment, sources.declared(experiment))
        left = _empty(experiment)
    where = relative(experiment.generated)
    if experiment.generated.is_symlink():
        where += (
            f", which is a link: {os.readlink(experiment.generated)} was emptied, the link stays"
        )
    print(f"removed {where}" + (f", but for its data: {', '.join(left)}" if left else ""))


def _empty(experiment: Experiment) -> list[str]:
    """Remove everything but data; return what of the data is there."""
    data = guarded.of(experiment)
    try:
        for path in _unguarded(experiment.generated, "", data):
            elsewhere.empty(path)
        left = [name for name in data.names if os.path.lexists(experiment.generated / name)]
        kept = experiment.generated.is_symlink() or elsewhere.has_place(experiment.generated)
        if not left and not kept:
            experiment.generated.rmdir()
    except OSError as error:
        place = relative(Path(os.fsdecode(error.filename or experiment.generated)))
        raise LabError(f"{place} cannot be removed: {error.strerror or error}") from None
    return left


def _unguarded(folder: Path, inside: str, data: guarded.Guarded) -> list[Path]:
    """Return what may go of a folder, folders without any data as a whole."""
    found = []
    for path in sorted(folder.iterdir()):
        name = f"{inside}{path.name}"
        if not data.touches(name):
            found += [] if name == elsewhere.PLACE else [path]
        elif not data.holds(name) and path.is_dir():
            found += _unguarded(path, f"{name}/", data)
    return found
