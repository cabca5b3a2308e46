"""Where the report, the slides, a picture and the pull request of an experiment are."""

import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from labflake.documents import prose
from labflake.project.experiments import Experiment
from labflake.project.git import GitError, git, is_here

_FORGES = {  # path of a pull request by number, and of a search by branch
    "github": ("pull/{}", "pulls?q=is%3Apr+head%3A{}"),
    "gitlab": ("-/merge_requests/{}", "-/merge_requests?scope=all&state=all&source_branch={}"),
    "codeberg": ("pulls/{}", "pulls?state=all&q={}"),
    "gitea": ("pulls/{}", "pulls?state=all&q={}"),
    "forgejo": ("pulls/{}", "pulls?state=all&q={}"),
}
_LARGEST = 3_000_000  # bytes of a picture that is shown small


def documents(experiment: Experiment) -> dict[str, str]:
    """Return the documents that are built: what they are called, and their path from the page."""
    found = {"Report": "outputs/report.html", "PDF": "outputs/report.pdf"}
    slides = [source.stem for source in experiment.documents() if source.stem != "report"]
    for stem in slides:
        called = "Slides" if len(slides) == 1 else f"Slides {stem[:10]}"
        found[called] = f"outputs/{stem}.pdf"
    there = {name: path for name, path in found.items() if (experiment.generated / path).is_file()}
    return {name: address(experiment, path) for name, path in there.items()}


def address(experiment: Experiment, path: str) -> str:
    """Return the address of a generated file, from the page in `generated/`."""
    return quote(f"{experiment.name}/{path}")


def thumbnail(experiment: Experiment, wanted: Any) -> str:
    """Return the address of the picture that stands for the experiment, "" if there is none.

    It is the one that the header names, else the first figure of the report, else any.
    """
    names = [str(wanted)] if wanted else _figures(experiment)
    places = (experiment.scripts, experiment.generated, experiment.generated / "assets" / "figures")
    for name in names:
        for path in (Path(place, name).resolve() for place in places):
            inside = path.is_relative_to(experiment.generated)
            if inside and path.is_file() and path.stat().st_size < _LARGEST:
                return address(experiment, path.relative_to(experiment.generated).as_posix())
    return ""


def _figures(experiment: Experiment) -> list[str]:
    report = experiment.scripts / "report.md"
    text = report.read_text(encoding="utf-8", errors="replace") if report.is_file() else ""
    shown = [match["path"] for match in prose.FIGURE.finditer(text)]
    folder = experiment.generated / "assets" / "figures"
    return shown + sorted(p.name for p in folder.glob("*") if p.suffix in (".svg", ".png"))


def pull_request(experiment: Experiment, header: dict[str, Any]) -> str:
    """Return the address of the pull request: as the header says, else a search for the branch."""
    wanted = str(header.get("pull-request") or header.get("pull_request") or "")
    if re.match(r"https?://", wanted):
        return wanted
    base = _remote()
    forge = next((kind for kind in _FORGES if kind in base.split("/")[2]), "") if base else ""
    if not forge:
        return ""
    number, search = _FORGES[forge]
    path = number.format(wanted.lstrip("#!")) if wanted else search.format(quote(experiment.name))
    return f"{base}/{path}"


@cache
def _remote() -> str:
    """Return the address of the repository in a browser, without the name of a user."""
    try:
        names = git("remote").split() if is_here() else []
        name = "origin" if "origin" in names else next(iter(names), "")
        asked = ("config", "--get", f"remote.{name}.url")  # not as a person's settings rewrite it
        found = git(*asked, allowed=(0, 1)) if name else ""
    except GitError:
        return ""  # the page has no links to the forge then
    match = re.fullmatch(r"(?:\w+://)?(?:[^@/]+@)?([\w.-]+)(?::\d+)?[:/](.+?)(?:\.git)?/?", found)
    return f"https://{match[1]}/{match[2]}" if match and "." in match[1] else ""
