"""What all forges have: pull requests, comments, and places for files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from labflake.errors import LabError
from labflake.publish.files import File
from labflake.publish.remotes import Remote


@dataclass(frozen=True)
class PullRequest:
    """A pull request: its number, where it is in a browser, and into which branch it leads."""

    number: int
    url: str
    base: str = ""


@dataclass(frozen=True)
class Comment:
    """A comment: its number, its Markdown, and who wrote it."""

    id: int
    body: str
    author: str


class Store(Protocol):
    """A place on a forge that holds files by name."""

    def bring(
        self, files: list[File], known: dict[str, str], done: Callable[[str, str], None]
    ) -> dict[str, str]:
        """Bring all files there that are not there yet; return the address of each.

        Args:
            files: what to bring.
            known: what was brought before, as far as we remember.
            done: is told name and address of each file as soon as it is there.
        """

    def remove(self, name: str) -> None:
        """Take a file away that nobody needs any more."""


class Forge(Protocol):
    """A repository on a forge, as a program changes it."""

    remote: Remote  # the repository that has the branch
    into: Remote  # the one that has the pull requests; another one where the first is a fork
    short: str  # what stands before the number of a pull request
    default_place: str  # of files

    def towards(self, into: Remote) -> "Forge":
        """Return the same, but for pull requests into another repository."""

    def parent(self) -> str:
        """Return the path of the repository that ours is a fork of, "" where it is none."""

    def base(self) -> str:
        """Return the main branch of the repository that has the pull requests."""

    def is_own(self, comment: Comment) -> bool:
        """Tell whether the token's user wrote a comment; where it does not tell, a guess."""

    def opened(self, branch: str) -> PullRequest | None:
        """Return the open pull request of a branch of this repository."""

    def open(self, branch: str, base: str, title: str, body: str) -> PullRequest:
        """Open a pull request."""

    def merged(self) -> Iterator[PullRequest]:
        """Give the pull requests that were merged, those changed last first."""

    def comments(self, number: int) -> Iterator[Comment]:
        """Give the comments of a pull request, the oldest first."""

    def post(self, number: int, body: str) -> Comment:
        """Write a comment."""

    def edit(self, number: int, comment: int, body: str) -> None:
        """Replace a comment."""

    def store(self, place: str, number: int, experiment: str, commit: str) -> Store:
        """Return the place for files that is called `attachments`, `release` or `branch`."""

    def commit_page(self, commit: str) -> str:
        """Return where a commit is in a browser."""

    def raw(self, commit: str, name: str) -> str:
        """Return where a file of a commit can be got from."""


def no_place(place: str, forge: str, others: str) -> LabError:
    """Return the error for a place for files that a forge does not have."""
    return LabError(
        f"{forge} has no {place} that a program can fill\n"
        f'  files = "{others}" in [tool.labflake.publish] of pyproject.toml'
    )
