"""uv, which installs: the one on the PATH, else a private one at the locked version and hash."""

import os
import re
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

from . import PreparationError, programs, sources

OLDEST = (0, 9)  # has the options that are used here


@cache
def find(tools: Path) -> tuple[str, str]:
    """Return a program, or "" and why there is none.

    Args:
        tools: requirements with hashes, of which one is uv.
    """
    on_path = shutil.which("uv")
    if on_path and _version(on_path) >= OLDEST:
        return on_path, ""
    locked = re.search(r"^uv==(\S+).*$", tools.read_text(encoding="utf-8"), re.MULTILINE)
    if not locked:
        return "", "uv is neither on the PATH nor in the group `build` of poetry.lock"
    program = programs.cache_home() / f"uv-{locked[1]}-{sys.platform}" / "uv"
    if _version(str(program)) >= OLDEST:
        return str(program), ""
    import zipfile

    programs.say(f"fetching uv {locked[1]}, the installer, once for this user")
    try:
        _fetch(program, locked[0])
    except (OSError, PreparationError, zipfile.BadZipFile, StopIteration) as problem:
        return "", str(problem)
    works = _version(str(program)) >= OLDEST
    return (str(program), "") if works else ("", f"{program} does not run on this machine")


def _version(uv: str) -> tuple[int, ...]:
    found = re.search(r"(\d+)\.(\d+)", programs.ask([uv, "--version"]).stdout)
    return tuple(map(int, found.groups())) if found else ()


def _fetch(program: Path, requirement: str) -> None:
    """Download the wheel of uv with pip, which checks its hash, and take the program out of it."""
    import zipfile

    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as scratch:
        wanted = Path(scratch) / "wanted.txt"
        wanted.write_text(requirement, encoding="utf-8")
        command = [*sources.pip(), "download", "--quiet", "--no-deps", "--require-hashes"]
        command += ["--only-binary=:all:", "--dest", scratch, "--requirement", str(wanted)]
        done = programs.ask(command, {"PIP_RETRIES": "1"} | sources.for_pip())
        if done.returncode:
            raise PreparationError(done.stderr.strip())
        with zipfile.ZipFile(next(Path(scratch).glob("uv-*.whl"))) as wheel:
            name = next(n for n in wheel.namelist() if n.endswith(".data/scripts/uv"))
            unpacked = Path(wheel.extract(name, scratch))
        unpacked.chmod(0o755)
        os.replace(unpacked, program)
