"""A wheel of labflake on offer: a file, a folder, an address, a version of the template."""

import re
from pathlib import Path

from labflake.environment import vendored
from labflake.errors import LabError
from labflake.project.git import git
from labflake.template import origin, versions


def find(wanted: str, folder: Path) -> Path:
    """Return the wheel that is wanted; what comes from elsewhere is put into a folder.

    Args:
        wanted: a wheel or a folder with one, the https address of a wheel, the git address of a
            template, or a version of the project's own template; "" is its newest release.
        folder: an empty one.

    Raises:
        LabError: it cannot be had.
    """
    if wanted.endswith(".whl"):
        return _download(wanted, folder) if "://" in wanted else _file(Path(wanted).expanduser())
    place = Path(wanted).expanduser()
    if wanted and place.is_dir() and (found := _inside(place)):
        return found
    is_address = place.is_dir() or re.search(r"://|^git@|^g[hl]:|^bb:|\.git$", wanted)
    if wanted and is_address:
        return _of_template(wanted, None, folder)
    return _of_template(_template(), wanted or None, folder)


def _file(path: Path) -> Path:
    if not path.is_file():
        raise LabError(f"there is no file {path}\n  nothing changed")
    return path


def _inside(folder: Path) -> Path | None:
    """Return the wheel in a folder, or in the checkout of a template or project."""
    for place in (folder, folder / "vendor", folder / origin.PAYLOAD / "vendor"):
        if any(place.glob("labflake-*.whl")):
            return vendored.wheel(place)
    return None


def _download(address: str, folder: Path) -> Path:
    import requests

    path = folder / address.rsplit("/", 1)[-1]
    try:
        answer = requests.get(address, timeout=60)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise LabError(f"{address} could not be fetched; nothing changed\n  {error}") from None
    path.write_bytes(answer.content)
    return path


def _template() -> str:
    """Return the address of the template that the project was made from."""
    template = origin.address()
    if not template:
        raise LabError(
            "this project does not know its template, where newer versions are\n"
            "  say it: make upgrade TO=https://…, or name a file: make upgrade TO=labflake-….whl"
        )
    return template


def _of_template(template: str, version: str | None, folder: Path) -> Path:
    """Return the wheel that a version of a template brings."""
    clone = folder / "template"
    versions.fetch(template, clone)
    number = version if not re.match(r"\d+\.", version or "") else f"v{version}"
    commit = versions.choose(clone, number)
    git("checkout", "--quiet", "--force", commit, cwd=clone)
    found = _inside(clone)
    if not found:
        raise LabError(f"version {commit[:12]} of {template} brings no labflake\n  nothing changed")
    return found
