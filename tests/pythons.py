"""The Pythons of this machine that the locks allow: real programs, no shims."""

import os
import shutil
import subprocess
from pathlib import Path

_ASK = "import os, sys; print(os.path.realpath(sys._base_executable), *sys.version_info[:3])"


def installed() -> dict[str, Path]:
    """Return the Pythons 3.11 to 3.13 by their version, such as `3.12.1`."""
    folders = [Path(f) for f in os.environ["PATH"].split(os.pathsep)]
    versions = [f.parent / "versions" for f in folders if f.name == "shims"]
    named = [shutil.which(f"python3.{minor}") for minor in (11, 12, 13)]
    managed = [str(p) for v in versions for p in sorted(v.glob("3.1[123].*/bin/python3"))]
    found = {}
    for program in [*filter(None, named), *managed, "/usr/bin/python3"]:
        done = subprocess.run([program, "-c", _ASK], capture_output=True, text=True)
        if done.returncode == 0:
            path, *version = done.stdout.strip().rsplit(" ", 3)
            found.setdefault(".".join(version), Path(path))
    return {v: p for v, p in found.items() if v.split(".")[1] in ("11", "12", "13")}


def of_minor(minor: str) -> Path | None:
    """Return a Python of a minor version, such as `3.12`, if there is one."""
    found = installed()
    return next((found[v] for v in sorted(found, reverse=True) if v.startswith(f"{minor}.")), None)
