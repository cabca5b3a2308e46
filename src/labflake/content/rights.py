"""Whether a file may be run: of programs and of what people write, that is part of what they are.

A command that runs a script needs it, and git keeps it. Data has it by chance, on some drives each
file; results are judged by their bytes.
"""

import os

from labflake.project import head
from labflake.project.experiments import root

RUNS = "x"  # at the end of the digest of a file that may be run
_OF_MACHINES = ("generated", "data", "vendor", ".venv", ".git", "..")
_RESULTS = ("assets", "outputs")
_UP = "../../"  # from the generated folder to the project
_PROGRAMS = (b"#!", b"\x7fE", b"\xcf\xfa", b"\xca\xfe")  # how scripts, ELF and macOS begin


def part_of_digest(path: str, full: str, stat: os.stat_result) -> str:
    """Return what the digest of a file ends with; for most files that is nothing.

    Args:
        path: from the generated folder.
        full: where it is.
        stat: of the file.
    """
    if not stat.st_mode & 0o100:
        return ""
    if path[:1] == "/":
        return RUNS if _is_program(full) else ""
    return RUNS if _is_of_people(path, full) and head.keeps_rights(root()) else ""


def _is_of_people(path: str, full: str) -> bool:
    """Tell whether a file of the project is one that people write, or a link to one."""
    path = os.path.normpath(path)
    if not path.startswith(_UP) and path.partition("/")[0] not in _RESULTS and os.path.islink(full):
        generated = full[: -len(path)]
        path = os.path.relpath(os.path.realpath(full), os.path.realpath(generated))
    return path.startswith(_UP) and path[len(_UP) :].partition("/")[0] not in _OF_MACHINES


def _is_program(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(2) in _PROGRAMS
    except OSError:
        return False
