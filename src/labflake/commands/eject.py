"""Unpack labflake into `vendor/labflake/`, for people who want to change it (`labflake eject`)."""

import os

from labflake.environment import freshness, vendored
from labflake.errors import LabError
from labflake.project.experiments import root


def main(argv: list[str]) -> int:
    """Let the files of the wheel take its place; `.venv` uses them from there."""
    if vendored.unpacked(root()):
        print("labflake is unpacked already: vendor/labflake/")
        return 0
    if said := freshness.complaint(root()):
        raise LabError(f"{said}\n  then: labflake eject")
    with vendored.put_back_on_failure(root()):
        vendored.unpack(root())
        if not vendored.install(root(), dict(os.environ)):
            raise LabError("the unpacked labflake could not be installed; all is as before")
    print(
        "labflake is in vendor/labflake/ now: commit it, then change what you like\n"
        "  git diff shows what you changed; back to a wheel: make upgrade"
    )
    return 0
