"""A step may write its outputs under their own names: what was there before is out of its way."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from labflake.content.atomic import remove
from labflake.errors import LabError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labflake.content.contents import Contents

_BEFORE = ".before"  # in the scratch folder of a step: the outputs that it had


@contextlib.contextmanager
def writable(outputs: list[str], scratch: Path) -> Iterator[None]:
    """Keep old outputs away from a step, and take new ones from where they should be in the end.

    So a step never sees its own last result, and a program whose names are fixed needs no change.
    If the block fails, all is as it was.

    Args:
        outputs: the outputs, relative to the generated folder.
        scratch: the folder into which the step is told to write them.
    """
    before = scratch / _BEFORE
    _set_aside([path for path in outputs if os.path.lexists(path)], before)
    try:
        yield
    except BaseException:
        _bring_back(before)
        raise


@contextlib.contextmanager
def as_before(outputs: list[str], scratch: Path) -> Iterator[None]:
    """Let something be written under the names of outputs; afterwards all is as it was.

    Args:
        outputs: the outputs, relative to the generated folder.
        scratch: a folder, where old outputs are meanwhile.
    """
    before = scratch / _BEFORE
    _set_aside([path for path in outputs if os.path.lexists(path)], before)
    try:
        yield
    finally:
        for path in outputs:
            remove(Path(path))
        _bring_back(before)


def make_room(outputs: list[str], contents: "Contents") -> None:
    """Remove results of earlier rules that lie where a folder of these outputs is to be.

    Raises:
        LabError: somebody edited it, or no step made it.
    """
    for path in {str(each) for output in outputs for each in list(Path(output).parents)[:-1]}:
        maker = contents.maker(path)
        made = maker["outputs"][path] if maker else None
        if made is None and not os.path.isfile(path):
            continue
        if contents.digest(path) not in ("", made):
            raise LabError(f"{path} is in the way of a folder of results\n  move it, then make")
        remove(Path(path))
        if maker:
            contents.steps.pop(next(iter(maker["outputs"])), None)


def take(outputs: list[str], scratch: Path) -> None:
    """Move the outputs that a step wrote under their own names to where the others are."""
    for path in outputs:
        if os.path.lexists(path) and not os.path.lexists(scratch / path):
            shutil.move(path, scratch / path)


def recover(running: Path) -> None:
    """Bring back what steps had made before a build that was killed started them again."""
    for before in running.glob(f"*/{_BEFORE}"):
        with contextlib.suppress(OSError, ValueError):
            _bring_back(before)


def others(outputs: list[str], scratch: Path) -> list[str]:
    """Return what a step wrote beside its outputs, relative to the scratch folder."""
    found = []
    for place, folders, files in os.walk(scratch):
        inside = os.path.relpath(place, scratch)
        names = [os.path.normpath(os.path.join(inside, name)) for name in folders]
        folders[:] = [
            os.path.basename(n) for n in names if n not in outputs and not n.startswith(".")
        ]
        found += [os.path.normpath(os.path.join(inside, name)) for name in files]
    return sorted(set(found) - set(outputs))


def _set_aside(paths: list[str], before: Path) -> None:
    if not paths:
        return
    before.mkdir()
    places = {str(number): path for number, path in enumerate(paths)}
    (before / "paths").write_text(json.dumps(places), encoding="utf-8")
    for number, path in places.items():
        shutil.move(path, before / number)


def _bring_back(before: Path) -> None:
    """Put the old outputs into their places again, where there were some."""
    if not before.exists():
        return
    places = json.loads((before / "paths").read_text(encoding="utf-8"))
    for number, path in places.items():
        if not os.path.lexists(before / number):
            continue
        remove(Path(path))
        shutil.move(before / number, path)
