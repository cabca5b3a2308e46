"""Load and save tables, arrays, models and figures by name or by path."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import formats
from lab.atomic import replacing
from lab.errors import LabError
from lab.experiments import here, relative

if TYPE_CHECKING:
    import pandas as pd


def load(name: str | Path, format: str | None = None) -> Any:
    """Load what `name` holds: a path, or a bare name in the experiment's assets/data.

    `load("results")` finds the one `generated/<experiment>/assets/data/results.*`.
    Tables come back as DataFrames, `.npz` and `.json` as dictionaries, SVG as text.

    Raises:
        LabError: No file, or several files, of this name.
    """
    path = _existing(str(name), format)
    return formats.of(path).read(path)


def save(value: Any, name: str | Path, format: str | None = None) -> Path:
    """Save `value` under a path or a bare name, the same value always as the same bytes.

    A bare name goes to `generated/<experiment>/assets/data` (figures: `assets/figures`)
    in `format`, or else in the format of its type: DataFrame csv, array npy, figure svg,
    model skops, a dictionary of arrays npz, other values json.

    Raises:
        LabError: The format is unknown, not safe, or cannot hold the value.
    """
    path = _destination(str(name), format, value)
    writer = formats.of(path)
    try:
        with replacing(path) as part:
            writer.write(value, part)
    except OSError as error:
        raise LabError(f"{relative(path)} cannot be written: {error.strerror or error}") from None
    return path


def load_all(name: str) -> "pd.DataFrame":
    """Load every variant of `name` as one frame, its parameters as the first columns.

    `load_all("results")` reads files such as `results.alpha=0.1,seed=3.csv`.
    A variant that is JSON gives one row.

    Raises:
        LabError: There is no variant.
    """
    from lab.formats.variants import gather

    folder = here().generated / "assets/data"
    return gather(folder, name)


def _existing(name: str, format: str | None) -> Path:
    if _is_path(name):
        path = Path(name)
        if path.exists() or "/" in name:
            return _present(path)
        return _present(here().generated / "assets/data" / name)
    folder = here().generated / "assets/data"
    pattern = f"{name}.{format or '*'}"
    return _only(name, folder, sorted(p for p in folder.iterdir() if _fits(p, name, pattern)))


def _fits(path: Path, name: str, pattern: str) -> bool:
    rest = path.name.removeprefix(f"{name}.")
    wanted = pattern.removeprefix(f"{name}.")
    return rest != path.name and rest in formats.SUFFIXES and wanted in ("*", rest)


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
    from difflib import get_close_matches

    there = sorted({path.name for path in folder.iterdir()} if folder.is_dir() else ())
    close = get_close_matches(name, there, n=5, cutoff=0.4) or there[:5]
    hint = f"there: {', '.join(close)}" if close else "the folder is empty"
    return f"there is no {name!r} in {relative(folder)}\n  {hint}"


def _present(path: Path) -> Path:
    formats.of(path)
    if not path.is_file():
        raise LabError(f"there is no file {relative(path)}")
    return path


def _destination(name: str, format: str | None, value: Any) -> Path:
    if _is_path(name):
        return Path(name)
    suffix = format or formats.natural(value)
    folder = "figures" if suffix in formats.PICTURES else "data"
    return here().generated / "assets" / folder / f"{name}.{suffix}"


def _is_path(name: str) -> bool:
    return "/" in name or formats.suffix(Path(name)) in formats.SUFFIXES | formats.REFUSED
