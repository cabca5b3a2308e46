"""A project takes another labflake, or unpacks its own, and nothing else of it changes."""

import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import building
import other_wheels
import pytest
import rendering
from building import TINY
from rendering import PAYLOAD, git

from labflake.environment import vendored
from labflake.errors import LabError
from labflake.template import offered

SNAKEFILE = """
    from labflake import code, step

    rule all:
        input: "assets/data/out.csv",

    rule make:
        input: code=code("make.py")
        output: "assets/data/out.csv"
        shell: step("python {input.code[0]} {output}")
"""
MAKE = """
    import sys

    import pandas

    from labflake import save

    save(pandas.DataFrame({"a": [1, 2]}), sys.argv[1])
"""
VARIABLES = {"EXPERIMENT": TINY}
OURS = ("pyproject.toml", "poetry.lock", "vendor")


def news(name: str, text: str) -> str:
    """Write an entry into the CHANGELOG of a wheel, which is its description."""
    if name.endswith("METADATA"):
        return text.replace("## Unreleased\n", "## Unreleased\n\n- It can\n  fly now.\n", 1)
    return other_wheels.comment_everywhere(name, text)


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a newer wheel: each module has another comment, the CHANGELOG another entry."""
    return other_wheels.write(tmp_path_factory.mktemp("newer"), "0.90.1", news)


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """Copy the project, with a small experiment that is built."""
    copy = building.copy(built, tmp_path / "a prøject", generated=False)
    building.experiment(copy, TINY, Snakefile=SNAKEFILE, make_py=MAKE, hashes_txt="")
    git(copy, "add", "--all")
    git(copy, "commit", "-q", "-m", "Mine")
    building.made(copy, **VARIABLES)
    return copy


def state(project: Path) -> dict[str, bytes]:
    """Return the bytes of all that names labflake, or is it."""
    places = [project / name for name in OURS]
    files = [p for place in places for p in [place, *place.rglob("*")] if p.is_file()]
    return {p.relative_to(project).as_posix(): p.read_bytes() for p in files if p.suffix != ".pyc"}


def version(project: Path) -> str:
    """Return the version of labflake that is installed."""
    asked = "from importlib.metadata import version; print(version('labflake'))"
    return building.run_python(project, asked, project).strip()


def fits(project: Path) -> None:
    """Expect that Poetry finds the lock in line with what the project asks for."""
    command = [*rendering.poetry(), "check", "--lock"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_an_upgrade_replaces_wheel_line_and_lock_entry(project: Path, newer: Path) -> None:
    """The lock has the new hash, the news are told, the artifacts stay the same bytes."""
    before = building.artifacts(project)
    printed = building.made(project, "upgrade", TO=str(newer)).splitlines()
    ours = rendering.wheel().name.split("-")[1]
    assert printed[-4:-1] == [f"labflake {ours} → 0.90.1", "  - It can", "    fly now."]
    assert [path.name for path in (project / "vendor").glob("*.whl")] == [newer.name]
    assert version(project) == "0.90.1"
    fits(project)
    assert "PENDING" not in building.made(project, "plan", **VARIABLES)
    building.made(project, **VARIABLES)
    assert building.artifacts(project) == before
    assert "up to date" in building.made(project, "upgrade", TO=str(newer.parent))


def broken(name: str, text: str) -> str:
    """Write a wheel that cannot make an environment."""
    return "raise SystemExit(3)\n" if name.endswith("environment/__init__.py") else text


def test_an_upgrade_that_fails_changes_nothing(project: Path, tmp_path: Path) -> None:
    """Wheel, line, lock and environment are as before, whatever is wrong with the new one."""
    before = state(project)
    bad = other_wheels.write(tmp_path / "bad", "0.90.2", broken)
    other = tmp_path / "labflake-0.90.3-py3-none-any.whl"
    other.write_bytes(b"no wheel at all")
    for wheel, said in {
        bad: "could not be installed; all is as before",
        other: "is no wheel of labflake",
        tmp_path / "nowhere.whl": "there is no file",
    }.items():
        done = building.make(project, "upgrade", TO=str(wheel))
        assert done.returncode != 0
        assert said in done.stderr
        assert "Traceback" not in done.stderr
        assert state(project) == before
    assert "up to date" in building.made(project, **VARIABLES)


@pytest.fixture(scope="module")
def repository(template: Path, newer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a template with two releases: of today's wheel, and of the newer one."""
    folder = tmp_path_factory.mktemp("repository") / "labflake.project.git"
    shutil.copytree(template, folder)
    rendering.commit_all(folder, "Release 0.2.0")
    git(folder, "tag", "v0.2.0")
    vendored.put(newer, folder / PAYLOAD)
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "Release 0.90.1")
    git(folder, "tag", "v0.90.1")
    return folder


def test_a_wheel_comes_from_where_it_is(
    built: Path, repository: Path, newer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file, a folder, an address of the web or of git, and a version name the same wheel."""
    monkeypatch.chdir(built)
    serve = partial(SimpleHTTPRequestHandler, directory=str(newer.parent))
    server = ThreadingHTTPServer(("127.0.0.1", 0), serve)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    web = f"http://127.0.0.1:{server.server_port}/{newer.name}"
    monkeypatch.setenv("LABFLAKE_TEMPLATE", str(repository))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    ways = [newer, newer.parent, repository, web, repository.as_uri(), "0.90.1", "v0.90.1", ""]
    for number, wanted in enumerate(map(str, ways)):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert offered.find(wanted, folder).read_bytes() == newer.read_bytes(), wanted
    old = tmp_path / "old"
    old.mkdir()
    assert offered.find("0.2.0", old).read_bytes() == rendering.wheel().read_bytes()
    for number, wanted in enumerate((f"{web}x.whl", "/nowhere.git", "v7")):
        nowhere = tmp_path / f"nowhere {number}"
        nowhere.mkdir()
        with pytest.raises(LabError):
            offered.find(wanted, nowhere)
    server.shutdown()


@pytest.mark.long
def test_an_unpacked_labflake_can_be_changed(project: Path, newer: Path) -> None:
    """`labflake eject` lets a person change it: seen at once, by git, too; no artifact changes."""
    before = building.artifacts(project)
    python = str(project / ".venv" / "bin" / "python")
    subprocess.run([python, "-m", "labflake", "eject"], cwd=project, check=True)
    git(project, "add", "--all")
    git(project, "commit", "-q", "-m", "Unpack labflake")
    fits(project)
    program = project / "vendor" / "labflake" / "commands" / "plan.py"
    program.write_text(program.read_text(encoding="utf-8") + '\nprint("changed by hand")\n')
    assert git(project, "diff", "--name-only") == "vendor/labflake/commands/plan.py"
    assert "changed by hand" in building.made(project, "plan", **VARIABLES)
    (project / ".venv").rename(project / ".venv.before")
    assert "changed by hand" in building.made(
        project, "plan", **VARIABLES
    )  # unpacked, it makes .venv
    elsewhere = project.parent / "labflake"
    program.parents[1].rename(elsewhere)
    program.parents[1].symlink_to(elsewhere)
    assert "changed by hand" in building.made(project, "plan", **VARIABLES)
    program.parents[1].unlink()
    elsewhere.rename(program.parents[1])
    building.made(project, "clean", **VARIABLES)
    building.made(project, CACHE="off", **VARIABLES)
    assert building.artifacts(project) == before
    refused = building.make(project, "upgrade", TO=str(newer))
    assert refused.returncode != 0
    assert "you changed labflake/commands/plan.py" in refused.stderr
    git(project, "checkout", "-q", "--", "vendor")
    building.made(project, "upgrade", TO=str(newer))
    assert sorted(path.name for path in (project / "vendor").iterdir()) == ["README.md", newer.name]
    assert version(project) == "0.90.1"


def other_packages(name: str, text: str) -> str:
    """Write a wheel that asks for one package more."""
    asked = "Requires-Dist: urllib3"
    more = f"Requires-Dist: toolz (>=0.12)\n{asked}"
    return text.replace(asked, more, 1) if name.endswith("METADATA") else text


def no_packages(name: str, text: str) -> str:
    """Write a wheel that asks for what no index has."""
    asked = "Requires-Dist: urllib3 (>=2)"
    return text.replace(asked, f"{asked[:-4]}>=9999)", 1) if name.endswith("METADATA") else text


@pytest.mark.long
def test_other_packages_are_locked_too(project: Path, tmp_path: Path) -> None:
    """Poetry locks what the new version asks for besides; where it cannot, nothing changes."""
    before = state(project)
    impossible = other_wheels.write(tmp_path / "impossible", "0.90.3", no_packages)
    done = building.make(project, "upgrade", TO=str(impossible))
    assert done.returncode != 0
    assert "all is as before" in done.stderr
    assert state(project) == before
    more = other_wheels.write(tmp_path / "more", "0.90.4", other_packages)
    building.made(project, "upgrade", TO=str(more))
    assert building.run_python(project, "import toolz; print('here')", project) == "here\n"
    fits(project)


def test_digests_that_came_about_otherwise_are_found_out_again(tmp_path: Path) -> None:
    """What an older labflake noted of files that did not change is not taken for what it is now."""
    from labflake.content.contents import Contents

    path = tmp_path / "words.txt"
    path.write_text("words\n", encoding="utf-8")
    before = Contents(str(tmp_path))
    digest = before.digest("words.txt")
    before.save()
    assert Contents(str(tmp_path)).stats == before.stats
    before.digests = -1
    before.save()
    after = Contents(str(tmp_path))
    assert not after.stats
    assert after.digest("words.txt") == digest
