"""From the wheel in `vendor/` to labflake in `.venv`, with nothing but Python on the machine.

The wheel that `poetry.lock` names makes `.venv`: another version that is installed there would do
it as it was right before. Once all is in place, what runs is the one of `.venv`.
"""

import contextlib
import os
import sys
from pathlib import Path

import labflake
from labflake.content.digests import sha256
from labflake.environment import MADE, PreparationError

_OURS = Path(labflake.__file__).resolve().parent.parent  # where this labflake is imported from
_FROM = "LABFLAKE_STARTED_FROM"  # variable, and no option: nobody starts itself for ever


def wheel(folder: Path):
    """Return the wheel of labflake in a project, or the folder where it was unpacked.

    None where labflake comes from elsewhere.

    Raises:
        PreparationError: it is not the file whose hash the lock has.
    """
    if (folder / "vendor" / "labflake" / "__init__.py").exists():
        return folder / "vendor"
    found = sorted(folder.glob("vendor/labflake-*.whl"))
    if not found:
        return None
    lock = (folder / "poetry.lock").read_text(encoding="utf-8")
    for path in found:
        if sha256(path) in lock:
            return path
    raise PreparationError(
        f"vendor/{found[-1].name} is not the file that poetry.lock names by its hash"
        "\n  nothing of it was run; restore it: git checkout -- vendor poetry.lock"
    )


def use_wheel(folder: Path, argv: list) -> None:
    """Go on with the wheel of the project, unless what runs is from there or it has none.

    Raises:
        PreparationError: it is not the file whose hash the lock has.
    """
    path = wheel(folder)
    if path is None or os.environ.get(_FROM) == str(path):
        return
    # of a wheel, a folder, or a link there; or of the copy of a wheel
    if (path / "labflake").resolve().parent == _OURS or (path.is_file() and _kept(path) == _OURS):
        return
    _replace([sys.executable, *argv], {"PYTHONPATH": str(path), _FROM: str(path)})


def keep() -> None:
    """Unpack the wheel that runs into the user's cache, where Python keeps it compiled.

    From the wheel itself all is compiled at each start. The Makefile looks for the copy by the hash
    of the wheel, which the lock has to name. Where the cache cannot be written, there is none.
    """
    if not _OURS.is_file() or _is_whole(home := _kept(_OURS), _OURS):
        return
    import shutil
    import tempfile
    import zipfile

    with contextlib.suppress(OSError):
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
            with zipfile.ZipFile(_OURS) as file:
                file.extractall(Path(scratch) / "all")
            shutil.rmtree(home, ignore_errors=True)
            (Path(scratch) / "all").rename(home)


def _is_whole(home: Path, wheel: Path) -> bool:
    """Tell whether a copy has all files of a wheel: what cleans caches may have taken some."""
    import zipfile

    with zipfile.ZipFile(wheel) as file:
        files = [each for each in file.infolist() if not each.is_dir()]
    sizes = {home / each.filename: each.file_size for each in files}
    return all(path.is_file() and path.stat().st_size == size for path, size in sizes.items())


def _kept(wheel: Path) -> Path:
    """Return the place of the copy of a wheel."""
    from labflake.environment import programs

    return (programs.cache_home() / f"wheel-{sha256(wheel)}").resolve()


def enter(folder: Path, argv: list) -> None:
    """Go on with the Python of `.venv`, and with the labflake that is installed there.

    Raises:
        PreparationError: that was done already, and `.venv` is not right yet.
    """
    if os.environ.get(MADE):
        raise PreparationError(
            ".venv was just made, and is not what poetry.lock asks for: something changes it"
            "\n  when that has ended: rm -r .venv, then make"
        )
    python = str(folder / ".venv" / "bin" / "python")
    for name in ("PYTHONPATH", _FROM):
        os.environ.pop(name, None)
    _replace([python, *argv], {MADE: "1"})


def _replace(command: list, variables: dict) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, {**os.environ, **variables})
