"""Packages of a few bytes, made here, and a project whose lock names them and the tools."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import textwrap
import tomllib
import zipfile
from pathlib import Path

import rendering
import servers.packages

PAYLOAD = rendering.REPOSITORY / rendering.PAYLOAD
VERSION = "1.2"
PYPROJECT = """
    [project]
    name = "small"
    version = "0.1.0"
    requires-python = ">=3.11,<3.14"
    dependencies = [{dependencies}]

    [tool.labflake]
    python = "3.12"

    [tool.poetry]
    packages = [{{ include = "study", from = "src" }}]

    [tool.poetry.group.build]
    optional = true

    [tool.poetry.group.build.dependencies]
    setuptools = ">=80"
    uv = ">=0.9,<1"
"""
PACKAGE = """
[[package]]
name = "{name}"
version = "{version}"
description = ""
optional = false
python-versions = "*"
groups = ["{group}"]
files = [
    {{file = "{file}", hash = "sha256:{digest}"}},
]
"""
SOURCE = """
[package.source]
type = "file"
url = "vendor/{file}"
"""
METADATA = """
[metadata]
lock-version = "2.1"
python-versions = ">=3.11,<3.14"
content-hash = "{digest}"
"""


def wheel(
    folder: Path,
    name: str,
    tag: str = "py3-none-any",
    version: str = VERSION,
    code: str = "",
    registers: str = "",
) -> Path:
    """Write a wheel with one module, which knows its name; with code and entry points, if any."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": f'NAME = "{name}"\n{textwrap.dedent(code)}',
        f"{info}/entry_points.txt": textwrap.dedent(registers),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    path = folder / f"{module}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in (files | {f"{info}/RECORD": record}).items():
            archive.writestr(zipfile.ZipInfo(inside), text)
    return path


def source(folder: Path, name: str) -> Path:
    """Write a source package with one module; setuptools builds it."""
    module = name.replace("-", "_")
    arguments = f"name={name!r}, version={VERSION!r}, py_modules=[{module!r}]"
    files = {
        f"{module}.py": f'NAME = "{name}"\n',
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {VERSION}\n",
        "setup.py": f"from setuptools import setup\nsetup({arguments})\n",
    }
    path = folder / f"{module}-{VERSION}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for inside, text in files.items():
            entry = tarfile.TarInfo(f"{module}-{VERSION}/{inside}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


def tools(folder: Path, kept: Path) -> list[Path]:
    """Copy the wheels of the payload's group `build`; the real index is asked for them once."""
    locked = tomllib.loads((PAYLOAD / "poetry.lock").read_text(encoding="utf-8"))["package"]
    wanted = [f"{p['name']}=={p['version']}" for p in locked if p["groups"] == ["build"]]
    kept = kept / "-".join(wanted).replace("==", "-")
    if not kept.exists():
        part = kept.with_name(f"{kept.name}.{os.getpid()}")
        pip = ["python3", "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(part)]
        subprocess.run([*pip, "--only-binary", ":all:", *wanted], check=True, capture_output=True)
        with contextlib.suppress(OSError):  # somebody else was quicker
            part.rename(kept)
    return [Path(shutil.copy(wheel, folder)) for wheel in sorted(kept.iterdir())]


def project(folder: Path, packages: list[Path], build: list[Path]) -> Path:
    """Make a project with the payload's door, whose lock names these files and no others."""
    (folder / "vendor").mkdir(parents=True)
    shutil.copy(rendering.wheel(), folder / "vendor")
    shutil.copy(PAYLOAD / "Makefile", folder)
    (folder / "src/study").mkdir(parents=True)
    (folder / "src/study/__init__.py").touch()
    lock(folder, packages, build)
    return folder


def lock(folder: Path, packages: list[Path], build: list[Path]) -> None:
    """Write `pyproject.toml` and `poetry.lock` for these files."""
    needed = ", ".join(f'"{servers.packages.name(file)} (>=1)"' for file in packages)
    asked = textwrap.dedent(PYPROJECT.format(dependencies=needed))
    grouped = {"main": packages, "build": build}
    listed = [_entry(file, group) for group, files in grouped.items() for file in files]
    listed.append(of_labflake())
    end = METADATA.format(digest=_content_hash(tomllib.loads(asked)))
    (folder / "pyproject.toml").write_text(asked)
    (folder / "poetry.lock").write_text("".join(sorted(listed)) + end)


def of_labflake() -> str:
    """Return what a lock says of the wheel of labflake in `vendor/`."""
    return _entry(rendering.wheel(), "main") + SOURCE.format(file=rendering.wheel().name)


def _entry(file: Path, group: str) -> str:
    name, digest = servers.packages.name(file), hashlib.sha256(file.read_bytes()).hexdigest()
    version = file.name.removesuffix(".tar.gz").split("-")[1]
    return PACKAGE.format(name=name, version=version, group=group, file=file.name, digest=digest)


def _content_hash(asked: dict) -> str:
    """Return what Poetry writes into a lock about the file that it was made from."""
    project = {key: asked["project"][key] for key in ("requires-python", "dependencies")}
    tool = {"poetry": {"group": asked["tool"]["poetry"]["group"]}}
    relevant = json.dumps({"project": project, "tool": tool}, sort_keys=True)
    return hashlib.sha256(relevant.encode()).hexdigest()
