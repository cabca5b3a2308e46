"""Why results cannot be published: what others would get is not what is here."""

import os

from labflake.content.contents import Contents
from labflake.data_files.gate.wording import shown
from labflake.documents.run_documents import is_current
from labflake.errors import LabError
from labflake.project import uncommitted
from labflake.project.experiments import Experiment, head_commit, relative, root
from labflake.project.git import git, run
from labflake.publish.remotes import addresses
from labflake.site import states

_PUSHED = "labflake-pushed"
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
        verb = "is" if len(old) == 1 else "are"
        found.append(f"the artifacts are not what this commit builds: {names} {verb} older: make")
    return found


def _paths() -> list[str]:
    """Return what lies at the top of the project, here or in the commit, and is of people."""
    here = {name for name in os.listdir(root()) if not name.startswith((".venv", ".git/"))}
    there = git("ls-tree", "-z", "--name-only", "HEAD").split("\0")
    return sorted({*here, *filter(None, there)} - {*_NOT_CODE, ".git"})


def _not_pushed(remote: str, branch: str) -> list[str]:
    """Return why the server's branch does not have the commit."""
    reference, (place, own) = f"refs/heads/{branch}", _place(remote)
    listed = git("ls-remote", "--", place, reference, variables=own)
    there, commit = listed.split("\t")[0], head_commit()
    if there and run("cat-file", "-e", f"{there}^{{commit}}")[0]:  # somebody pushed more
        asked = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--")
        run(*asked, place, reference, variables=own)
    if there and run("merge-base", "--is-ancestor", commit, there)[0] == 0:
        return []  # the commit is in it
    what = f"{remote} has {there[:12]} of it" if there else f"{remote} does not have that branch"
    is_behind = not there or run("merge-base", "--is-ancestor", there, commit)[0] == 0
    way = (
        f"git push {remote} HEAD" if is_behind else f"git pull {remote} {shown(branch)}, then make"
    )
    return [f"not pushed: commit {commit[:12]} of {shown(branch)}; {what}: {way}"]


def _place(remote: str) -> tuple[str, dict[str, str]]:
    """Return what git calls the place that pushes go to, and the variables that say where it is.

    Its address may hold a password, so it stands on no command line.
    """
    pushed = addresses(remote, "pushurl")
    if not pushed:
        return remote, {}
    number = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    return _PUSHED, {
        "GIT_CONFIG_COUNT": str(number + 1),
        f"GIT_CONFIG_KEY_{number}": f"remote.{_PUSHED}.url",
        f"GIT_CONFIG_VALUE_{number}": pushed[0],
    }


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(map(shown, names[:4])) + more
