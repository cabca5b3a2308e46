"""Take over a newer version of the template by a three-way merge (`make update-template`)."""

import tempfile
from dataclasses import replace
from pathlib import Path

from labflake.errors import LabError
from labflake.project.experiments import root
from labflake.project.git import git
from labflake.project.options import option
from labflake.template import merge, origin, versions
from labflake.template.origin import Origin


def main(argv: list[str]) -> int:
    """Merge the version TO of the template, else its newest release, into the project."""
    _refuse_unclean()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template, known = _template()
        versions.fetch(template, folder / "template")
        old = _old(template, known, folder / "template")
        wanted = option("TO")
        new = replace(old, commit=versions.choose(folder / "template", wanted))
        if not wanted and versions.contains(folder / "template", old.commit, new.commit):
            print(f"up to date: the project is at {old.commit[:12]}, the newest version")
            return 0
        return _merge(folder, old, new)


def _merge(folder: Path, old: Origin, new: Origin) -> int:
    """Render both versions, merge, note the new one, and say what is next; 1 is for conflicts."""
    clone = folder / "template"
    before, after = (versions.render(clone, v, folder / v.commit) for v in (old, new))
    version = git("describe", "--tags", "--always", new.commit, cwd=clone)
    conflicts = merge.merge(before, after, f"template {version}")
    left, said = merge.settle_locks(conflicts)
    origin.write(new)
    git("add", origin.FILE, cwd=root())
    print(f"template {old.commit[:12]} → {new.commit[:12]} ({version})")
    print("\n".join([*_news(clone, old, new), *said, *_next(left)]))
    return int(bool(left))


def _news(clone: Path, old: Origin, new: Origin) -> list[str]:
    """Return what the template's CHANGELOG says about the versions in between."""
    asked = ["diff", "--no-ext-diff", "--unified=0", old.commit, new.commit, "--", "CHANGELOG.md"]
    lines = git(*asked, cwd=clone).splitlines()
    return [f"  {line[1:]}" for line in lines if line.startswith("+- ") or line.startswith("+  ")]


def _next(conflicts: list[str]) -> list[str]:
    """Return what is to be done after the merge."""
    changed = git("diff", "--cached", "--name-only", "--diff-filter=u", cwd=root()).splitlines()
    back = "to go back: git reset --hard"
    staged = "1 file is staged" if len(changed) == 1 else f"{len(changed)} files are staged"
    if not conflicts:
        return [f"{staged}; next: make, then git commit", back]
    return [
        f"{staged}, in conflict: {len(conflicts)}",
        *(f"  {name}" for name in conflicts),
        "next: choose between <<<<<<< and >>>>>>>, git add, make, git commit",
        back,
    ]


def _template() -> tuple[str, Origin | None]:
    """Return the template's address, and what is known of where the project came from."""
    template = origin.address()
    if not template:
        raise LabError(
            "this project does not know its template yet\n"
            "  say it once: make update-template TEMPLATE=https://…"
        )
    return template, origin.read()


def _old(template: str, known: Origin | None, clone: Path) -> Origin:
    """Return the version that the project has: noted, named by FROM, or found by its files."""
    old = replace(known, template=template) if known else None
    if commit := option("FROM"):
        answers = old.answers if old else origin.answers(origin.first_commit())
        return Origin(template, versions.choose(clone, commit), answers)
    return old or origin.guess(template, clone)


def _refuse_unclean() -> None:
    """Stop where a merge could not be taken back."""
    if Path(git("rev-parse", "--show-toplevel", cwd=root())).resolve() != root():
        raise LabError("the project is a folder of a larger git repository: merge by hand")
    if changed := git("status", "--porcelain", "--untracked-files=no", cwd=root()):
        raise LabError(f"commit or restore your changes first\n{changed}")
