"""Refuse what git should not hold (`make strict`): the hook that `make hooks` installs, and CI.

Nothing but the standard library is needed, so no commit waits for packages.
"""

import os
import shlex

from labflake.data_files.gate.wording import aligned, shown
from labflake.errors import LabError
from labflake.project import experiments, git
from labflake.project.options import flag, option
from labflake.strict import held, rules
from labflake.strict.rules import Refusal

_SHOWN = 20


def main(argv: list[str]) -> int:
    """Look at all that git holds, at the files named, or at what the next commit adds."""
    if not git.is_here():
        raise LabError("the project is not in git, so there is nothing to look at")
    files = held.staged() if flag("STAGED") else held.every()
    if commit := option("COMMIT"):
        files += held.since(_known(commit))
    if argv:
        wanted = {*map(_from_project, argv)}
        files = [each for each in files if each.path in wanted]
    found = sorted({*rules.refused(files)})
    if found:
        raise LabError(_said(found))
    if not flag("STAGED"):
        print(f"{len(files)} file{'s' * (len(files) != 1)}: nothing that git should not hold")
    return 0


def _known(commit: str) -> str:
    """Return the full name of a commit.

    Raises:
        LabError: git does not know it.
    """
    asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    code, name, _ = git.run(*asked)
    if code:
        raise LabError(f"git knows no commit {commit}\n  in CI, fetch the whole history first")
    return name.strip()


def _from_project(name: str) -> str:
    """Return a path of the folder where the person is as one of the project."""
    place = os.environ.get(experiments.STARTED_IN, os.getcwd())
    return os.path.relpath(os.path.join(place, name), experiments.root())


def _said(found: list[Refusal]) -> str:
    rows = [(_place(each), each.what, each.way) for each in found[:_SHOWN]]
    lines = [f"  {row}" for row in aligned(rows)]
    if len(found) > _SHOWN:
        lines.append(f"  … and {len(found) - _SHOWN} more")
    names = list(dict.fromkeys(each.path for each in found))
    some = " ".join(map(shlex.quote, map(shown, names[:3]))) + (" …" if len(names) > 3 else "")
    return "\n".join(
        [
            f"git should not hold {'these files' if len(names) > 1 else 'this file'}",
            *lines,
            f"  out of the commit, and kept here: git rm --cached {some}",
            '  one that has to be there: allowed = ["PATH"] in pyproject.toml, [tool.labflake]',
        ]
    )


def _place(refusal: Refusal) -> str:
    return shown(refusal.path) + (f", line {refusal.line}" if refusal.line else "")
