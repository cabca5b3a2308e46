"""Benchmark: `.venv` of a generated project, with nothing and with all packages in a cache."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from measuring import PAYLOAD, RESULTS, Command, compare, publish

sys.path.insert(0, str(PAYLOAD.parent / "src"))

from labflake.environment import poetry, requirements, sources

REPOSITORY = PAYLOAD.parent
# The tool by pip, once: `$1` is its folder, `$2` the Python, what follows are its packages.
BY_PIP = """
set -e
tool=$1 python=$2; shift 2
test -d "$tool" || {{
  "$python" -m venv --without-pip "$tool"
  "$python" -m pip --python "$tool/bin/python" install --quiet "$@"
}}
{}
"""
SYNC = 'exec "$tool/bin/uv" sync --frozen --quiet --python "$python"'
# As it was done until uv installed: Poetry by pip, then the packages by Poetry.
POETRY = ("poetry==2.5.1", "poetry-plugin-pypi-mirror==0.6.5")
POETRY_SYNC = """
"$python" -m venv --without-pip .venv
VIRTUAL_ENV="$PWD/.venv" exec "$tool/bin/poetry" sync --no-interaction --no-ansi --no-root
"""


def main() -> None:
    """Make the projects in a folder, let the tools take turns, publish both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", type=Path, help="an older checkout, for `make demo`")
    options = parser.parse_args()
    folder = options.folder.resolve()
    projects = [render(folder / name) for name in ("ours", "by-poetry")]
    asked = [
        (title, lambda cold=cold: commands(folder, *projects, cold=cold))
        for title, cold in (("Nothing is cached", True), ("The packages are cached", False))
    ]
    asked += [("`make demo`, and nothing is cached", lambda: demos(folder, options.before))]
    tables = (compare(title, listed(), options.rounds) for title, listed in asked)
    publish(RESULTS / "environment.md", "The environment of a project", tables)


def render(folder: Path) -> Path:
    """Make a project from the template."""
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "--default-config"]
    subprocess.run([*command, "--output-dir", folder, REPOSITORY], check=True, capture_output=True)
    return next(folder.iterdir())


def commands(folder: Path, ours: Path, by_poetry: Path, cold: bool) -> list[Command]:
    """Return what is compared; each tool has a cache of its own, which `cold` empties."""
    python = str(ours / ".venv" / "bin" / "python")
    subprocess.run(["make", "env"], cwd=ours, check=True)  # its Python is everybody's
    ask = [python, "-c", "import sys; print(sys._base_executable)"]
    base = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    by_uv = folder / "by-uv"
    program = lock_for_uv(by_uv, ours, base)
    by_pip = _by_pip(folder / "cache-poetry", base, POETRY_SYNC, *POETRY)
    uv = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    uv_by_pip = _by_pip(folder / "cache-pip", base, SYNC, f"uv=={uv.stdout.split()[1]}")
    sync = [program, "sync", "--frozen", "--quiet", "--python", base]
    return [
        _command("`make env`", ["make", "env"], ours, folder / "cache-ours", cold),
        _command("`uv sync`", sync, by_uv, folder / "cache-uv", cold),
        _command("uv by pip, and `uv sync`", uv_by_pip, by_uv, folder / "cache-pip", cold),
        _command("Poetry, and `poetry sync`", by_pip, by_poetry, folder / "cache-poetry", cold),
    ]


def _by_pip(cache: Path, python: str, then: str, *packages: str) -> list[str]:
    """Return a command that runs a tool, which pip installs into a cache where it is not."""
    return ["sh", "-c", BY_PIP.format(then), "sh", str(cache / "tool"), python, *packages]


def demos(folder: Path, before: Path | None) -> list[Command]:
    """Return `make demo` of fresh clones: of this template, and of an older checkout of it."""
    sources = {"`make demo`": REPOSITORY} | ({"`make demo` before": before} if before else {})
    found = []
    for number, (label, source) in enumerate(sources.items()):
        clone, cache = folder / f"demo-{number}", folder / f"cache-demo-{number}"
        shutil.rmtree(clone, ignore_errors=True)
        subprocess.run(["git", "clone", "--quiet", source.resolve(), clone], check=True)
        command = _command(label, ["make", "demo"], clone, cache, cold=True)
        command.before = lambda empty=command.before, clone=clone: (
            shutil.rmtree(clone / "demo", ignore_errors=True),
            empty(),
        )
        found.append(command)
    return found


def _command(label: str, words: list[str], project: Path, cache: Path, cold: bool) -> Command:
    """Return a command that finds no `.venv`, and with `cold` no cache."""

    def before() -> None:
        shutil.rmtree(project / ".venv", ignore_errors=True)
        if cold:
            shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir(exist_ok=True)

    env = {"XDG_CACHE_HOME": str(cache), "PIP_CACHE_DIR": str(cache / "pip")}
    env |= {"POETRY_CACHE_DIR": str(cache / "pypoetry"), "UV_CACHE_DIR": str(cache / "uv")}
    env |= {"POETRY_PYPI_MIRROR_URL": sources.index(), "POETRY_VIRTUALENVS_IN_PROJECT": "true"}
    env |= {k: v for k, v in index().items() if k not in env}
    return Command(label, words, project, env, before)


def index() -> dict[str, str]:
    """Return uv's variables for the main index alone: a lock of uv names one index a package."""
    said = sources.for_uv(()).items()
    return {k: v for k, v in said if k.startswith("UV_") and k not in ("UV_INDEX", "UV_FIND_LINKS")}


def lock_for_uv(folder: Path, project: Path, python: str) -> str:
    """Lock the packages of a project for uv, at the same versions; return the program uv."""
    facts = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    lock = tomllib.loads((project / "poetry.lock").read_text(encoding="utf-8"))
    groups = requirements.wanted_groups(facts, [])
    lines = [line.split(" --hash")[0] for line in requirements.requirements(lock, groups, project)]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    text = '[project]\nname = "by-uv"\nversion = "1"\nrequires-python = ">=3.11,<3.14"\n'
    text += f"dependencies = {json.dumps(lines)}\n"
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    program = poetry.installer()
    env = os.environ | index()
    subprocess.run(
        [program, "lock", "--quiet", "--python", python], cwd=folder, env=env, check=True
    )
    return program


if __name__ == "__main__":
    main()
