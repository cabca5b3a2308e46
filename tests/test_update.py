"""Projects take over newer software and a newer template, and nothing of the user's is lost."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import building
import other_wheels
import pytest
from building import SAMPLE, TINY
from rendering import ANSWERS, PAYLOAD, REPOSITORY, commit_all, contents, git, render, wheel

from labflake.environment import vendored

pytestmark = pytest.mark.long

OFFLINE = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
# What the version before this one had: (file of the project, text of today, text of then).
OLDER = [
    ("poetry.lock", 'content-hash = "', 'content-hash = "0'),
    ("flake.lock", '"lastModified": ', '"lastModified": 1'),
    ("Makefile", "# The one door to the project.", "# The only door to the project."),
    ("src/study/model.py", '"""', '"""Older. '),
    ("README.md", "## Years later", "## After years"),
]
OLDER_WHEEL = "0.1.0"
REMOVED_SINCE = "src/study/obsolete.py"
ADDED_SINCE = "src/check-hash.sh"


@pytest.fixture(scope="module")
def history(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a template with two releases: v1.0.0, which differs a little, and this one, v1.1.0."""
    repository = tmp_path_factory.mktemp("history") / "labflake"
    shutil.copytree(template, repository)
    payload = repository / PAYLOAD
    for name, today, then in OLDER:
        substitute(payload / name, today, then)
    (payload / REMOVED_SINCE).write_text("# removed since\n", encoding="utf-8")
    (payload / ADDED_SINCE).unlink()
    vendored.put(other_wheels.write(repository.parent / "wheels", OLDER_WHEEL), payload)
    commit_all(repository, "Release 1.0.0")
    git(repository, "tag", "v1.0.0")
    shutil.rmtree(payload / "vendor")
    shutil.copytree(template, repository, dirs_exist_ok=True)
    (payload / REMOVED_SINCE).unlink()
    (repository / "CHANGELOG.md").write_text("- A clearer README.\n", encoding="utf-8")
    git(repository, "add", "--all")
    git(repository, "commit", "-q", "-m", "Release 1.1.0")
    git(repository, "tag", "v1.1.0")
    return repository


@pytest.fixture
def older(history: Path, built: Path, tmp_path: Path) -> Path:
    """Make a project from the older release; its environment is that of the built one."""
    release = tmp_path / "release"
    git(history, "clone", "-q", "--branch", "v1.0.0", str(history), str(release))
    project = render(release, tmp_path / "a prøject", ANSWERS)
    borrow_environment(project, built)
    return project


def borrow_environment(project: Path, built: Path) -> None:
    """Give a project the packages of the built one; nothing is written to them."""
    venv = project / ".venv"
    venv.mkdir(exist_ok=True)
    for entry in (built / ".venv").iterdir():
        if entry.is_file():
            shutil.copy2(entry, venv / entry.name)
        elif entry.name[:3] != "lib" and not (venv / entry.name).exists():
            link_files(entry, venv / entry.name)
    link_packages(built / ".venv", venv)
    config = (built / ".venv" / "pyvenv.cfg").read_text(encoding="utf-8")
    (venv / "pyvenv.cfg").write_text(config.replace(str(built), str(project)), encoding="utf-8")
    made = (built / ".venv" / "labflake-environment").read_text(encoding="utf-8").splitlines()
    (venv / "labflake-environment").write_text("\n".join([str(venv), made[1], "", "", ""]))
    stamp(project)


def link_packages(venv: Path, other: Path) -> None:
    """Link each package into another environment; what says which there are is copied."""
    (place,) = venv.glob("lib/python3*/site-packages")
    packages = other / place.relative_to(venv)
    packages.mkdir(parents=True, exist_ok=True)
    for entry in place.iterdir():
        target = packages / entry.name
        if target.exists():
            continue
        if entry.suffix == ".dist-info":
            shutil.copytree(entry, target)
        elif entry.suffix == ".pth":
            shutil.copy2(entry, target)
        elif entry.is_dir():
            link_files(entry, target)
        else:
            os.link(entry, target)


def link_files(folder: Path, other: Path) -> None:
    """Make a folder of the same files, which are in both."""
    shutil.copytree(folder, other, copy_function=os.link, symlinks=True)


def stamp(project: Path) -> None:
    """Note that the borrowed environment fits the lock, so that Poetry leaves it alone."""
    note = project / ".venv" / "labflake-environment"
    lines = note.read_text(encoding="utf-8").split("\n")
    from labflake import environment

    lines[2] = environment.locked(project)
    note.write_text("\n".join(lines), encoding="utf-8")


def substitute(path: Path, old: str, new: str) -> None:
    """Replace the first place of a text in a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def commit(project: Path) -> None:
    """Commit what the user did."""
    git(project, "add", "--all")
    git(project, "commit", "-q", "--allow-empty", "-m", "Mine")


def update(project: Path, **options: str) -> subprocess.CompletedProcess[str]:
    """Run `make update-template`."""
    stamp(project)
    return building.make(project, "update-template", **options)


def test_edits_on_both_sides_meet(older: Path, history: Path, built: Path) -> None:
    """The user's work stays, the template's changes arrive, and the build gives the same bytes."""
    substitute(older / "src/study/model.py", "\ndef ", "\n# Our own remark.\ndef ")
    substitute(older / ".gitignore", "# Secrets", "/ours/\n\n# Secrets")
    building.experiment(older, "2025-01-01-Ours", Snakefile="rule all:\n    input: []\n")
    commit(older)
    done = update(older, TEMPLATE=str(history))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "  - A clearer README." in done.stdout.splitlines()
    changed = {name for name, _ in sources(older) ^ sources(built)}
    assert changed == {".gitignore", "src/study/model.py", OURS}
    assert "# Our own remark." in (older / "src/study/model.py").read_text(encoding="utf-8")
    assert "Older." not in (older / "src/study/model.py").read_text(encoding="utf-8")
    commit(older)
    stamp(older)
    building.made(older, EXPERIMENT=SAMPLE, CACHE=str(built.parent / "cache"))
    assert results(older) == results(built)


OURS = "scripts/2025-01-01-Ours/Snakefile"


def sources(project: Path) -> set[tuple[str, bytes]]:
    """Return name and content of every file that git would keep, the note of its origin apart."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=project, check=True, capture_output=True).stdout
    names = {name.decode() for name in listed.split(b"\0") if name} - {".cruft.json"}
    return {(n, (project / n).read_bytes()) for n in names if (project / n).is_file()}


def results(project: Path) -> dict[str, bytes]:
    """Return the data and figures of the sample."""
    made = contents(project / "generated" / SAMPLE / "assets")
    return {n: data for n, (data, _) in made.items() if n.split("/")[0] in ("data", "figures")}


def releases() -> list[str]:
    """Return the releases of this repository, as far as the clone has them."""
    return git(REPOSITORY, "tag", "--list", "v*").split()


@pytest.mark.parametrize("release", releases())
def test_projects_of_every_release_become_those_of_today(
    release: str, template: Path, built: Path, tmp_path: Path
) -> None:
    """A project made from a release has, after the update, the files of a new project."""
    repository = tmp_path / "labflake"
    git(REPOSITORY, "clone", "-q", "--branch", release, str(REPOSITORY), str(repository))
    project = render(repository, tmp_path / "project", ANSWERS)
    borrow_environment(project, built)
    git(repository, "rm", "-q", "-r", PAYLOAD, "hooks")
    shutil.copytree(template, repository, dirs_exist_ok=True)
    commit(repository)
    done = update(project, TEMPLATE=str(repository), TO="HEAD")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sources(project) == sources(built)


def test_an_upgrade_before_the_update_is_no_conflict(
    older: Path, history: Path, tmp_path: Path
) -> None:
    """Of two newer versions of labflake, the project's and the template's, the newest stays."""
    ours = other_wheels.write(tmp_path / "wheels", "0.90.1")
    theirs = wheel()
    for brought, stays in ((other_wheels.write(tmp_path, "0.1.5"), theirs), (ours, ours)):
        vendored.put(brought, older)
        commit(older)
        done = update(older, TEMPLATE=str(history))
        assert done.returncode == 0, done.stdout + done.stderr
        assert [path.name for path in (older / "vendor").glob("*.whl")] == [stays.name]
        for name in ("pyproject.toml", "poetry.lock"):
            assert f"vendor/{stays.name}" in (older / name).read_text(encoding="utf-8")
        git(older, "reset", "-q", "--hard")


def test_cruft_updates_across_another_wheel(history: Path, tmp_path: Path) -> None:
    """`cruft update` brings the newer wheel, its line and its lock entry without a conflict."""
    project = created_by_cruft(history, tmp_path)
    options = ["--checkout", "v1.1.0", "--skip-apply-ask", "--project-dir", str(project)]
    cruft = [sys.executable, "-m", "cruft", "update", *options]
    subprocess.run(cruft, check=True, capture_output=True)
    assert [path.name for path in (project / "vendor").glob("*.whl")] == [wheel().name]
    for name in ("pyproject.toml", "poetry.lock"):
        assert f"vendor/{wheel().name}" in (project / name).read_text(encoding="utf-8")
    assert not list(project.rglob("*.rej"))


def created_by_cruft(history: Path, folder: Path) -> Path:
    """Start a project of the older release with cruft."""
    answers = json.dumps(ANSWERS)
    options = ["--no-input", "--default-config", "--checkout", "v1.0.0", "--extra-context", answers]
    create = [sys.executable, "-m", "cruft", "create", str(history), *options]
    subprocess.run(create, cwd=folder, check=True, capture_output=True)
    project = folder / ANSWERS["project_slug"]
    commit(project)
    return project


def test_conflicts_are_shown_as_git_shows_them(older: Path, history: Path) -> None:
    """A line that both sides changed stands between markers, and one command goes back."""
    substitute(older / "README.md", "## After years", "## In ten years")
    commit(older)
    done = update(older, TEMPLATE=str(history))
    assert done.returncode != 0
    assert "  README.md" in done.stdout.splitlines()
    assert git(older, "diff", "--name-only", "--diff-filter=U") == "README.md"
    text = (older / "README.md").read_text(encoding="utf-8")
    marked = text[text.index("<<<<<<<") : text.index(">>>>>>>")].splitlines()
    assert marked[1:] == ["## In ten years", "=======", "## Years later"]
    git(older, "reset", "-q", "--hard")
    assert git(older, "status", "--porcelain") == ""
    assert "## In ten years" in (older / "README.md").read_text(encoding="utf-8")


def test_a_clone_merges_as_well_as_the_project_itself(
    older: Path, history: Path, built: Path, tmp_path: Path
) -> None:
    """Nothing that the merge needs is only in the repository where the last update was made."""
    substitute(older / "README.md", "## After years", "## In ten years")
    commit(older)
    assert update(older, TEMPLATE=str(history)).returncode != 0
    git(older, "checkout", "-q", "--ours", "README.md")
    commit(older)
    newer = tmp_path / "newer"
    git(history, "clone", "-q", str(history), str(newer))
    substitute(newer / PAYLOAD / "README.md", "## Commands", "## The commands")
    git(newer, "commit", "-q", "-a", "-m", "Release 1.2.0")
    git(newer, "tag", "v1.2.0")
    clone = tmp_path / "clone"
    git(older, "clone", "-q", "--no-local", str(older), str(clone))
    borrow_environment(clone, built)
    done = update(clone, TEMPLATE=str(newer))
    assert done.returncode == 0, done.stdout + done.stderr
    merged = (clone / "README.md").read_text(encoding="utf-8")
    assert "## The commands" in merged
    assert "## In ten years" in merged


def test_locks_are_settled_without_markers(
    older: Path, history: Path, built: Path, tmp_path: Path
) -> None:
    """Nobody merges locks by hand: the flake's stays, Poetry's is the template's and complete."""
    substitute(older / "pyproject.toml", '    "scipy', '    "xarray>=2025",\n    "scipy')
    substitute(older / "poetry.lock", 'content-hash = "', 'content-hash = "f')
    substitute(older / "flake.lock", '"lastModified": ', '"lastModified": 2')
    commit(older)
    flake = (older / "flake.lock").read_bytes()
    done = update(older, TEMPLATE=str(history), **helpers(built, tmp_path / "helpers"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert (older / "flake.lock").read_bytes() == flake
    # where pip knows of folders on this machine the hash of pyproject.toml is renewed
    ours, theirs = ((p / "poetry.lock").read_text().split("content-hash") for p in (older, built))
    assert ours[0] == theirs[0]
    assert git(older, "diff", "--name-only") == ""


def test_what_the_user_removed_stays_away(older: Path, history: Path) -> None:
    """A sample experiment that was removed does not come back, and gives no conflict."""
    git(older, "rm", "-q", "-r", f"scripts/{SAMPLE}")
    building.experiment(older, "2025-01-01-Ours", Snakefile="rule all:\n    input: []\n")
    commit(older)
    done = update(older, TEMPLATE=str(history))
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (older / "scripts" / SAMPLE).exists()


def test_the_version_is_noted_as_cruft_notes_it(older: Path, history: Path) -> None:
    """After an update no address is needed any more, and `cruft check` agrees."""
    update(older, TEMPLATE=str(history))
    state = json.loads((older / ".cruft.json").read_text(encoding="utf-8"))
    assert state["commit"] == git(history, "rev-parse", "v1.1.0")
    assert state["context"]["cookiecutter"] == ANSWERS
    commit(older)
    assert update(older).stdout.startswith("up to date")
    cruft = [sys.executable, "-m", "cruft", "check", "--project-dir", str(older)]
    assert subprocess.run(cruft, capture_output=True).returncode == 0


def test_a_project_made_by_cruft_is_updated(history: Path, built: Path, tmp_path: Path) -> None:
    """`cruft create` leaves what an update needs."""
    project = created_by_cruft(history, tmp_path)
    borrow_environment(project, built)
    done = update(project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project / ADDED_SINCE).exists()
    assert not (project / REMOVED_SINCE).exists()


@pytest.fixture
def pinned(built: Path, tmp_path: Path) -> Path:
    """Copy the built project; its lock pins an older scipy, and its environment is its own.

    Poetry and Nix are replaced by programs that bring the newer locks at once.
    """
    project = tmp_path / "pinned"
    shutil.copytree(built, project, ignore=shutil.ignore_patterns(".venv", "generated"))
    building.experiment(project, TINY, Snakefile=TWO_FILES, hashes_txt="")
    substitute(
        project / "poetry.lock", SCIPY.format(installed("scipy", built)), SCIPY.format("1.0.1")
    )
    commit(project)
    borrow_environment(project, built)
    return project


TWO_FILES = """
    from labflake import step

    rule all:
        input: "assets/data/lock.txt", "assets/data/same.txt",

    rule lock:
        output: "assets/data/lock.txt",
        shell: step("sha256sum < ../../poetry.lock > {output}")

    rule same:
        output: "assets/data/same.txt",
        shell: step("echo same > {output}")
"""
SCIPY = 'name = "scipy"\nversion = "{}"'


def installed(package: str, project: Path) -> str:
    """Return the version of a package that a project's lock pins."""
    lock = tomllib.loads((project / "poetry.lock").read_text(encoding="utf-8"))
    return next(p["version"] for p in lock["package"] if p["name"] == package)


def helpers(built: Path, folder: Path) -> dict[str, str]:
    """Write stand-ins for Poetry and Nix; return the variables with which they are found."""
    ask = "from labflake.environment import poetry; print(poetry.home())"
    command = [built / ".venv" / "bin" / "python", "-c", ask]
    env = os.environ | {"XDG_CACHE_HOME": str(folder)}
    home = subprocess.run(command, cwd=built, env=env, capture_output=True, text=True, check=True)
    programs = Path(home.stdout.strip()) / "bin"
    programs.mkdir(parents=True)
    poetry = f"""case $1 in
        --version) echo 'Poetry (version 2.5.1)' ;;
        lock) cp '{built}/poetry.lock' . ;;
    esac"""
    nix = """sed -i 's/"lastModified": [0-9]*/"lastModified": 1800000000/' flake.lock"""
    for name, script in {"poetry": poetry, "nix": nix}.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "XDG_CACHE_HOME": str(folder), "CACHE": str(built.parent / "cache")}


def test_newer_software_is_one_commit_and_a_comparison(
    pinned: Path, built: Path, tmp_path: Path
) -> None:
    """`make update` commits both locks, builds with them, and says which artifacts changed."""
    variables = helpers(built, tmp_path / "helpers") | {"EXPERIMENT": TINY}
    printed = building.made(pinned, "update", **variables).splitlines()
    newer = installed("scipy", built)
    assert ["scipy", "1.0.1", "→", newer] in [line.split() for line in printed]
    assert git(pinned, "show", "--name-only", "--format=").split() == ["flake.lock", "poetry.lock"]
    assert f"1.0.1 → {newer}" in git(pinned, "log", "-1", "--format=%b")
    assert git(pinned, "status", "--porcelain") == ""
    start = printed.index("1 of 2 artifacts have the same bytes; changed:")
    assert printed[start + 1 :] == ["  assets/data/lock.txt"]


def test_an_update_without_a_network_changes_nothing(
    older: Path, built: Path, tmp_path: Path
) -> None:
    """Without a network `make update` says so, and locks and history are as before."""
    before = git(older, "rev-parse", "HEAD")
    cache = str(tmp_path / "empty")
    done = building.make(older, "update", **OFFLINE, POETRY_CACHE_DIR=cache)
    assert first_error(done) == "error: newer software could not be found; nothing changed"
    assert git(older, "rev-parse", "HEAD") == before
    assert git(older, "status", "--porcelain") == ""


def first_error(done: subprocess.CompletedProcess[str]) -> str:
    """Return the first line of the error of a command that failed."""
    assert done.returncode != 0
    return next(line for line in done.stderr.splitlines() if line.startswith("error: "))


def test_refusals_change_nothing(older: Path, history: Path) -> None:
    """Without an address, with one that does not answer, and with changes in the way: refused."""
    before = git(older, "rev-parse", "HEAD")
    assert "does not know its template" in first_error(update(older))
    assert "could not be fetched" in first_error(update(older, TEMPLATE="/nowhere"))
    (older / "Makefile").write_text((older / "Makefile").read_text() + "# mine\n")
    assert "commit or restore" in first_error(update(older, TEMPLATE=str(history)))
    assert git(older, "status", "--porcelain") == "M Makefile"
    assert git(older, "rev-parse", "HEAD") == before
