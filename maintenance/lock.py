"""Lock the packages of a generated project and of the maintainers again (`make lock`)."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PAYLOAD = REPOSITORY / "{{cookiecutter.project_slug}}"
sys.path.insert(0, str(PAYLOAD))

from lab.environment import poetry  # noqa: E402


def main() -> None:
    """Lock the repository, then a project with default answers, and take its lock over."""
    lock(REPOSITORY)
    with tempfile.TemporaryDirectory() as folder:
        render = [sys.executable, "-m", "cookiecutter", "--no-input", "--default-config"]
        subprocess.run([*render, "--output-dir", folder, str(REPOSITORY)], check=True)
        project = next(Path(folder).iterdir())
        lock(project)
        (PAYLOAD / "poetry.lock").write_bytes((project / "poetry.lock").read_bytes())


def lock(folder: Path) -> None:
    """Run `poetry lock`; behind a mirror of the package index, through it, and without a trace."""
    env = os.environ | poetry.variables()
    subprocess.run([*poetry.command(), "lock", "--no-interaction"], cwd=folder, env=env, check=True)
    if "[package.source]" in (folder / "poetry.lock").read_text(encoding="utf-8"):
        raise SystemExit(f"error: {folder / 'poetry.lock'} names a package source")


if __name__ == "__main__":
    main()
