"""Start an experiment: `make experiment NAME="Some Title"`, and `FROM=` another one."""

import re
import shutil
import unicodedata
from datetime import date
from pathlib import Path

from labflake.commands import copied
from labflake.errors import LabError
from labflake.project import git, head
from labflake.project.experiments import find, problem, relative, root
from labflake.project.git import GitError
from labflake.project.options import flag, option

_SHORT = 60  # bytes
PATTERN = Path(__file__).parent.parent / "starter"


def main(argv: list[str]) -> None:
    """Make the folder of a new experiment that builds at once, and its git branch."""
    title = option("NAME").strip()
    if not title:
        raise LabError(
            'the experiment needs a title\n  example: make experiment NAME="Effect of Sample Size"'
        )
    name = named(title)
    folder = root() / "scripts" / name
    if folder.exists():
        raise LabError(f"{relative(folder)} exists already\n  choose another title")
    partial = folder.with_name(f".{name}.new")
    shutil.rmtree(partial, ignore_errors=True)
    if option("FROM"):
        copied.copy(find(option("FROM")), partial, title, name)
    else:
        shutil.copytree(PATTERN, partial)
        _fill(partial, title, name)
    partial.rename(folder)
    print(f"{relative(folder)} is there: Snakefile, config.yaml, programs, report.md and slides")
    if flag("BRANCH", otherwise=True):
        _branch(name)
    print(
        "Next:\n  make            builds it as it is\n"
        "  edit report.md  and the Snakefile, then make again"
    )


def named(title: str) -> str:
    """Return the name of an experiment with this title, started today.

    Raises:
        LabError: the title gives no name of a folder.
    """
    dated = re.fullmatch(r"(\d{4}-\d{2}-\d{2})[-\s]+(.*)", title)
    day, rest = dated.groups() if dated else (date.today().isoformat(), title)
    words = re.findall(r"\w+(?:[.+]\w+)*", unicodedata.normalize("NFC", rest))
    name = "-".join([day, *words])
    wrong = problem(name) if words else "it has no letters or digits"
    if wrong or re.search(r"[/\\\x00-\x1f]", rest):
        raise LabError(
            f"{title!r} gives no name for a folder: "
            f"{wrong or 'it has a slash or a control character'}\n"
            f'  for example: make experiment NAME="{_shortened(words)}"\n'
            "  and any title in the header of report.md"
        )
    return name


def _shortened(words: list[str]) -> str:
    """Return as many words of a title as are good for a name."""
    kept: list[str] = []
    for word in words:
        if len(" ".join([*kept, word]).encode()) > _SHORT:
            break
        kept.append(word)
    return " ".join(kept) or "Effect of Sample Size"


def _fill(folder: Path, title: str, name: str) -> None:
    """Write the title and the day into the new files."""
    day = name[:10]
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        text = text.replace("NEW-EXPERIMENT-NAME", name).replace("NEW-EXPERIMENT-DAY", day)
        path.write_text(text.replace('"NEW-EXPERIMENT-TITLE"', _yaml(title)), encoding="utf-8")
    (folder / "slides.md").rename(folder / f"{day}-lab-presentation.md")


def _yaml(text: str) -> str:
    """Return the text as a quoted YAML string."""
    import json

    return json.dumps(text, ensure_ascii=False)


def _branch(name: str) -> None:
    """Switch to a new branch of the same name, or say why there is none."""
    if not git.is_here():
        print("no git repository here: no branch was made")
        return
    try:
        if not (git.git("ls-files", "--", ".") or head.top(root()) == root()):
            print("the git repository around it does not hold this project: no branch was made")
            return
        _, _, said = git.run("switch", "--quiet", "--create", name)
    except GitError as error:
        print(f"no branch was made: {error}")
        return
    if head.branch(root()) != name:
        print(f"the branch could not be made: {said}")
        return
    print(f"you are on its branch {name}")
    if said:
        print("\n".join(f"  git says: {line}" for line in said.splitlines()))
