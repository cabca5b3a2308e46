"""Install requirements with hashes into an environment: uv, and pip where uv cannot be had."""

import os
import re
import shutil
import sys
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from . import PreparationError, programs, sources

OLDEST_UV = (0, 9)


@dataclass(frozen=True)
class Wanted:
    """What shall be in an environment: files of requirements, as pip and uv read them."""

    packages: Path
    tools: Path  # uv, and what builds packages from source
    indexes: list[str] = field(default_factory=list)


def by_uv(folder: Path, venv: Path, wanted: Wanted) -> str | None:
    """Install exactly these packages with uv; return what it said if it could not.

    What this user installed before needs no network, so the first attempt is without one.
    """
    uv = find_uv(wanted.tools)
    if not uv:
        return "there is no uv for this machine"
    python = str(venv / "bin" / "python")
    command = [uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes"]
    command += [str(wanted.packages), "--build-constraint", str(wanted.tools)]
    env = sources.for_uv(wanted.indexes)
    if env.pop("UV_NO_INDEX", ""):
        command.append("--no-index")
    for more in (["--offline"], []):
        done = programs.ask([*command, *more], env, folder)
        if done.returncode == 0:
            return None
    return (done.stdout + done.stderr).strip()


def by_pip(folder: Path, venv: Path, wanted: Wanted) -> str | None:
    """Install these packages with pip into an empty environment; return its words if it could not.

    It is slower, and works wherever pip does.
    """
    command = [*sources.pip(), "--python", str(venv / "bin" / "python"), "install", "--no-deps"]
    command += ["--no-compile", "--no-user", "--require-hashes", "--quiet"]
    extra = [word for url in wanted.indexes for word in ("--extra-index-url", url)]
    done = programs.ask(
        [*command, *extra, "--requirement", str(wanted.packages)], sources.for_pip(), folder
    )
    return (done.stdout + done.stderr).strip() if done.returncode else None


def find_uv(tools: Path) -> str | None:
    """Return a uv: the one on the PATH, else a private one at the locked version and hash."""
    on_path = shutil.which("uv")
    if on_path and _version(on_path) >= OLDEST_UV:
        return on_path
    text = tools.read_text(encoding="utf-8")
    locked = re.search(r"^uv==(\S+).*$", text, re.MULTILINE)
    if not locked:
        return None
    program = programs.cache_home() / f"uv-{locked[1]}-{sys.platform}" / "uv"
    if _version(str(program)) >= OLDEST_UV:
        return str(program)
    programs.say(f"fetching uv {locked[1]}, the installer, once for this user")
    try:
        _fetch_uv(program, locked[0])
    except (OSError, PreparationError, zipfile.BadZipFile, StopIteration):
        return None
    return str(program) if _version(str(program)) >= OLDEST_UV else None


def _version(uv: str) -> tuple[int, ...]:
    found = re.search(r"(\d+)\.(\d+)", programs.ask([uv, "--version"]).stdout)
    return tuple(map(int, found.groups())) if found else ()


def _fetch_uv(program: Path, requirement: str) -> None:
    """Download the wheel of uv with pip, which checks its hash, and take the program out of it."""
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as scratch:
        wanted = Path(scratch) / "wanted.txt"
        wanted.write_text(requirement, encoding="utf-8")
        command = [*sources.pip(), "download", "--quiet", "--no-deps", "--require-hashes"]
        command += ["--only-binary=:all:", "--dest", scratch, "--requirement", str(wanted)]
        done = programs.ask(command, sources.for_pip())
        if done.returncode:
            raise PreparationError(done.stderr)
        with zipfile.ZipFile(next(Path(scratch).glob("uv-*.whl"))) as wheel:
            name = next(n for n in wheel.namelist() if n.endswith(".data/scripts/uv"))
            unpacked = Path(wheel.extract(name, scratch))
        unpacked.chmod(0o755)
        os.replace(unpacked, program)
