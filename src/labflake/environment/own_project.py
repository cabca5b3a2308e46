"""Make the packages of this project importable where they stand, as `poetry install` does."""

import json
import re
import shutil
from pathlib import Path


def link(folder: Path, venv: Path, pyproject: dict) -> None:
    """Write the path, the description and the programs of the project into `.venv`."""
    poetry = pyproject.get("tool", {}).get("poetry", {})
    own = pyproject.get("project")
    if not own or poetry.get("package-mode") is False:
        return
    site = next((venv / "lib").glob("python3.*/site-packages"))
    name = re.sub(r"[-_.]+", "_", own["name"]).lower()
    places = [folder / p.get("from", ".") for p in poetry.get("packages", [{}])]
    roots = dict.fromkeys(str(place.resolve()) for place in places)
    (site / f"{name}.pth").write_text("".join(f"{r}\n" for r in roots), encoding="utf-8")
    programs = [_program(venv, *pair) for pair in own.get("scripts", {}).items()]
    _describe(site, name, folder, own, programs)


def _describe(site: Path, name: str, folder: Path, own: dict, programs: list[str]) -> None:
    """Write what tools that list packages read."""
    version = own.get("version", "0")
    info = site / f"{name}-{version}.dist-info"
    for other in site.glob(f"{name}-*.dist-info"):
        shutil.rmtree(other)
    info.mkdir()
    address = {"dir_info": {"editable": True}, "url": folder.as_uri()}
    files = {
        "METADATA": f"Metadata-Version: 2.1\nName: {own['name']}\nVersion: {version}\n",
        "INSTALLER": "labflake\n",
        "direct_url.json": json.dumps(address),
    }
    listed = [f"{name}.pth", *(f"{info.name}/{n}" for n in (*files, "RECORD")), *programs]
    files["RECORD"] = "".join(f"{path},,\n" for path in listed)
    for file, text in files.items():
        (info / file).write_text(text, encoding="utf-8")


def _program(venv: Path, name: str, target: str) -> str:
    """Write a program that calls a function of the project; return its place for the record."""
    module, _, function = target.partition(":")
    lines = ["import sys", f"from {module} import {function.split('.')[0]}"]
    path = venv / "bin" / name
    text = "\n".join([f"#!{venv}/bin/python", *lines, f"sys.exit({function}())", ""])
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return f"../../../bin/{name}"
