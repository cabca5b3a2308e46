"""`make strict` and `make hooks`: what git should not hold is refused, with the way out."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import rendering
from sharing import TINY, Project

REFUSED = {
    "raw.csv": b"a,b\n1,2\n",
    f"generated/{TINY}/note.txt": b"made\n",
    "data/2024-02-29-Tiny/brought.txt": b"brought\n",
    "plot.SVG": b"<svg/>",
    "report.pdf": b"%PDF-1.7",
    "look.ipynb": b"{}",
    "renamed.md": b'{\n "cells": [], "nbformat": 4}',
    "model.skops": b"PK",
    "table.parquet": b"PAR1",
    "archive.csv.gz": b"\x1f\x8b",
    "no-suffix": b"\x89PNG\r\n\0\0",
    "large.txt": b"line of text\n" * 40_000,
    ".env": b"A=1\n",
    "ügly name\n.npy": b"x",
}
# Put together here, so that nothing takes this file for one that holds any.
_TOKEN = "gh" + "p_" + "a1B2" * 9
SECRETS = {
    "a.py": f'TOKEN = "{_TOKEN}"\n',
    "b.yaml": "db:\n  pass" + "word: hunter2hunter2\n",
    "c.sh": "curl https://ada:" + "s3cr3t9x@example.org/x\n",
    "d.txt": "-----BEGIN RSA " + "PRIVATE KEY-----\n",
    "e.toml": "api_" + 'key = "0123456789abcdef0123"\n',
    "f.R": "Sys.setenv(AWS_SECRET_ACCESS_" + 'KEY = "abcd1234abcd1234abcd")\n',
}
HARMLESS = {
    "a.py": 'token = os.environ["API_TOKEN_2"]\npassword = getpass.getpass("password 1234")\n',
    "b.yaml": "url: https://example.org?key=${API_KEY_2024}\nauthor: someone1234567890\n",
    "c.md": "Write https://user:password@host, or `password: …`; monkey = tokenizer2024model\n",
    "d.py": "tokens = tokenizer.encode2(text)\nkey = 'group12345678'\nsecret_name = secrets[0]\n",
    "e.lock": '{file = "x.whl", hash = "sha256:' + "0a" * 32 + '"}\n',
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Make a project."""
    return Project.new(tmp_path_factory.mktemp("strict"))


@pytest.fixture
def project(made: Project, tmp_path: Path) -> Project:
    """Copy it, to change it."""
    return made.copy(tmp_path)


def put(project: Project, files: dict[str, bytes | str]) -> None:
    """Write files and stage them, also those that are ignored."""
    for name, content in files.items():
        path = project.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    project.git("add", "--force", "--", *files)


def strict(project: Project, *words: str, **options: str) -> subprocess.CompletedProcess[str]:
    """Run the command without any package: with the standard library alone."""
    options = {f"LABFLAKE_{name}": value for name, value in options.items()}
    own = {"PYTHONPATH": str(rendering.SOURCES), "PATH": os.environ["PATH"], **options}
    program = "from labflake.commands import strict; import sys; from labflake.errors import *\n"
    program += "try: sys.exit(strict.main(sys.argv[1:]))\n"
    program += "except LabError as e: sys.exit(f'error: {e}')"
    python = [sys.executable, "-S", "-c", program, *words]
    return subprocess.run(
        python, cwd=project.root, env=own, capture_output=True, text=True, errors="replace"
    )


def test_project_itself_is_clean(project: Project) -> None:
    """What the template makes, and the code of a project, is nothing that git should not hold."""
    done = strict(project)
    assert done.returncode == 0, done.stderr
    payload = rendering.REPOSITORY / rendering.PAYLOAD
    shutil.copytree(
        payload, project.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git")
    )
    pyproject = project.root / "pyproject.toml"
    pyproject.write_text("[tool.labflake]\n")
    project.git("add", "-A")
    done = strict(project)
    assert done.returncode == 0, done.stderr


def test_what_git_should_not_hold_is_named(project: Project) -> None:
    """Data, results, figures, notebooks, models, large and binary files: each by its name."""
    put(project, {"README.txt": "text\n", **REFUSED})
    for options in ({}, {"STAGED": "1"}):
        done = strict(project, **options)
        named = {line[2:].split("   ")[0] for line in done.stderr.splitlines()}
        assert {name.replace("\n", "\\n") for name in REFUSED} <= named
        assert done.returncode == 1
        assert "README.txt" not in done.stderr
        assert "git rm --cached" in done.stderr


def test_a_file_with_two_versions_is_named(project: Project) -> None:
    """What git could not merge does not get into a commit with its marks."""
    put(project, {"a.csl": "<<<<<<< HEAD\n1\n=======\n2\n>>>>>>> other\n", "b.md": "A\n=======\n"})
    done = strict(project)
    assert done.returncode == 1
    assert "a.csl, line 1   not merged" in done.stderr
    assert "b.md" not in done.stderr


def test_credential_is_named_and_never_shown(project: Project) -> None:
    """A credential is refused with file and line; no output has it."""
    put(project, {name: f"first = 1\n{text}" for name, text in SECRETS.items()})
    done = strict(project)
    for name in SECRETS:
        assert f"{name}, line 2" in done.stderr or f"{name}, line 3" in done.stderr, done.stderr
    for text in ("hunter2", "s3cr3t9x", _TOKEN, "0123456789abcdef", "abcd1234"):
        assert text not in done.stdout + done.stderr


def test_known_credential_is_found_anywhere(project: Project) -> None:
    """What is in `.credentials.ini` is refused in every text, whatever stands before it."""
    (project.root / ".credentials.ini").write_text("[numerai]\nsecret_key = plain4words\n")
    put(project, {"notes.md": "I call it with plain4words and that works.\n"})
    assert "notes.md, line 1" in strict(project).stderr


def test_names_alone_are_no_credentials(project: Project) -> None:
    """Code that reads a credential from elsewhere, and words that sound like one, may be there."""
    put(project, HARMLESS)
    done = strict(project)
    assert done.returncode == 0, done.stderr


def test_allowed_files_and_deleted_ones_may_pass(project: Project) -> None:
    """The way out is one line in `pyproject.toml`; taking a file out of git is no offence."""
    put(project, {"tests/small.csv": b"a\n1\n", "docs/logo.png": b"\x89PNG\0"})
    project.git("commit", "-q", "-m", "Both")
    with (project.root / "pyproject.toml").open("a") as file:
        file.write("[tool.labflake.x]\n")
    text = (project.root / "pyproject.toml").read_text()
    text = text.replace("[tool.labflake]\n", '[tool.labflake]\nallowed = ["tests/*.csv"]\n')
    (project.root / "pyproject.toml").write_text(text)
    said = strict(project).stderr
    assert "docs/logo.png" in said
    assert "small.csv" not in said
    project.git("rm", "-q", "--cached", "docs/logo.png")
    assert strict(project, STAGED="1").returncode == 0


def test_commits_since_another_are_looked_at(project: Project) -> None:
    """What came and went again is in the history all the same: CI sees it."""
    base = project.git("rev-parse", "HEAD")
    put(project, {"raw.csv": b"a\n1\n"})
    project.git("commit", "-q", "-m", "Data")
    project.git("rm", "-q", "raw.csv")
    project.git("commit", "-q", "-m", "No data")
    assert strict(project).returncode == 0
    assert "raw.csv" in strict(project, COMMIT=base).stderr


def test_hook_refuses_a_commit_and_lets_others_pass(project: Project) -> None:
    """After `make hooks` git commits nothing of that kind, whatever part of the index is meant."""
    hooked(project)
    put(project, {"raw.csv": b"a\n1\n"})
    assert "raw.csv" in commit(project).stderr
    (project.root / "more.py").write_text("x = 1\n")
    project.git("add", "more.py")
    assert commit(project, "--", "more.py").returncode == 0
    assert "raw.csv" in commit(project, "--", "raw.csv").stderr
    project.git("rm", "-q", "--cached", "raw.csv")
    assert commit(project, "--allow-empty").returncode == 0


def test_hook_of_somebody_else_stays(project: Project) -> None:
    """Another hook is left as it is, and the line to add is given; ours is renewed."""
    own = project.root / ".git" / "hooks" / "pre-commit"
    project.made("hooks")
    project.made("hooks")
    own.write_text("#!/bin/sh\nexit 0\n")
    assert "make --no-print-directory strict STAGED=1" in project.refused("hooks")
    assert own.read_text() == "#!/bin/sh\nexit 0\n"
    own.write_text("# File generated by pre-commit: https://pre-commit.com\n")
    assert "- id: labflake" in project.refused("hooks")
    own.unlink()
    project.git("config", "core.hooksPath", "mine")
    assert "core.hooksPath" in project.refused("hooks")
    assert not (project.root / "mine").exists()


def test_project_in_a_larger_repository_has_its_hook(made: Project, tmp_path: Path) -> None:
    """The hook goes to the folder of the project, and minds nothing but that."""
    inner = made.copy(tmp_path / "outer")
    shutil.rmtree(inner.root / ".git")
    rendering.commit_all(tmp_path / "outer")
    hooked(inner)
    (tmp_path / "outer" / "theirs.csv").write_text("a\n")
    put(inner, {"ours.csv": b"a\n"})
    inner.git("add", "-A", "..")
    said = commit(inner).stderr
    assert "ours.csv" in said
    assert "theirs.csv" not in said


def test_framework_starts_the_same(project: Project) -> None:
    """The framework pre-commit runs this repository's hook, which needs no installation."""
    program = shutil.which("pre-commit", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if not program:
        pytest.skip("pre-commit is not installed")
    put(project, {"raw.csv": b"a\n1\n"})
    command = [program, "try-repo", str(rendering.REPOSITORY), "labflake", "--verbose"]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True)
    assert done.returncode == 1
    assert "raw.csv" in done.stdout


def test_script_of_the_framework_looks_at_what_is_staged(project: Project) -> None:
    """What `.pre-commit-hooks.yaml` names is a program, and refuses by name."""
    put(project, {"raw.csv": b"a\n1\n"})
    program = rendering.REPOSITORY / "maintenance" / "strict"
    named = (rendering.REPOSITORY / ".pre-commit-hooks.yaml").read_text()
    assert "entry: maintenance/strict\n" in named
    done = subprocess.run([program], cwd=project.root, capture_output=True, text=True)
    assert done.returncode == 1
    assert "raw.csv" in done.stderr


def hooked(project: Project) -> None:
    """Install the hook; the project has a Makefile that starts the labflake of these tests."""
    project.made("hooks")
    text = "strict:\n\t@LABFLAKE_STAGED=$(STAGED) PYTHONPATH={} {} -m labflake strict --staged\n"
    makefile = text.format(rendering.SOURCES, sys.executable)
    (project.root / "Makefile").write_text(makefile)


def commit(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    """Commit, as a person does."""
    command = ["git", "commit", "-q", "-m", "A commit", *words]
    return subprocess.run(command, cwd=project.root, capture_output=True, text=True)
