"""Write the page of all experiments, `generated/index.html` (`make index`)."""

import re
import sys

from labflake.content.atomic import replacing
from labflake.project import packages
from labflake.project.experiments import every, relative, root
from labflake.site.entries import entry
from labflake.site.page import Project, page


def main(argv: list[str]) -> None:
    """Write the page; nothing is built for it."""
    entries = [entry(experiment) for experiment in reversed(every())]
    for each in entries:
        for problem in each.problems:
            print(f"warning: {each.name}: {problem}", file=sys.stderr)
    path = root() / "generated" / "index.html"
    with replacing(path) as part:
        part.write_text(page(_project(), entries), encoding="utf-8", newline="")
    print(f"{relative(path)}   {len(entries)} experiment{'s' * (len(entries) != 1)}")


def _project() -> Project:
    """Return the first heading of the README and the description in `pyproject.toml`."""
    readme = root() / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    heading = re.search(r"^# (.+)$", text, re.MULTILINE)
    project = packages.facts(root()).get("project", {})
    description = re.sub(r"([\\`*_{}\[\]<>#|$@^~])", r"\\\1", project.get("description", ""))
    return Project(heading[1] if heading else project.get("name", root().name), description)
