"""Format the code of the project (`make format`)."""

import subprocess

from labflake.project.experiments import root

_TOOLS = (("ruff", "format"), ("ruff", "check", "--fix"), ("snakefmt", "scripts"))


def main(argv: list[str]) -> int:
    """Run all formatters, whatever one finds; return the code of the first that fails."""
    programs = root() / ".venv" / "bin"
    commands = [[str(programs / program), *words] for program, *words in _TOOLS]
    codes = [subprocess.run(command, cwd=root()).returncode for command in commands]
    return next(filter(None, codes), 0)
