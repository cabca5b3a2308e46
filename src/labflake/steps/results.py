"""What a step wrote, before it becomes its result: of a kind that can be kept, and as promised.

A link that leads out of its output becomes what it leads to, as it would when it comes back from
the cache: a result is the same wherever it is from, and nothing outside is touched through it.
"""

import hashlib
import os
import shutil
from pathlib import Path

from labflake.content import links
from labflake.project.experiments import relative

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labflake.steps.step import Step


def make_empty(step: "Step", folder: Path) -> None:
    """Make the files that the rule marks with `touch()`, where the command did not."""
    for output, mark in zip(step.outputs, step.marks, strict=True):
        if "touch" in mark:
            (folder / output).touch()


def settle(step: "Step", folder: Path) -> str | None:
    """Bring what outputs link to into them; return what is there that cannot be kept, or None."""
    for output, mark in zip(step.outputs, step.marks, strict=True):
        place = str(folder / output)
        try:
            _lead(step, output, folder)
            _bring_in(place)
            problem = links.odd(place) or _not_as_said(place, "directory" in mark)
            inside = None if problem else links.problem(place)
        except (OSError, shutil.Error) as error:
            return f"its output {output} cannot be kept: {_reason(error)}"
        if problem or inside:
            return f"its output {output} {problem or f'cannot be kept: {inside}'}"
    return None


def _not_as_said(place: str, folder: bool) -> str | None:
    """Say what is wrong where a folder was made and none declared, or the other way round."""
    if os.path.isdir(place) == folder:
        return None
    if folder:
        return "is a file: take `directory()` away in the Snakefile"
    return "is a folder: write `directory(…)` around it in the Snakefile"


def _reason(error: OSError) -> str:
    name = os.path.basename(getattr(error, "filename", None) or "")
    return f"{name}: {error.strerror}" if name and error.strerror else str(error)


def _lead(step: "Step", output: str, scratch: Path) -> None:
    """Let links that were made for where an output will be lead there from where it is now."""
    place = str(scratch / output)
    walked = [(at, [*folders, *files]) for at, folders, files in os.walk(place)]
    inside = [os.path.join(at, name) for at, names in walked for name in names]
    for link in [each for each in (place, *inside) if os.path.islink(each)]:
        if not os.path.exists(link):
            at = os.path.dirname(output + link[len(place) :])
            end = os.path.normpath(os.path.join(at, os.readlink(link)))
            if any(p in step.outputs for p in _upwards(end)):
                _link_to(os.path.abspath(scratch / end), link)
            elif any(p in step.rules_inputs() for p in _upwards(end)):
                _link_to(os.path.abspath(end), link)


def _upwards(path: str) -> list[str]:
    return [path, *map(str, Path(path).parents)]


def _link_to(end: str, link: str) -> None:
    os.unlink(link)
    os.symlink(end, link)


def _bring_in(top: str) -> None:
    """Replace each link of an output that leads out of it."""
    if os.path.islink(top):
        _replace(top, ())
        return
    for folder, folders, files in os.walk(top):
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            if os.path.islink(path) and os.path.exists(path):
                _bring(path, top)


def _bring(path: str, top: str) -> None:
    """Let a link be relative to its folder if it ends in the output, else be what it leads to."""
    home, end = os.path.realpath(top), os.path.realpath(path)
    if home.startswith(os.path.join(end, "")):
        raise OSError(0, "the link leads in a circle", path)
    if end != home and not end.startswith(home + os.sep):
        _replace(path, (home,))
    elif not links.stays(os.path.relpath(path, top), os.readlink(path)):
        os.unlink(path)
        os.symlink(os.path.relpath(end, os.path.realpath(os.path.dirname(path))), path)


def _replace(path: str, above: tuple[str, ...]) -> None:
    """Put a copy of what a link leads to into its place; `above` are folders that it is part of."""
    end = os.path.realpath(path)
    if not os.path.exists(end):
        raise OSError(0, "the link leads nowhere", path)
    if end in above:
        raise OSError(0, "the link leads in a circle", path)
    os.unlink(path)
    if not os.path.isdir(end):
        shutil.copyfile(end, path)  # an error for pipes and the like
        shutil.copymode(end, path)
        return
    os.mkdir(path)
    for item in os.scandir(end):
        copy = os.path.join(path, item.name)
        os.symlink(item.path, copy)
        _replace(copy, (*above, end))


def protected(step: "Step") -> list[str]:
    """Return the outputs that `protected()` marks."""
    marked = zip(step.outputs, step.marks, strict=True)
    return [output for output, mark in marked if "protected" in mark]


def fault_of_protected(step: "Step") -> str | None:
    """Return why a step may not be made again: an output is protected, and still is so."""
    for path in protected(step):
        if os.path.isfile(path) and not os.stat(path).st_mode & 0o222:
            name = relative(Path(path).absolute())
            return (
                f"its output {path} is protected, and would be another one\n"
                f"  to let it be made again: chmod u+w {name}"
            )
    return None


def protect(place: str) -> None:
    """Take away the right to write to a file, or to the files in a folder."""
    inside = [path for path in Path(place).rglob("*") if path.is_file()]
    for path in inside or [Path(place)]:
        path.chmod(path.stat().st_mode & ~0o222)


def broken_promise(step: "Step", places: list[str]) -> str | None:
    """Return which output is not what `ensure()` says that it is, or None; it is at its place."""
    for output, mark, place in zip(step.outputs, step.marks, places, strict=True):
        promise = mark.get("ensure") or {}
        wanted = promise.get("checksum")
        if promise.get("non_empty") and not os.path.getsize(place):
            return f"its output {output} is empty, and `ensure()` says that it is not"
        if wanted:
            kind = promise["checksum_algorithm"]
            with open(place, "rb") as file:
                found = hashlib.file_digest(file, kind).hexdigest()
            if found != wanted:
                return f"its output {output} has {kind} {found}, and `ensure()` says {wanted}"
    return None
