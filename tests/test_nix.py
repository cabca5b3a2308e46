"""The flakes, entered for real: a current Nix, a private store, and a stand-in for nixpkgs.

What the stand-in proves, and what it does not, is in the head of nix/nixpkgs/flake.nix.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import building
import pytest
import small_packages
from nix import check_lock, examine
from nix.machine import Nix, NoNixError, find_nix, host_python
from rendering import ANSWERS, PAYLOAD, REPOSITORY, git, installer

pytestmark = pytest.mark.long

COPIED = [
    *(".envrc", ".gitignore", "Makefile", "flake.nix", "flake.lock"),
    "nix/shell-hook.sh",
]
MINIMAL = {
    "pyproject.toml": """\
[project]
name = "minimal"
version = "0"
requires-python = ">=3.11,<3.14"

[build-system]
requires = ["poetry-core>=2.2,<3"]
build-backend = "poetry.core.masonry.api"

[tool.poetry]
packages = []

[tool.labflake]
python = "3.12"
""",
    "poetry.lock": """\
[metadata]
lock-version = "2.1"
python-versions = ">=3.11,<3.14"
content-hash = "4896bd420cd24b0c4608932a20e6c4fd5b28863383865538e4b2cdae7b81f4e7"
""",
}
MUTATIONS = {
    "unknown attribute": ("flake.nix", "pkgs.gnumake", "pkgs.gnumaek", "gnumaek"),
    "misspelt system": ("flake.nix", '"aarch64-linux"', '"aarch64-linx"', "aarch64-linx"),
    "list as variable": ("flake.nix", '"${pythonFor pkgs}/bin/python3";', "[ ];", "evaluation"),
    "undeclared program": ("Makefile", "\t@$(LAB) clean", "\t@perl -v", "no program perl"),
    "leaked variable": ("nix/shell-hook.sh", "unset PYTHONPATH ", "unset ", "PYTHONPATH is set"),
    "another branch": ("flake.nix", "nixos-26.05", "nixos-25.11", "asks for nixos-25.11"),
    "cut hash": ("flake.lock", "b4ywc=", "", "narHash is not"),
    "another repository": ("flake.lock", '"NixOS"', '"Nixos"', "another repository"),
}


@pytest.fixture(scope="module")
def nix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nix]:
    """Give a Nix; where there is none the tests are skipped, but in CI they fail."""
    try:
        programs, python = find_nix(), host_python()
    except NoNixError as reason:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(reason))
    host = {"uv": Path(installer())}
    host |= dict.fromkeys(("python3.12", "python3", "python"), python)
    host["cookiecutter"] = Path(sys.executable).parent / "cookiecutter"
    made = Nix(programs, tmp_path_factory.mktemp("nix"), host)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def entered(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the project that was built outside, at the same commit, without what was made there."""
    project = tmp_path_factory.mktemp("entered") / "projekt ö"
    shutil.copytree(built, project, ignore=shutil.ignore_patterns(".venv", "generated"))
    return project


@pytest.fixture
def minimal(project: Path, tmp_path: Path) -> Path:
    """Make a project with the flake of a real one, but without packages: entered in two seconds."""
    small = tmp_path / "mini ö"
    for name in COPIED:
        (small / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(project / name, small / name)
    shutil.copytree(project / "vendor", small / "vendor")
    for name, text in MINIMAL.items():
        (small / name).write_text(text, encoding="utf-8")
    lock = small / "poetry.lock"
    lock.write_text(small_packages.of_labflake() + lock.read_text(encoding="utf-8"))
    commit(small)
    return small


def commit(project: Path) -> None:
    """Put what there is into git, without which Nix does not see it."""
    git(project, "init", "-q")
    git(project, "add", "--all")
    git(project, "commit", "-q", "-m", "All")


def test_locks_are_sound_and_the_same() -> None:
    """Both locks pin what their flake asks for, and both pin the same."""
    flakes = [REPOSITORY, REPOSITORY / PAYLOAD]
    assert [list(check_lock.problems(flake)) for flake in flakes] == [[], []]
    first, second = [(flake / "flake.lock").read_bytes() for flake in flakes]
    assert first == second


def test_nix_agrees_with_the_locks(nix: Nix, project: Path) -> None:
    """Nix takes the lock that ships as it is, without asking the network."""
    nix.run("nix", "flake", "metadata", "--no-update-lock-file", cwd=project)


def test_a_sound_flake_passes_the_examination(nix: Nix, minimal: Path) -> None:
    """The flake as it ships has none of the problems that the next tests plant."""
    assert list(examine.problems(nix, minimal)) == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_flake_is_caught(nix: Nix, minimal: Path, name: str) -> None:
    """A mistake that people make is found, and the finding names it."""
    file, old, new, expected = MUTATIONS[name]
    text = (minimal / file).read_text(encoding="utf-8")
    assert old in text
    (minimal / file).write_text(text.replace(old, new), encoding="utf-8")
    found = "\n".join(examine.problems(nix, minimal))
    assert expected in found


def test_a_file_that_git_does_not_track_is_caught(nix: Nix, minimal: Path) -> None:
    """Nix sees what git sees: a file that was never added is missing, with its name."""
    git(minimal, "rm", "-q", "--cached", "nix/shell-hook.sh")
    assert "nix/shell-hook.sh" in "\n".join(examine.problems(nix, minimal))


def test_checks_of_a_project_build(nix: Nix, project: Path) -> None:
    """`nix flake check` passes in a project."""
    nix.run("nix", "flake", "check", *nix.override, cwd=project)


def test_the_repository_starts_projects(nix: Nix, template: Path, tmp_path: Path) -> None:
    """`nix run` of the repository makes a project whose files can be edited; its checks pass."""
    repository = tmp_path / "labflake"
    shutil.copytree(template, repository)
    for name in ("flake.nix", "flake.lock"):
        shutil.copy2(REPOSITORY / name, repository)
    commit(repository)
    answers = ["--no-input", "-o", str(tmp_path), f"project_slug={ANSWERS['project_slug']}"]
    nix.run("nix", "run", *nix.override, str(repository), "--", *answers, cwd=tmp_path)
    project = tmp_path / ANSWERS["project_slug"]
    assert (project / "Makefile").stat().st_mode & 0o777 == 0o644
    assert git(project, "status", "--porcelain") == ""
    nix.run("nix", "flake", "check", *nix.override, "--no-build", "--all-systems", cwd=repository)
    nix.run("nix", "flake", "check", *nix.override, cwd=repository)


def test_first_entry_builds_the_same_bytes_as_outside(
    nix: Nix, entered: Path, built: Path, tmp_path: Path
) -> None:
    """In the shell, with nothing of the host, `make` builds what it builds without Nix."""
    nix.develop(entered, "make", f"CACHE={tmp_path / 'cache'}")
    assert building.artifacts(entered) == building.artifacts(built)
    assert git(entered, "status", "--porcelain") == ""


def test_second_entry_is_instant(nix: Nix, minimal: Path) -> None:
    """Once the environment is made, the hook of the shell starts `grep` and one Python, no more.

    That one loads a few modules, starts nothing itself, and looks at no more than it has to.
    """
    for _ in range(2):
        nix.develop(minimal, "true")
    traced = "echo ENTRY >&2; set -x; source nix/shell-hook.sh"
    variables = {"PYTHONPROFILEIMPORTTIME": "1", "PS4": "+ "}
    said = nix.develop(minimal, "bash", "-c", traced, **variables).stderr
    lines = said.partition("ENTRY\n")[2].splitlines()
    words = [re.sub(r"^\++ (exec )?", "", line).split() for line in lines if line.startswith("+")]
    builtin = ("source", "unset", "export", "cd", "'['")
    programs = [w[0] for w in words if w[0] not in builtin and "=" not in w[0]]
    assert programs == ["grep", ".venv/bin/python"]
    loaded = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time")}
    assert "labflake.environment" in loaded
    assert not loaded & {"subprocess", "tomllib", "labflake.environment.making"}
    assert len([name for name in loaded if name.startswith("labflake")]) <= 14
    counted = ".venv/bin/python -m cProfile -m labflake.environment --brief"
    calls = nix.develop(minimal, *counted.split()).stdout
    assert int(re.search(r"(\d+) function calls", calls)[1]) < 35_000


def test_a_broken_environment_is_made_again(nix: Nix, minimal: Path) -> None:
    """When the Python under `.venv` is gone, the next entry makes it anew; one line says so."""
    nix.develop(minimal, "true")
    program = minimal / ".venv" / "bin" / "python"
    program.unlink()
    program.symlink_to("/nix/store/collected-python3/bin/python3")
    done = nix.develop(minimal, "python", "-c", "import labflake")
    assert [line for line in done.stderr.splitlines() if line.startswith("making .venv")] == [
        "making .venv again: its Python does not start"
    ]


def test_a_shell_without_a_network_opens(nix: Nix, project: Path, tmp_path: Path) -> None:
    """Without a network the shell opens and says in one line what is missing."""
    alone = tmp_path / "offline"
    shutil.copytree(project, alone)
    nowhere = "http://127.0.0.1:9"
    cache = str(tmp_path / "empty")
    offline = {"HTTPS_PROXY": nowhere, "HTTP_PROXY": nowhere, "UV_CACHE_DIR": cache}
    done = nix.develop(alone, "bash", "-c", "make --version && git status", **offline)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error")]
    assert len(errors) == 1
    assert "make env" in errors[0]


def test_nothing_reaches_programs_that_python_starts(nix: Nix, entered: Path) -> None:
    """Python finds the libraries of wheels; what it starts does not see where they are."""
    script = "import os, subprocess, sys; print(sys.executable, os.environ.get('LD_LIBRARY_PATH'))"
    twice = f"{script}; subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"
    printed = nix.develop(entered, "python", "-c", twice, script).stdout
    assert printed.splitlines() == [f"{entered / '.venv' / 'bin' / 'python'} None"] * 2


def test_wheels_find_their_libraries_without_those_of_the_host(nix: Nix, entered: Path) -> None:
    """With libstdc++ of the host hidden, as on NixOS, the packages still import."""
    hide = 'for l in /usr/lib/*/libstdc++.so.6; do mount --bind /dev/null "$l"; done; exec "$@"'
    alone = ["unshare", "-m" if os.geteuid() == 0 else "-Urm", "bash", "-c", hide, "hide"]
    if subprocess.run([*alone, "true"], capture_output=True).returncode:
        pytest.skip("this machine does not let a process hide files from itself")
    load = [str(host_python()), "-c", "import ctypes; ctypes.CDLL('libstdc++.so.6')"]
    assert nix.run(*alone, *load, check=False).returncode
    python = str(entered / ".venv" / "bin" / "python")
    nix.run(*alone, python, "-c", "import contourpy, kiwisolver, scipy.optimize")


def test_report_is_built_from_outside_the_shell(nix: Nix, entered: Path) -> None:
    """`nix run .#report` does what `make` does, from any folder of the project."""
    folder = entered / "src"
    done = nix.run("nix", "run", *nix.override, ".#report", "--", "help", cwd=folder)
    assert done.stdout == building.made(entered, "help")


def test_direnv_gives_the_same_environment(nix: Nix, minimal: Path) -> None:
    """With direnv, entering the folder is enough, and a changed lock is noticed."""
    nix.lock(minimal)
    nix.run("direnv", "allow", ".", cwd=minimal)
    inside = ["direnv", "exec", "."]
    prefix = nix.run(*inside, "python", "-c", "import sys; print(sys.prefix)", cwd=minimal)
    assert prefix.stdout.strip() == str(minimal / ".venv")
    status = nix.run(*inside, "direnv", "status", cwd=minimal).stdout
    watched = set(re.findall(r'Loaded watch: "(.*?)"', status))
    assert {"flake.nix", "flake.lock", "poetry.lock", "nix/shell-hook.sh"} <= watched
