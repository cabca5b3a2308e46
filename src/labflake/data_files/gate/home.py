"""Data that a person brings: it lives in `data/<experiment>/`, which no command removes.

Git ignores that folder. In `generated/` there is a link to it, so all of `generated/` may go.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from labflake.content.atomic import move, remove, replacing
from labflake.content.digests import sha256
from labflake.content.folders import walk
from labflake.data_files.gate.inventory import DATA
from labflake.data_files.sources.job import Source
from labflake.data_files.sources.local import Manual
from labflake.errors import LabError
from labflake.project.experiments import Experiment, relative, root


def folder(experiment: Experiment) -> Path:
    """Return the folder of all data that people brought for this experiment."""
    return root() / "data" / experiment.name


def place(experiment: Experiment, name: str) -> Path:
    """Return where a person puts the data called `name`."""
    return folder(experiment) / name


def settle(experiment: Experiment, declared: Mapping[str, Source]) -> None:
    """Bring data that lies in the old place, `assets/data`, to its own, and link what is there."""
    for name, source in declared.items():
        if isinstance(source, Manual):
            _settle(experiment, name)


def link_new(experiment: Experiment, declared: Mapping[str, Source]) -> None:
    """Link what people have put into its place since the last build."""
    for name, source in declared.items():
        own, used = place(experiment, name), experiment.generated / DATA / name
        if isinstance(source, Manual) and own.exists() and not os.path.lexists(used):
            link(used, own)


def _settle(experiment: Experiment, name: str) -> None:
    own, used = place(experiment, name), experiment.generated / DATA / name
    if os.path.lexists(used) and not used.is_symlink():
        kept = _give_way(experiment, own)
        own.parent.mkdir(parents=True, exist_ok=True)
        move(used, own)
        print(
            f"moved {relative(used)} to {relative(own)}: data that people bring lives there{kept}"
        )
    if own.exists() and not (used.is_symlink() and used.resolve() == own.resolve()):
        link(used, own)


def link(used: Path, own: Path) -> None:
    """Let `used` be a link to data of a person, which goes with the project when that moves.

    Raises:
        LabError: The file system has no links.
    """
    try:
        with replacing(used) as part:
            part.symlink_to(os.path.relpath(own, used.parent.resolve()))
    except OSError as error:
        raise LabError(
            f"{relative(used)} cannot be a link to {relative(own)}: {error.strerror or error}\n"
            "  the project has to lie on a file system that knows symbolic links"
        ) from None


def _give_way(experiment: Experiment, own: Path) -> str:
    """Set aside what lies where newer data has to go; return what to say of it."""
    from labflake.data_files.gate import versions

    if not os.path.lexists(own):
        return ""
    files = [Path(each) for each, _ in walk(str(own))] if own.is_dir() else [own]
    kept = versions.of(experiment)
    for each in files:
        kept.set_aside(each, sha256(each, flushed=True))
    remove(own)
    return f"\n  what was there is kept in {relative(kept.own)}"
