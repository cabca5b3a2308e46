"""Projects with one small experiment for the tests of the data layer."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parent.parent / "{{cookiecutter.project_slug}}"
NAME = "2024-02-29-Data Ünder Test".replace(" ", "-")

sys.path.insert(0, str(TEMPLATE))


class Project:
    """A project whose folder has a space and a letter outside ASCII in its name."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a próject"
        shutil.copytree(TEMPLATE / "lab", self.root / "lab", ignore=shutil.ignore_patterns("__*__"))
        for name in ("__init__.py", "__main__.py"):
            if (TEMPLATE / "lab" / name).exists():
                shutil.copy(TEMPLATE / "lab" / name, self.root / "lab" / name)
        self.scripts = self.root / "scripts" / NAME
        self.generated = self.root / "generated" / NAME
        self.data = self.generated / "assets/data"
        self.scripts.mkdir(parents=True)
        self.data.mkdir(parents=True)
        (self.scripts / "Snakefile").write_text('"""Nothing."""\n')
        study = self.root / "src/study"
        study.mkdir(parents=True)
        (study / "__init__.py").write_text("")
        (study / "data_access.py").write_text("")

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
        """Run `python -m lab …` in the project."""
        return self.python("-m", "lab", *arguments, **variables)

    def python(self, *arguments: str, cwd: Path | None = None, **variables: str):
        """Run Python with the project's packages."""
        kept = {k: v for k, v in os.environ.items() if k not in ("CI", "LOCKED", "EXPERIMENT")}
        path = os.pathsep.join([str(self.root), str(self.root / "src")])
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=cwd or self.root,
            env=kept | {"PYTHONPATH": path} | variables,
            capture_output=True,
            text=True,
            timeout=300,
        )
