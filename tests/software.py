"""Other software in the `.venv` of a project: what is said of it, without its code."""

import hashlib
import os
import re
import shutil
from pathlib import Path

from small_packages import PACKAGE

from labflake import environment
from labflake.environment import untouched


def distribution(
    folder: Path,
    name: str,
    version: str = "1.0",
    requires: tuple[str, ...] = (),
    files: tuple[str, ...] = (),
    registers: str = "",
) -> Path:
    """Write what is known of a distribution; by default it has one module of its name."""
    module = name.replace("-", "_")
    info = folder / f"{module}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = [f"Requires-Dist: {each}" for each in requires]
    about = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines]
    (info / "METADATA").write_text("\n".join(about) + "\n")
    (info / "WHEEL").write_text("Wheel-Version: 1.0\nTag: py3-none-any\n")
    names = [*(files or [f"{module}.py"]), f"{info.name}/METADATA"]
    (info / "RECORD").write_text("".join(f"{each},,\n" for each in names))
    if registers:
        (info / "entry_points.txt").write_text(f"[{registers}]\nx = {module}:x\n")
    return info


def own(project: Path) -> Path:
    """Give a copied project its own `.venv`, which shares the files of the one it is linked to."""
    venv, original = project / ".venv", (project / ".venv").resolve()
    venv.unlink()
    shutil.copytree(original, venv, copy_function=_linked, symlinks=True)
    return settled(project)


def _linked(source: str, target: str) -> None:
    """Share the files of packages; what the installer writes to in place is copied."""
    (os.link if "site-packages" in source else shutil.copy2)(source, target)


def settled(project: Path) -> Path:
    """Let `.venv` be what the lock asks for."""
    venv = project / ".venv"
    untouched.seal(venv)
    wanted = environment.fingerprint(project, environment.optional_groups(project))
    replace(venv / environment.NOTE, wanted)
    return project


def replace(path: Path, text: str) -> None:
    """Write a file anew, so that no other link to it changes."""
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")


def site(project: Path) -> Path:
    """Return where the packages of a project are."""
    return next(project.glob(".venv/lib/python3*/site-packages"))


def version(project: Path, name: str) -> str:
    """Return the version of a package that is installed."""
    (info,) = site(project).glob(f"{name}-*.dist-info")
    return info.name.removeprefix(f"{name}-").removesuffix(".dist-info")


def newer(project: Path, name: str, to: str) -> None:
    """Let a package be of another version, in the lock and installed."""
    old = version(project, name)
    info = site(project) / f"{name}-{to}.dist-info"
    (site(project) / f"{name}-{old}.dist-info").rename(info)
    about = (info / "METADATA").read_text(encoding="utf-8")
    replace(info / "METADATA", about.replace(f"\nVersion: {old}", f"\nVersion: {to}", 1))
    record = (info / "RECORD").read_text(encoding="utf-8").replace(f"-{old}.dist", f"-{to}.dist")
    replace(info / "RECORD", re.sub(r",sha256=[^,\n]+,\d+$", ",,", record, flags=re.MULTILINE))
    lock = project / "poetry.lock"
    text = lock.read_text(encoding="utf-8")
    pattern = f'(name = "{name}"\nversion = )"{re.escape(old)}"'
    lock.write_text(re.sub(pattern, rf'\1"{to}"', text), encoding="utf-8")
    settled(project)


def arrives(project: Path, name: str, version: str, group: str = "main") -> None:
    """Let a package be there that was not, with a module of its name."""
    distribution(site(project), name, version, files=(f"{name}/__init__.py",))
    digest = hashlib.sha256(name.encode()).hexdigest()
    lock = project / "poetry.lock"
    before, metadata, after = lock.read_text(encoding="utf-8").partition("\n[metadata]")
    file = f"{name}-{version}-py3-none-any.whl"
    added = PACKAGE.format(name=name, version=version, group=group, file=file, digest=digest)
    lock.write_text(before + added + metadata + after, encoding="utf-8")
    settled(project)
