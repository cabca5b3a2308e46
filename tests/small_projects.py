"""Projects with a few packages of the template's lock, and their environment made as people do."""

import os
import re
import subprocess
import sys
from pathlib import Path

import building
import rendering

PAYLOAD = rendering.REPOSITORY / rendering.PAYLOAD
_PYPROJECT = """\
[project]
name = "small"
version = "1"
requires-python = ">=3.11,<3.14"

[tool.poetry]
package-mode = false

[tool.labflake]
python = "{python}"
"""


def write(project: Path, *packages: str, python: str = "") -> Path:
    """Write a project whose lock has these packages, and uv; `python` is the version it names."""
    project.mkdir()
    text = _PYPROJECT.format(python=python)
    (project / "pyproject.toml").write_text(text, encoding="utf-8")
    lock = (PAYLOAD / "poetry.lock").read_text(encoding="utf-8")
    names = "|".join([*packages, "uv", "setuptools"])
    kept = [p for p in lock.split("[[package]]") if re.search(f'\nname = "({names})"', p)]
    kept = [
        re.sub("groups = .*", 'groups = ["main"]', p) if "uv" not in p[:14] else p for p in kept
    ]
    (project / "poetry.lock").write_text("[[package]]".join(["", *kept]), encoding="utf-8")
    return project


def make_env(project: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run what `make env` runs, on any folder."""
    command = [sys.executable, "-m", "labflake.environment", str(project)]
    env = os.environ | building.exported(variables)
    return subprocess.run(command, cwd=rendering.SOURCES, env=env, capture_output=True, text=True)


def run(project: Path, code: str, **variables: str) -> str:
    """Run code in the environment of a project; return what it printed."""
    command = [project / ".venv" / "bin" / "python", "-c", code]
    env = os.environ | {"PYTHONPATH": str(rendering.SOURCES)} | variables
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
