"""Examine the flake of a project for what goes wrong in practice."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from nix import check_lock
from nix.machine import Nix

# Each would change what the project's Python imports or writes, or break programs of the host.
UNWANTED = ("PYTHONPATH", "PYTHONHOME", "PYTHONHASHSEED", "PYTHONNOUSERSITE", "LD_LIBRARY_PATH")
UNWANTED += ("SOURCE_DATE_EPOCH",)
KEYWORDS = ("test", "echo", "if", "then", "else", "fi", "for", "do", "done", "command", "exec", ":")


def problems(nix: Nix, project: Path) -> Iterator[str]:
    """Yield what is wrong, the cheap checks first; nothing, if the flake is sound."""
    yield from check_lock.problems(project)
    every = ["nix", "flake", "check", *nix.override, "--no-build", "--all-systems"]
    evaluation = nix.run(*every, cwd=project, check=False)
    if evaluation.returncode:
        yield f"evaluation: {evaluation.stderr.strip()}"
        return
    yield from shell_problems(nix, project)


def shell_problems(nix: Nix, project: Path) -> Iterator[str]:
    """Yield the variables that leak into the shell and the programs that it lacks."""
    programs = sorted(makefile_programs(project))
    script = f"""
        echo "tail ${{PATH##*:}}"
        for name in {" ".join(UNWANTED)}; do
            if [ -n "${{!name+set}}" ]; then echo "leak $name"; fi
        done
        for name in {" ".join(programs)}; do
            command -v "$name" >/dev/null || echo "lack $name"
        done"""
    done = nix.develop(project, "bash", "-c", script, check=False, PYTHONPATH="/of/the/host")
    lines = [line.partition(" ")[::2] for line in done.stdout.splitlines()]
    if ("tail", "/no-such-path") not in lines:
        yield f"the shell sees programs of the host: {done.stdout}{done.stderr}"
    yield from (f"shell: {name} is set" for kind, name in lines if kind == "leak")
    yield from (f"shell: no program {name}" for kind, name in lines if kind == "lack")


def makefile_programs(project: Path) -> set[str]:
    """Return the programs that the recipes of the Makefile start, `make` and the shell apart."""
    text = (project / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^\.PHONY: ([\w-]+)", text, re.MULTILINE)
    command = ["make", "--dry-run", "DRY=", "PYTHON=python3", *targets]  # `-n` alone shows the plan
    lines = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout
    lines = re.sub(r"'[^']*'|\"[^\"]*\"", "''", lines.replace("\\\n", " "))
    started = re.findall(r"(?:^|[|;&(`])\s*([\w./-]+)(?=[\s;]|$)", lines, re.MULTILINE)
    return {name for name in started if name not in KEYWORDS}
