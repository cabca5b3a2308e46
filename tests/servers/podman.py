"""podman with settings that work for root in a container or a small virtual machine."""

import contextlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

BUSYBOX = "/bin/busybox"
_CONTAINERS = """
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=4096:8192"]
netns = "host"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
_STORAGE = """
[storage]
driver = "{driver}"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""
_TOOLS = "sh cat echo env grep head id ls mkdir sed seq sleep sort stat tail tr wc dd awk kill test"


def _missing() -> str | None:
    """Return what has to be installed before containers run here, or None."""
    needed = {"podman": "podman", "runc": "runc", BUSYBOX: "busybox-static"}
    absent = [package for program, package in needed.items() if not shutil.which(program)]
    if os.getuid() and not absent:
        return "these settings are for root"
    return f"not installed: {', '.join(absent)} (Debian's names)" if absent else None


@contextlib.contextmanager
def storage() -> Iterator[dict[str, str]]:
    """Yield the variables that make podman use a storage of its own, removed at the end.

    The test is skipped where containers cannot run.
    Its path is short: where it is longer than a socket's may be, podman waits 20 s per container.
    """
    if absent := _missing():
        pytest.skip(f"containers cannot run here: {absent}")
    folder = Path(tempfile.mkdtemp(prefix="pod", dir="/tmp"))
    env = _settings(folder)
    try:
        yield env
    finally:
        for command in (["rm", "--all", "--force"], ["rmi", "--all", "--force"]):
            subprocess.run(["podman", *command], env=os.environ | env, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def _settings(folder: Path) -> dict[str, str]:
    """Write settings into the folder; return the variables that make podman use them."""
    (folder / "containers.conf").write_text(_CONTAINERS)
    driver = "overlay" if _overlay(folder) else "vfs"
    (folder / "storage.conf").write_text(_STORAGE.format(folder=folder, driver=driver))
    return {
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
    }


def _overlay(folder: Path) -> bool:
    """Tell whether overlays can be mounted here."""
    places = {name: folder / "try" / name for name in ("lower", "upper", "work", "all")}
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
    options = "lowerdir={lower},upperdir={upper},workdir={work}".format(**places)
    mount = ["mount", "-t", "overlay", "overlay", "-o", options, str(places["all"])]
    if subprocess.run(mount, capture_output=True).returncode:
        return False
    subprocess.run(["umount", str(places["all"])], check=True)
    return True


def make_image(name: str, env: dict[str, str], files: dict[str, str] | None = None) -> None:
    """Make a small image: one static program under many names, and the text files given."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for place in ("bin", "etc", "tmp"):
            entry = tarfile.TarInfo(place)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if place == "tmp" else 0o755
            tar.addfile(entry)
        tar.add(BUSYBOX, "bin/busybox")
        for tool in _TOOLS.split():
            entry = tarfile.TarInfo(f"bin/{tool}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
        for path, text in (files or {}).items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    command = ["podman", "import", "--quiet", "-", name]
    subprocess.run(
        command, input=content.getvalue(), env=os.environ | env, check=True, capture_output=True
    )


def run(env: dict[str, str], *words: str | Path) -> str:
    """Run podman, expect success, and return what it printed."""
    done = subprocess.run(["podman", *words], env=os.environ | env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def containers(env: dict[str, str]) -> list[str]:
    """Return the names of all containers that there are, running or not."""
    return run(env, "ps", "--all", "--format", "{{.Names}}").split()
