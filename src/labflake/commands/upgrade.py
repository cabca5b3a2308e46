"""Take another version of labflake: wheel, line and lock entry, all or nothing (`make upgrade`)."""

import os
import re
import tempfile
from pathlib import Path

from labflake.environment import freshness, vendored
from labflake.errors import LabError
from labflake.project.experiments import root
from labflake.project.options import option
from labflake.template import offered


def main(argv: list[str]) -> int:
    """Take the labflake of TO; without it, that of the newest release of the template."""
    wanted = option("TO")
    with tempfile.TemporaryDirectory() as folder:
        new = offered.find(wanted, Path(folder))
        before, after = vendored.facts(_old()), vendored.facts(new)
        if _is_here(new) or (not wanted and vendored.number(after) < vendored.number(before)):
            print(f"up to date: labflake {before['Version'][0]}")
            return 0
        _refuse()
        _replace(new, vendored.needs(before) != vendored.needs(after))
    print(f"labflake {before['Version'][0]} → {after['Version'][0]}")
    print("\n".join([*_news(before, after), "next: make, then git commit"]))
    return 0


def _old() -> Path:
    """Return the labflake of the project."""
    vendor = root() / "vendor"
    return vendor if vendored.unpacked(root()) else vendored.wheel(vendor)


def _is_here(new: Path) -> bool:
    here = root() / "vendor" / new.name
    return here.is_file() and here.read_bytes() == new.read_bytes()


def _refuse() -> None:
    """Stop where something of the person's would be lost."""
    if said := freshness.complaint(root()):
        raise LabError(f"{said}\n  then: make upgrade")
    if changed := vendored.changed(root()):
        raise LabError(
            f"labflake is unpacked in vendor/, and you changed {', '.join(changed[:3])}"
            f"{' …' if len(changed) > 3 else ''}\n  a new version would overwrite that: "
            "put it back, or take over the new version by hand"
        )


def _replace(new: Path, others: bool) -> None:
    """Put the new wheel into the project and let it make `.venv`; or all is as before."""
    with vendored.put_back_on_failure(root()):
        vendored.put(new, root(), known=not others)
        if not vendored.install(root(), dict(os.environ), others):
            raise LabError(f"{new.name} could not be installed; all is as before")


def _news(before: dict[str, list[str]], after: dict[str, list[str]]) -> list[str]:
    """Return the entries of the CHANGELOG that the old version did not have."""
    old, new = ([*_entries(about["Description"][0])] for about in (before, after))
    return [f"  - {entry}" for entry in new if entry not in old]


def _entries(text: str) -> list[str]:
    """Return the entries of a CHANGELOG, which wheels have as their description."""
    found = re.findall(r"^- (.*(?:\n  .*)*)", text, re.MULTILINE)
    return [entry.replace("\n", "\n  ") for entry in found]
