"""The pull request of a branch: in its repository, or in the one that this is a fork of."""

from collections.abc import Callable
from dataclasses import replace

from labflake.errors import LabError
from labflake.publish.client import certain
from labflake.publish.forge import Forge, PullRequest
from labflake.publish.remotes import UPSTREAM, Remote
from labflake.publish.settings import TABLE


def found_or_opened(
    forge: Forge,
    branch: str,
    targets: tuple[Remote, ...],
    open_: Callable[[Forge], PullRequest],
) -> tuple[Forge, PullRequest]:
    """Return the open pull request of a branch, and the forge for it; where there is none, open it.

    Args:
        forge: the repository that has the branch.
        branch: its name.
        targets: where the pull request may be, the likeliest first; () where nobody said.
        open_: opens it.

    Raises:
        LabError: it is a fork, and nobody said where pull requests belong.
    """
    places = [forge.towards(each) for each in targets] or [forge]
    for place in places:
        if found := place.opened(branch):
            return place, found
    if not targets and (parent := forge.parent()):
        return _in_parent(forge.towards(replace(forge.remote, path=parent)), branch)
    first = places[0]
    return first, certain(lambda: first.opened(branch), lambda: open_(first))


def _in_parent(place: Forge, branch: str) -> tuple[Forge, PullRequest]:
    """Return the open pull request in the repository of others; nobody opens one there unasked."""
    if found := place.opened(branch):
        return place, found
    own = place.remote
    raise LabError(
        f"{own.path} is a fork of {place.into.path}: which of them gets the pull request?\n"
        f"  {place.into.path}: git remote add {UPSTREAM} {place.into.page}.git\n"
        f'  {own.path}: into = "{own.name}" in {TABLE}'
    )
