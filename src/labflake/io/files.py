"""Load and save tables, arrays, models and figures by name or by path.

In a step a name means what its rule declares, and nothing else.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labflake.content.atomic import replacing
from labflake.errors import LabError, nearest
from labflake.io import database, formats
from labflake.project.declared import Declared, of_step
from labflake.project.experiments import here, relative

if TYPE_CHECKING:
    import pandas as pd


def load(name: str | Path, format: str | None = None) -> Any:
    """Load what `name` holds: a path, or a bare name in the experiment's assets/data.

    `load("results")` finds the one `generated/<experiment>/assets/data/results.*`; in a step, the
    one input of this name. Tables come back as DataFrames, `.npz` and `.json` as dictionaries, SVG
    as text. `postgresql://host/database#schema.table` is a table that `save` handed over there.

    Raises:
        LabError: No file, or several files, of this name; in a step, none that it declares.
    """
    if str(name).startswith(database.SCHEMES):
        table = database.table(str(name))
        return database.read(table, load(table.receipt, "json"))
    path = _existing(str(name), format)
    return formats.of(path).read(path)


def save(value: Any, name: str | Path, format: str | None = None) -> Path:
    """Save `value` under a path or a bare name, the same value always as the same bytes.

    A bare name goes to `generated/<experiment>/assets/data` (figures: `assets/figures`)
    in `format`, or else in the format of its type: DataFrame csv, array npy, figure svg,
    model skops, a dictionary of arrays npz, other values json. In a step a bare name, or the path
    in the Snakefile, means the output of this name.

    `postgresql://host/database#schema.table` puts a frame into a database; what the step makes is
    the receipt, `schema.table.receipt.json`.

    Raises:
        LabError: The format is unknown, not safe, or cannot hold the value; in a step, there is no
            such output.
    """
    if str(name).startswith(database.SCHEMES):
        return _hand_over(value, database.table(str(name)))
    path = _destination(str(name), format, value)
    writer = formats.of(path)
    try:
        with replacing(path) as part:
            writer.write(value, part)
    except OSError as error:
        raise LabError(f"{relative(path)} cannot be written: {error.strerror or error}") from None
    return path


def _hand_over(value: Any, table: database.Table) -> Path:
    """Put a frame into a database, after it is certain where the receipt goes."""
    _destination(table.receipt, "json", {})
    return save(database.write(value, table), table.receipt, "json")


def load_all(name: str | Iterable[str | Path]) -> "pd.DataFrame":
    """Load every variant of `name` as one frame, its parameters as the first columns.

    `load_all("results")` reads files such as `results.alpha=0.1,seed=3.csv`; in a step, those
    among its inputs. A list of such files is taken as it is. A variant that is JSON gives one row.

    Raises:
        LabError: There is no variant.
    """
    from labflake.io.formats import variants

    if not isinstance(name, str):
        return variants.gather([_existing(str(path), None) for path in name])
    step = of_step()
    folder = here().generated / "assets/data"
    files = [*(step.readable().values() if step else folder.glob("*"))]
    found = [path for path in files if variants.is_one(path, name)]
    if not found:
        who = f"step {step.step} declares" if step else f"{relative(folder)} has"
        others = {variants.stem(path) for path in files} - {""}
        example = f"a variant is called, for example, {name}.alpha=0.1,seed=3.csv"
        hint = f"of these there are some: {', '.join(sorted(others))}" if others else example
        raise LabError(f"{who} no variant of {name!r}\n  {hint}")
    return variants.gather(found, name)


def _existing(name: str, format: str | None) -> Path:
    if step := of_step():
        return _declared(step, name, format)
    if _is_path(name):
        path = Path(name)
        if path.exists() or "/" in name:
            return _present(path)
        return _present(here().generated / "assets/data" / name)
    folder = here().generated / "assets/data"
    there = sorted(folder.iterdir()) if folder.is_dir() else []
    return _only(name, folder, [path for path in there if _fits(path, name, format)])


def _declared(step: Declared, name: str, format: str | None) -> Path:
    """Return the file that a name means in a step.

    Raises:
        LabError: the step declares none of this name, or several.
    """
    if "/" in name:
        return _present(step.read(name) or Path(name))
    fits = _fits if not _is_path(name) else lambda path, name, format: path.name == name
    found = [place for place in step.readable().values() if fits(place, name, format)]
    if not found and _is_path(name) and Path(name).exists():
        return _present(step.read(name) or Path(name))
    if not found:
        raise step.refuse("input", name)
    return _only(name, found[0].parent, found)


def _fits(path: Path, name: str, format: str | None) -> bool:
    """Tell whether a file has a bare name, and the format if one is asked for."""
    rest = path.name.removeprefix(f"{name}.")
    return rest != path.name and rest in formats.SUFFIXES and format in (None, rest)


def _only(name: str, folder: Path, found: list[Path]) -> Path:
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(path.name for path in found)
        raise LabError(
            f"{name!r} is the name of several files in {relative(folder)}: {names}\n"
            f"  choose one: load({name!r}, {found[0].name.removeprefix(name + '.')!r})"
        )
    raise LabError(_nothing(name, folder))


def _nothing(name: str, folder: Path) -> str:
    there = sorted({path.name for path in folder.iterdir()} if folder.is_dir() else ())
    named = [each for each in there if each.startswith(f"{name}.")]
    if others := [each for each in named if each.rpartition(".")[2] not in formats.SUFFIXES]:
        return (
            f"{others[0]} is of no kind that `load` reads\n"
            f"  these are: {', '.join(sorted(formats.SUFFIXES))}; others a program of yours reads:"
            f" open({os.path.relpath(folder / others[0])!r})"
        )
    like = nearest(name, there, most=5, cutoff=0.4) or there[:5]
    more = f" and {len(there) - len(like)} more" if len(there) > len(like) else ""
    hint = f"there: {', '.join(like)}{more}" if like else "the folder is empty"
    return f"there is no {name!r} in {relative(folder)}\n  {hint}"


def _present(path: Path) -> Path:
    formats.of(path)
    if not path.is_file():
        raise LabError(f"there is no file {relative(path)}")
    return path


def _destination(name: str, format: str | None, value: Any) -> Path:
    if step := of_step():
        return _output(step, name, format, value)
    if _is_path(name):
        return Path(name)
    suffix = format or formats.natural(value)
    folder = "figures" if suffix in formats.PICTURES else "data"
    return here().generated / "assets" / folder / f"{name}.{suffix}"


def _output(step: Declared, name: str, format: str | None, value: Any) -> Path:
    """Return where the output goes that a name means in a step.

    Raises:
        LabError: the step declares none of this name.
    """
    if "/" in name:
        return step.write(name) or Path(name)
    wanted = name if _is_path(name) else f"{name}.{format or formats.natural(value)}"
    named = {path: place for path, place in step.outputs.items() if Path(path).name == wanted}
    if not named and not format and not _is_path(name):
        named = {p: place for p, place in step.outputs.items() if _fits(Path(p), name, None)}
    if len(named) != 1:
        raise step.refuse("output", name)
    return Path(*named.values())


def _is_path(name: str) -> bool:
    return "/" in name or formats.suffix(Path(name)) in formats.SUFFIXES | formats.REFUSED
