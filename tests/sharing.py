"""Small projects in git, run in the environment of the tests: no `make`, no own `.venv`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import building
import rendering
import writing
from building import TINY
from data_projects import DOOR, error

from labflake import environment

__all__ = ["TINY", "Project", "error"]

SNAKEFILE = '''
    """Two steps."""
    from labflake import code, step

    rule all:
        input: "assets/data/twice.txt", "assets/data/folder"

    rule once:
        output: "assets/data/once.txt"
        params: word=config["word"]
        shell: step("echo {params.word} > {output}")

    rule twice:
        input: "assets/data/once.txt"
        output: "assets/data/twice.txt"
        shell: step("cat {input} {input} > {output}")

    rule folder:
        input: "assets/data/once.txt"
        output: directory("assets/data/folder")
        shell: step("mkdir {output}; cp {input} {output}/one; cp {input} '{output}/b ü.txt'")
'''


class Project:
    """A project in git with one experiment of two steps."""

    def __init__(self, root: Path, cache: Path | str) -> None:
        self.root, self.cache = root, cache

    @classmethod
    def new(cls, folder: Path, **files: str) -> "Project":
        """Make one in a folder, everything committed."""
        root = folder / "a próject"
        root.mkdir(parents=True)
        writing.project(root)
        shutil.copy(rendering.REPOSITORY / rendering.PAYLOAD / ".gitignore", root)
        shutil.copy(rendering.REPOSITORY / "poetry.lock", root)  # of the packages that run this
        _link_packages(root)
        own = cls(root, folder / "cache")
        own.write(**({"Snakefile": SNAKEFILE, "config_yaml": "word: one\n"} | files))
        rendering.commit_all(root)
        return own

    def write(self, name: str = TINY, **files: str) -> Path:
        """Write files of an experiment; return where its artifacts are."""
        return building.experiment(self.root, name, **files)

    def generated(self, path: str = "", name: str = TINY) -> Path:
        """Return the place of an artifact."""
        return self.root / "generated" / name / path

    def scripts(self, path: str = "", name: str = TINY) -> Path:
        """Return the place of what people write."""
        return self.root / "scripts" / name / path

    def git(self, *words: str) -> str:
        """Ask git."""
        return rendering.git(self.root, *words)

    def commit(self, message: str = "More") -> str:
        """Commit everything; return the commit."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def commit_as(self, author: str) -> str:
        """Commit an experiment of somebody with this name; return the commit."""
        self.write("2024-04-04-Theirs", Snakefile="")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "Theirs", "--author", f"{author} <x@example.org>")
        return self.git("rev-parse", "HEAD")

    def copy(self, folder: Path) -> "Project":
        """Copy it with all that is built; the copy uses the same cache."""
        shutil.copytree(self.root, folder / "copy", symlinks=True)
        return Project(folder / "copy", self.cache)

    def clone(self, folder: Path) -> "Project":
        """Clone it, as a colleague does, who has a cache of their own."""
        folder.mkdir(parents=True)
        rendering.git(folder, "clone", "-q", str(self.root), "clone")
        _link_packages(folder / "clone")
        return Project(folder / "clone", folder / "cache")

    def run(self, *words: str, **options: str) -> subprocess.CompletedProcess[str]:
        """Run a command, as `make` does."""
        given = {"CACHE": str(self.cache), "EXPERIMENT": TINY, "LC_ALL": "C.UTF-8"} | options
        own = {"PYTHONPATH": os.pathsep.join([str(self.root), str(self.root / "src")])}
        return subprocess.run(
            [sys.executable, "-c", DOOR, *words],
            cwd=self.root,
            env=building.variables(**{k: v for k, v in given.items() if v}) | own,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=300,
        )

    def made(self, *words: str, **options: str) -> str:
        """Run a command, expect success, and return what it printed."""
        done = self.run(*words, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, *words: str, **options: str) -> str:
        """Run a command, expect an error of three lines, and return it."""
        return error(self.run(*words, **options))


def _link_packages(root: Path) -> None:
    """Let a project use the packages of the tests, where they are what its lock asks for."""
    (root / ".venv").symlink_to(sys.prefix)
    if not environment.is_current(root):  # else it would be made again, for the tests, too
        (root / ".venv").unlink()
