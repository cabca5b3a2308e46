"""Test the project's own code with pytest (`make test`); name a package that lacks at the end."""

import os
import sys

from labflake.environment import missing
from labflake.project.experiments import root


def main(argv: list[str]) -> int:
    """Replace this process by pytest."""
    python = sys.executable
    programs = str(root() / ".venv" / "bin")
    path = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
    command = [python, "-m", "pytest", "-p", "labflake.commands.test", *argv]
    os.execve(python, command, os.environ | {"PATH": path})


def pytest_unconfigure(config) -> None:
    """Let pytest end with the command that brings what a test or a tested module imports."""
    stats = getattr(config.pluginmanager.get_plugin("terminalreporter"), "stats", {})
    reports = [report for kind in ("error", "failed") for report in stats.get(kind, [])]
    for line in dict.fromkeys(missing.advice(report.longreprtext) for report in reports):
        print(*filter(None, [line]), end="\n" if line else "")
