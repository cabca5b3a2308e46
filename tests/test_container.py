"""The Containerfile: built on a base from Debian's packages and a Python beside them, and run."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import building
import pytest
import pythons
from servers import podman

pytestmark = pytest.mark.long

SUITE = "bookworm"
VERSION = "3.12"
PACKAGES = "python3,python3-venv,python3-pip,git,make,ca-certificates"
CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")
MIRROR = ["apt-get", "indextargets", "--format", "$(SITE) $(REPO_URI)", "Created-By: Packages"]
# How this machine reaches the network: the build needs it, too.
NETWORK = re.compile(r"PIP_\w+|\w*(SSL|CERT|BUNDLE|PROXY)\w*", re.IGNORECASE)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Set podman up with the base image; yield the variables that choose it."""
    if not all(map(shutil.which, ("debootstrap", "apt-get"))):
        pytest.skip("a base image cannot be made here: debootstrap is not here")
    with podman.storage() as env:
        archive = base(tmp_path_factory.mktemp("base"))
        podman.run(env, "import", "--quiet", archive, "localhost/base")
        yield env


def base(folder: Path) -> Path:
    """Make the base as an archive, once for this user: Debian with Python, git and make."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    archive = home / "labflake" / f"base-{SUITE}-python-{VERSION}.tar"
    if not archive.exists():
        asked = subprocess.run(MIRROR, capture_output=True, text=True, check=True).stdout
        mirrors = [line.split()[1] for line in asked.splitlines() if re.search(r"/debian/?$", line)]
        if not mirrors:
            pytest.skip("this machine gets no packages from a Debian archive")
        python = pythons.of_minor(VERSION)
        if not python:
            pytest.skip(f"Python {VERSION}, which the base image has, is not on this machine")
        root = folder / "root"
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE]
        subprocess.run([*command, root, mirrors[0]], check=True, capture_output=True)
        shutil.copyfile("/" / CERTIFICATES, root / CERTIFICATES)
        add_python(python, root / "usr" / "local")
        subprocess.run(["chroot", root, "/sbin/ldconfig"], check=True)  # its own library
        archive.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["tar", "-C", root, "-cf", archive.with_suffix(".part"), "."], check=True)
        archive.with_suffix(".part").rename(archive)
        shutil.rmtree(root)
    return archive


def add_python(python: Path, place: Path) -> None:
    """Copy a Python to where the base image of the Containerfile has its own."""
    ignore = shutil.ignore_patterns("__pycache__", "test", "idle*", "python3.1[13]*")
    source = python.parent.parent
    for name in ("bin", "lib", "include"):
        shutil.copytree(
            source / name, place / name, symlinks=True, ignore=ignore, dirs_exist_ok=True
        )


def test_the_container_builds_the_same_bytes(
    engine: dict[str, str], built: Path, tmp_path: Path
) -> None:
    """The image holds the environment, and the pipeline in it makes what it makes outside."""
    project = tmp_path / "project"
    shutil.copytree(built, project, ignore=shutil.ignore_patterns(".venv", "generated"))
    reach = [word for name in os.environ if NETWORK.fullmatch(name) for word in ("--env", name)]
    options = ["--isolation=chroot", "--build-arg=BASE=localhost/base", "--tag=project", *reach]
    podman.run(engine, "build", *options, project)
    made = project / "generated"
    made.mkdir()
    podman.run(engine, "run", "--rm", f"--volume={made}:/project/generated", "project", "make")
    assert building.artifacts(project) == building.artifacts(built)


def test_the_dev_container_names_files_that_exist(project: Path) -> None:
    """The settings for editors are JSON with comments, and what they build from is there."""
    path = project / ".devcontainer" / "devcontainer.json"
    lines = path.read_text(encoding="utf-8").splitlines()
    settings = json.loads("\n".join(line for line in lines if not line.strip().startswith("//")))
    assert (path.parent / settings["build"]["dockerfile"]).is_file()
    assert (path.parent / settings["build"]["context"] / "Makefile").is_file()
