"""labflake in `vendor/` of a project: a wheel, or unpacked, and the lines that name it.

Both files change without a package index: the wheel itself says all that the lock has about it.
"""

import csv
import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from contextlib import ExitStack, contextmanager, suppress
from email.parser import HeaderParser
from pathlib import Path

from labflake.content.atomic import remove, rewrite
from labflake.content.digests import in_a_record
from labflake.environment import vendored_names
from labflake.errors import LabError

FILES = ("pyproject.toml", "poetry.lock", "vendor")


def wheel(folder: Path) -> Path:
    """Return the one wheel of labflake in a folder.

    Raises:
        LabError: there is none, or there are several.
    """
    found = sorted(folder.glob("labflake-*.whl"))
    if len(found) == 1:
        return found[0]
    raise LabError(
        f"{folder} has {len(found) or 'no'} wheels of labflake, labflake-VERSION-py3-none-any.whl"
        "\n  name the file that is meant"
    )


def here(project: Path) -> Path | None:
    """Return the wheel in `vendor/` of a project; None where there is none."""
    return wheel(project / "vendor") if any(project.glob("vendor/labflake-*.whl")) else None


def unpacked(project: Path) -> Path | None:
    """Return the folder of labflake where `labflake eject` unpacked it; None for a wheel."""
    folder = project / "vendor" / "labflake"
    return folder if (folder / "__init__.py").exists() else None


def facts(path: Path) -> dict[str, list[str]]:
    """Return what a wheel, or the folder where it was unpacked, says about itself, by header.

    Raises:
        LabError: it is no wheel of labflake.
    """
    with suppress(OSError, KeyError, StopIteration, zipfile.BadZipFile):
        message = HeaderParser().parsestr(_described(path))
        found = {name: message.get_all(name, []) for name in message} | {
            "Description": [str(message.get_payload())]
        }
        if found["Name"] == ["labflake"]:
            return found
    raise LabError(f"{path.name} is no wheel of labflake\n  nothing changed")


def _described(path: Path) -> str:
    if path.is_dir():
        return next(path.glob("labflake-*.dist-info/METADATA")).read_text(encoding="utf-8")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        name = next(n for n in names if re.fullmatch(r"labflake-[^/]*\.dist-info/METADATA", n))
        return archive.read(name).decode()


def needs(about: dict[str, list[str]]) -> set[str]:
    """Return what decides which other packages the lock has."""
    return {*about.get("Requires-Dist", []), *about.get("Requires-Python", [])}


def number(about: dict[str, list[str]]) -> list[int]:
    """Return a version as numbers, to compare it with another."""
    return [int(part) for part in re.findall(r"\d+", about["Version"][0])]


@contextmanager
def put_back_on_failure(project: Path):
    """Put `vendor/`, the line and the lock back as they were if what follows fails."""
    files = [p for name in FILES for p in [project / name, *(project / name).rglob("*")]]
    before = {path: path.read_bytes() for path in files if path.is_file()}
    with ExitStack() as stack:
        stack.callback(_put_back, project, before)
        yield
        stack.pop_all()


def _put_back(project: Path, before: dict[Path, bytes]) -> None:
    for path in sorted((project / "vendor").rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
        elif path.is_file() and path not in before:
            path.unlink()
    for path, content in before.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        rewrite(path, content)


def install(project: Path, env: dict[str, str], lock: bool = False) -> bool:
    """Let the labflake in `vendor/` make `.venv`, and first `lock` again; tell whether it could.

    It does so in a process of its own: the one that runs may just have lost its files.
    """
    place = project / "vendor" if unpacked(project) else wheel(project / "vendor")
    command = [sys.executable, "-m", "labflake.environment", *(["lock"] if lock else [])]
    return not subprocess.run(command, cwd=project, env=env | {"PYTHONPATH": str(place)}).returncode


def changed(project: Path) -> list[str]:
    """Return the files of the unpacked labflake that are not as they were unpacked."""
    if not unpacked(project):
        return []
    place = project / "vendor"
    (record,) = place.glob("labflake-*.dist-info/RECORD")
    rows = csv.reader(record.read_text(encoding="utf-8").splitlines())
    was = {name: said for name, said, _ in rows if name.startswith("labflake/")}
    files = [p for p in (place / "labflake").rglob("*") if p.is_file() and p.suffix != ".pyc"]
    now = {path.relative_to(place).as_posix(): in_a_record(path) for path in files}
    return sorted(name for name in was | now if was.get(name) != now.get(name))


def put(new: Path, project: Path, known: bool = True) -> None:
    """Let a wheel take the place of the labflake that a project has.

    If what it needs is not `known` to the lock, that does not name the wheel's place: then Poetry
    looks into it.
    """
    content, about = new.read_bytes(), facts(new)
    _empty(project)
    (project / "vendor").mkdir(exist_ok=True)
    rewrite(project / "vendor" / new.name, content)
    digest = hashlib.sha256(content).hexdigest()
    files = f'[\n    {{file = "{new.name}", hash = "sha256:{digest}"}},\n]\n'
    locked = f"vendor/{new.name}" if known else "vendor/unknown"
    vendored_names.write(project, f"vendor/{new.name}", about["Version"][0], "file", files, locked)


def unpack(project: Path) -> None:
    """Let what is in the wheel of a project take the wheel's place."""
    old = wheel(project / "vendor")
    about = facts(old)
    with zipfile.ZipFile(old) as archive:
        archive.extractall(project / "vendor")
    old.unlink()
    (project / "vendor" / "pyproject.toml").write_text(
        vendored_names.project(about), encoding="utf-8"
    )
    vendored_names.write(
        project, "vendor", about["Version"][0], "directory", "[]\ndevelop = true\n"
    )


def bring(project: Path, other: Path) -> None:
    """Let another rendering of a project have the unpacked labflake of this one."""
    if not here(other):
        return
    _empty(other)
    tree = shutil.ignore_patterns("__pycache__", "README.md")
    shutil.copytree(project / "vendor", other / "vendor", ignore=tree, dirs_exist_ok=True)
    version = facts(project / "vendor")["Version"][0]
    vendored_names.write(other, "vendor", version, "directory", "[]\ndevelop = true\n")


def _empty(project: Path) -> None:
    """Remove the labflake that is in `vendor/`."""
    place = project / "vendor"
    for path in [*place.glob("labflake-*"), place / "labflake", place / "pyproject.toml"]:
        remove(path)
