"""Why results cannot be published: what others would get is not what is here."""

import os

from labflake.content.contents import Contents
from labflake.data_files.gate.wording import shown
from labflake.documents.run_documents import is_current
from labflake.errors import LabError
from labflake.project import uncommitted
from labflake.project.experiments import Experiment, head_commit, relative, root
from labflake.project.git import git, run
from labflake.site import states

_NOT_CODE = ("generated", "data")  # git has nothing of them


def refuse(reasons: list[str], experiment: Experiment) -> None:
    """Refuse to publish where there are reasons.

    Raises:
        LabError: with all of them.
    """
    if reasons:
        lines = "\n".join(f"  {reason}" for reason in reasons)
        raise LabError(
            f"{experiment.name} is not published: others could not build what is here\n{lines}"
        )


def reasons(experiment: Experiment, remote: str, branch: str) -> list[str]:
    """Return why the results are not those of a commit that others have, and what to do."""
    return [*local(experiment), *_not_pushed(remote, branch)]


def local(experiment: Experiment) -> list[str]:
    """Return why the results are not those of the commit."""
    if not head_commit():
        return ["there is no commit yet: git add, then git commit"]
    changed = uncommitted.files(_paths())
    dirty = f"not committed: {_some(changed)}: git add, git commit, then make"
    found = [dirty] if changed else []
    now = states.state(experiment)
    if now.name != states.BUILT:
        why = f": {now.why}" if now.why else ""
        return [*found, f"the artifacts are not what this commit builds ({now.name}{why}): make"]
    contents = Contents(str(experiment.generated))
    old = [d for d in experiment.documents() if not is_current(experiment, contents, d)]
    if old:
        names = _some([relative(path) for path in old])
        found.append(f"the artifacts are not what this commit builds: {names} is older: make")
    return found


def _paths() -> list[str]:
    """Return what lies at the top of the project, here or in the commit, and is of people."""
    here = {name for name in os.listdir(root()) if not name.startswith((".venv", ".git/"))}
    there = git("ls-tree", "-z", "--name-only", "HEAD").split("\0")
    return sorted({*here, *filter(None, there)} - {*_NOT_CODE, ".git"})


def _not_pushed(remote: str, branch: str) -> list[str]:
    """Return why the server's branch does not have the commit."""
    listed = git("ls-remote", "--", remote, f"refs/heads/{branch}")
    there, commit = listed.split("\t")[0], head_commit()
    if there == commit:
        return []
    if there and run("merge-base", "--is-ancestor", commit, there)[0] == 0:
        return []  # somebody pushed more; the commit is in it
    what = f"{remote} has {there[:12]} of it" if there else f"{remote} does not have that branch"
    return [f"not pushed: commit {commit[:12]} of {shown(branch)}; {what}: git push {remote} HEAD"]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(map(shown, names[:4])) + more
