"""Podman with a store of its own, set so that it runs on plain and on restricted machines."""

import os
import shutil
import subprocess
from pathlib import Path

SETTINGS = """\
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=4096:8192"]
netns = "host"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
RUNTIME = """\
runtime = "runc"
[engine.runtimes]
runc = ["{}"]
"""
STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{0}/storage"
runroot = "{0}/run"
"""


def settings(folder: Path) -> dict[str, str]:
    """Write settings for images and containers below a folder; return the variables to use."""
    folder.mkdir(parents=True, exist_ok=True)
    runtime = shutil.which("runc")  # crun refuses machines with both versions of cgroups
    (folder / "containers.conf").write_text(SETTINGS + (RUNTIME.format(runtime) if runtime else ""))
    (folder / "storage.conf").write_text(STORAGE.format(folder))
    return {
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
    }


def run(folder: Path, *command: str | Path) -> str:
    """Run podman with these settings, expect success, and return what it printed."""
    done = subprocess.run(
        ["podman", *command], env=os.environ | settings(folder), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def remove(folder: Path) -> None:
    """Remove all images and containers, which plain deletion cannot while they are mounted."""
    variables = os.environ | settings(folder)
    subprocess.run(["podman", "system", "reset", "--force"], env=variables, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)
