"""Lock the packages of a generated project and of the maintainers again (`make lock`)."""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PAYLOAD = REPOSITORY / "{{cookiecutter.project_slug}}"
sys.path.insert(0, str(REPOSITORY / "src"))

from labflake.environment import poetry, sources  # noqa: E402

POETRY = ["poetry==2.5.1", "poetry-plugin-pypi-mirror==0.6.5"]
COOKIECUTTER = ["cookiecutter==2.7.1"]


def main() -> None:
    """Lock the repository, then a project with default answers, and take its lock over."""
    lock(REPOSITORY)
    pin(POETRY, Path(str(poetry.PINNED)))
    pin(COOKIECUTTER, Path(str(poetry.RENDERER)))
    with tempfile.TemporaryDirectory() as folder:
        render = [sys.executable, "-m", "cookiecutter", "--no-input", "--default-config"]
        subprocess.run([*render, "--output-dir", folder, str(REPOSITORY)], check=True)
        project = next(Path(folder).iterdir())
        forget_wheel(project / "poetry.lock")
        lock(project)
        (PAYLOAD / "poetry.lock").write_bytes((project / "poetry.lock").read_bytes())


def forget_wheel(path: Path) -> None:
    """Take labflake out of a lock, so that Poetry reads anew what its wheel needs."""
    packages = path.read_text(encoding="utf-8").split("[[package]]\n")
    kept = [text for text in packages if not text.startswith('name = "labflake"\n')]
    path.write_text("[[package]]\n".join(kept), encoding="utf-8")


def pin(packages: list[str], path: Path) -> None:
    """Write all that a program itself needs, on every machine, with the hashes of its files."""
    with tempfile.TemporaryDirectory() as scratch:
        listed = Path(scratch) / "listed.txt"
        command = [poetry.installer(), "pip", "compile", "-", "--output-file", str(listed)]
        command += ["--universal", "--python-version", "3.11", "--generate-hashes", "--quiet"]
        command += ["--no-annotate", "--no-header"]
        local = ("UV_INDEX", "UV_FIND_LINKS")  # what only this machine has is no good for others
        env = {k: v for k, v in sources.for_uv(()).items() if k not in local}
        subprocess.run(command, input="\n".join(packages), env=env, text=True, check=True)
        text = listed.read_text(encoding="utf-8").replace(" \\\n    --hash", " --hash")
    path.write_text(text, encoding="utf-8")


def lock(folder: Path) -> None:
    """Run `poetry lock`; behind a mirror of the package index, through it, and without a trace."""
    env = poetry.variables()
    subprocess.run([*poetry.command(), "lock", "--no-interaction"], cwd=folder, env=env, check=True)
    locked = tomllib.loads((folder / "poetry.lock").read_text(encoding="utf-8"))
    for package in locked["package"]:
        if "source" in package and not package["source"]["url"].startswith("vendor/"):
            raise SystemExit(f"error: {folder / 'poetry.lock'} has a source for {package['name']}")


if __name__ == "__main__":
    main()
