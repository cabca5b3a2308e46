"""Where this project came from: template, commit and answers, kept in the format of cruft."""

import json
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from labflake.content.atomic import rewrite
from labflake.errors import LabError
from labflake.project.experiments import root
from labflake.project.git import git
from labflake.project.options import option

FILE = ".cruft.json"
PAYLOAD = "{{cookiecutter.project_slug}}"


@dataclass(frozen=True)
class Origin:
    """A version of a template, and what its questions were answered with."""

    template: str
    commit: str
    answers: dict[str, str] = field(default_factory=dict)
    directory: str | None = None


def read() -> Origin | None:
    """Return what `.cruft.json` says; None where there is no such file."""
    path = root() / FILE
    if not path.exists():
        return None
    state = json.loads(path.read_text(encoding="utf-8"))
    given = state["context"]["cookiecutter"]
    answers = {name: value for name, value in given.items() if not name.startswith("_")}
    return Origin(state["template"], state["commit"], answers, state.get("directory"))


def address() -> str:
    """Return the template's address: the one that is asked for, else the one noted; "" for none."""
    known = read()
    return option("TEMPLATE") or (known.template if known else "")


def write(origin: Origin) -> None:
    """Write `.cruft.json`, which `cruft check` and `cruft diff` read, too."""
    state = {
        "template": origin.template,
        "commit": origin.commit,
        "checkout": None,
        "context": {"cookiecutter": origin.answers},
        "directory": origin.directory,
    }
    text = json.dumps(state, indent=2, ensure_ascii=False) + "\n"
    rewrite(root() / FILE, text.encode())


def guess(template: str, clone: Path) -> Origin:
    """Find the version whose files are those of this project's first commit.

    Raises:
        LabError: no version of the template is like the project.
    """
    first = first_commit()
    own = blobs(root(), first)
    versions = git("rev-list", "--all", "--", PAYLOAD, cwd=clone).split()
    like = Counter({v: len(own & blobs(clone, f"{v}:{PAYLOAD}")) for v in versions})
    best = max(versions, key=lambda v: like[v], default=None)
    if best is None or 2 * like[best] < len(own):
        raise LabError(
            f"no version of {template} has the files of this project's first commit\n"
            "  name the one that it was made from: make update-template FROM=<commit>"
        )
    return Origin(template, best, answers(first))


def first_commit() -> str:
    """Return the commit that started this project."""
    return git("rev-list", "--max-parents=0", "HEAD", cwd=root()).split()[-1]


def blobs(repository: Path, tree: str) -> set[str]:
    """Return `<mode> blob <hash> <path>` of every file in a commit or tree."""
    return set(git("ls-tree", "-r", "-z", tree, cwd=repository).split("\0")) - {""}


def answers(commit: str) -> dict[str, str]:
    """Return the answers to the template's questions, as a commit of the project shows them."""
    import yaml

    def file(name: str) -> str:
        return git("show", f"{commit}:{name}", cwd=root())

    project = tomllib.loads(file("pyproject.toml"))["project"]
    author = project["authors"][0]
    licence = project["license"]
    return {
        "project_name": yaml.safe_load(file("CITATION.cff"))["title"],
        "project_slug": project["name"],
        "author": author["name"],
        "email": author["email"],
        "description": project["description"],
        "license": "none" if licence.startswith("LicenseRef") else licence,
    }
