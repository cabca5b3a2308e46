"""Render the template: a clean copy of it, answers that differ from the defaults, refusals."""

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "maintenance"))

import wheel as wheels  # noqa: E402

PAYLOAD = "{{cookiecutter.project_slug}}"
SOURCES = REPOSITORY / "src"  # of labflake
# Every other file of the project is copied byte for byte.
RENDERED = ["CITATION.cff", "LICENSE", "README.md", "pyproject.toml"]
ANSWERS = {
    "project_name": "Wind über Dächern",
    "project_slug": "wind-ueber-daechern",
    "author": "Grace O'Hopper",
    "email": "grace@example.net",
    "description": 'Does the "roof" matter? 50 % of it & more.',
    "license": "BSD-3-Clause",
}


def tracked(repository: Path) -> list[str]:
    """List the files of a repository that are in git or would be added to it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=repository, check=True, capture_output=True).stdout
    names = set(os.fsdecode(listed).split("\0")) - {""}
    return sorted(name for name in names if (repository / name).is_file())


def copy_template(destination: Path) -> Path:
    """Copy what git holds of the template, without the traces of builds and tests."""
    for name in tracked(REPOSITORY):
        if name.split("/")[0] in ("cookiecutter.json", "hooks", PAYLOAD):
            (destination / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, destination / name)
    wheels.put(wheel(), destination / PAYLOAD)  # what is tested is what `src/` holds
    return destination


@functools.cache
def wheel() -> Path:
    """Build the wheel of labflake, once."""
    folder = Path(tempfile.mkdtemp(prefix="labflake-wheel-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return wheels.build(folder)


def commit_all(folder: Path, message: str = "All") -> None:
    """Put everything in a folder into a git commit."""
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", message]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def render(template: Path, folder: Path, answers: dict[str, str]) -> Path:
    """Render a project into a folder, in this process."""
    from cookiecutter.main import cookiecutter  # looks for HOME when it is imported

    project = cookiecutter(
        str(template),
        no_input=True,
        default_config=True,
        extra_context=answers,
        output_dir=str(folder),
    )
    return Path(project)


def command_line(
    template: Path, folder: Path, *options: str, typed: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `cookiecutter` as people do, in a folder, answering its questions with typed lines."""
    command = [sys.executable, "-m", "cookiecutter", str(template), "--default-config", *options]
    return subprocess.run(
        command if typed is not None else [*command, "--no-input"],
        cwd=folder,
        env={**os.environ, "PWD": str(folder), "PYTHONUTF8": "1", **environment},
        input=typed,
        capture_output=True,
        encoding="utf-8",
    )


def poetry() -> list[str]:
    """Give the command of the Poetry that projects use; it is installed where there is none."""
    from labflake.environment import poetry

    return poetry.command()


def installer() -> str:
    """Give the program uv that projects use; it is fetched where there is none."""
    from labflake.environment import poetry

    return poetry.installer()


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Read every file of a folder outside .git: bytes and permissions by name."""
    files = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {
        name.as_posix(): (path.read_bytes(), path.stat().st_mode & 0o777)
        for name, path in files.items()
        if name.parts[0] != ".git"
    }


def git(project: Path, *command: str) -> str:
    """Ask git something about a project."""
    run = subprocess.run(["git", *command], cwd=project, check=True, capture_output=True)
    return run.stdout.decode().strip()
