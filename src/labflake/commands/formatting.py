"""Format the code of the project (`make format`)."""

import subprocess

from labflake.project.experiments import root

_TOOLS = (("ruff", "format"), ("ruff", "check", "--fix"), ("snakefmt", "scripts"))


def main(argv: list[str]) -> int:
    """Run the formatters one after the other; the first that fails ends it."""
    for program, *words in _TOOLS:
        command = [str(root() / ".venv" / "bin" / program), *words]
        if code := subprocess.run(command, cwd=root()).returncode:
            return code
    return 0
