"""Projects with one small experiment for the tests of the data layer."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from building import exported

from labflake.project.options import PREFIX

TEMPLATE = Path(__file__).resolve().parent.parent / "{{cookiecutter.project_slug}}"
NAME = "2024-02-29-Data Ünder Test".replace(" ", "-")

# What `python -m labflake` does, in the environment of the tests instead of the project's own.
DOOR = """
import importlib, sys
from labflake.errors import LabError
try:
    code = importlib.import_module("labflake.commands." + sys.argv[1]).main(sys.argv[2:]) or 0
except LabError as error:
    print(f"error: {error}", file=sys.stderr)
    code = 1
sys.exit(code)
"""
# What a build does with its data before any step.
PREPARE = """
import sys
from labflake.data_files import gate
from labflake.errors import LabError
from labflake.project.experiments import current
try:
    for path in gate.prepare(current()):
        print(ascii(str(path.relative_to(current().generated)))[1:-1])
except LabError as error:
    sys.exit(f"error: {error}")
"""


def error(done: subprocess.CompletedProcess) -> str:
    """Expect exit code 1 and a message without traceback, and return it."""
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    progress, mark, message = done.stderr.partition("error: ")
    assert mark, progress
    return message


class Project:
    """A project whose folder has a space and a letter outside ASCII in its name."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a próject"
        self.scripts = self.root / "scripts" / NAME
        self.generated = self.root / "generated" / NAME
        self.data = self.generated / "assets/data"
        self.scripts.mkdir(parents=True)
        self.data.mkdir(parents=True)
        self.brought = self.root / "data" / NAME
        self.brought.mkdir(parents=True)
        (self.root / "pyproject.toml").write_text("[tool.labflake]\n")
        (self.scripts / "Snakefile").write_text('"""Nothing."""\n')
        study = self.root / "src/study"
        study.mkdir(parents=True)
        (study / "__init__.py").write_text("")
        (study / "data_access.py").write_text("")
        shutil.copy(TEMPLATE / "src/check-hash.sh", self.root / "src")

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
        """Run a command of the project, as `python -m labflake …` does."""
        return self.python("-c", DOOR, *arguments, **variables)

    def prepare(self, **variables: str) -> subprocess.CompletedProcess:
        """Fetch, verify and record the data."""
        return self.python("-c", PREPARE, **variables)

    def declare(self, **sources: object) -> None:
        """Write `config.yaml` with these sources; a dot in a name is written as `__`."""
        named = {name.replace("__", "."): source for name, source in sources.items()}
        (self.scripts / "config.yaml").write_text(json.dumps({"data": named}))

    @property
    def hashes(self) -> Path:
        """Return the record of the experiment."""
        return self.scripts / "hashes.txt"

    def shell(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run `src/check-hash.sh`."""
        script = self.root / "src/check-hash.sh"
        return subprocess.run([script, *arguments], capture_output=True, text=True)

    def coreutils(self) -> int:
        """Return the exit code of `sha256sum --check` on the record."""
        command = ["sha256sum", "--check", "--strict", "--quiet", str(self.hashes)]
        return subprocess.run(command, cwd=self.generated, capture_output=True).returncode

    def python(self, *arguments: str, cwd: Path | None = None, **variables: str):
        """Run Python with the project's packages."""
        kept = {k: v for k, v in os.environ.items() if k != "CI" and k[:9] != PREFIX}
        given = {"LC_ALL": "C.UTF-8", "CACHE": str(self.root.parent / "cache")} | variables
        path = os.pathsep.join([str(self.root), str(self.root / "src")])
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd or self.root,
            env=kept | {"PYTHONPATH": path} | exported(given),
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=300,
        )
