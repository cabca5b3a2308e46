"""Versions of the template: fetch it, choose one, and render it as this project."""

import os
import shutil
import subprocess
from pathlib import Path

from labflake import environment
from labflake.environment import poetry
from labflake.errors import LabError
from labflake.project.git import git, run
from labflake.template.origin import Origin

HOSTS = {
    "gh": "https://github.com/{}.git",
    "gl": "https://gitlab.com/{}.git",
    "bb": "https://bitbucket.org/{}.git",
}


def fetch(template: str, clone: Path) -> None:
    """Clone the template with its whole history.

    Raises:
        LabError: it cannot be reached.
    """
    host, _, name = template.partition(":")
    url = HOSTS[host].format(name) if host in HOSTS else template
    try:
        git("clone", "--quiet", "--no-hardlinks", url, str(clone), cwd=clone.parent)
    except LabError as error:
        raise LabError(f"the template could not be fetched; nothing changed\n  {error}") from None


def choose(clone: Path, wanted: str | None) -> str:
    """Return the commit that is wanted, else that of the newest release, else the newest.

    Raises:
        LabError: the template has no such version.
    """
    tags = git("tag", "--list", "v*", "--sort=-version:refname", cwd=clone).split()
    releases = [tag for tag in tags if "-" not in tag]
    for name in [wanted, f"origin/{wanted}"] if wanted else [*releases[:1], "HEAD"]:
        try:
            return git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}", cwd=clone)
        except LabError:
            continue
    raise LabError(
        f"the template has no version {wanted}\n  it has: {', '.join(tags) or 'no tags'}"
    )


def contains(clone: Path, newer: str, older: str) -> bool:
    """Tell whether one commit has the other in its history."""
    return run("merge-base", "--is-ancestor", older, newer, cwd=clone)[0] == 0


def render(clone: Path, origin: Origin, folder: Path) -> Path:
    """Render a version with the answers of the project into an empty folder; return its files.

    Raises:
        LabError: the version refuses the answers.
    """
    git("checkout", "--quiet", "--force", origin.commit, cwd=clone)
    home = folder / "home"
    home.mkdir(parents=True)
    answers = [f"{name}={value}" for name, value in origin.answers.items()]
    options = ["--no-input", "--default-config", "--output-dir", str(folder / "project")]
    done = subprocess.run(
        [cookiecutter(), *options, str(clone / (origin.directory or "")), *answers],
        env=os.environ | {"HOME": str(home), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        end = "\n".join(f"  {line}" for line in done.stderr.splitlines()[-6:])
        raise LabError(f"version {origin.commit[:12]} of the template cannot be rendered\n{end}")
    project = next((folder / "project").iterdir())
    shutil.rmtree(project / ".git", ignore_errors=True)
    return project


def cookiecutter() -> str:
    """Return the program that renders templates: the machine's own, else a private one."""
    found = shutil.which("cookiecutter")
    try:
        return found or poetry.cookiecutter()
    except environment.PreparationError as problem:
        raise LabError(f"cookiecutter could not be installed; nothing changed\n{problem}") from None
