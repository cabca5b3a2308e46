"""Places on a forge that take files one by one."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable

from labflake.publish.client import BrokenError, RefusedError, certain
from labflake.publish.files import File

_NOT_THESE = (400, 413, 415, 422)  # too large, or of a kind that the server does not take


def tag(experiment: str) -> str:
    """Return the tag of the release that holds the files of an experiment."""
    return f"results-{experiment}"


class OneByOne(ABC):
    """A place that holds files by name; `is_listed`: it tells which ones."""

    is_listed = True

    @abstractmethod
    def there(self) -> dict[str, str]:
        """Return the address of each file that is complete."""

    @abstractmethod
    def put(self, file: File) -> str:
        """Put a file there; return its address."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Take a file away that nobody needs any more."""

    def bring(
        self, files: list[File], known: dict[str, str], done: Callable[[str, str], None]
    ) -> dict[str, str]:
        """Bring all files there that are not there yet; return the address of each.

        What the server does not take is left out, and said.

        Args:
            files: what to bring.
            known: what was brought before, as far as we remember.
            done: is told name and address of each file as soon as it is there.
        """
        there = self.there() if self.is_listed else known
        found = {}
        for file in files:
            try:
                found[file.name] = there.get(file.name) or self._certainly(file)
            except RefusedError as error:
                if error.status not in _NOT_THESE:
                    raise
                if address := self.there().get(file.name):
                    found[file.name] = address  # somebody else brought the same a moment ago
                    continue
                print(f"warning: {file.artifact} is left out: {error}", file=sys.stderr)
                continue
            done(file.name, found[file.name])
        return found

    def _certainly(self, file: File) -> str:
        """Put a file there once, also if the connection breaks meanwhile."""
        try:
            return self.put(file)  # it was looked for a moment ago
        except BrokenError:
            return certain(lambda: self.there().get(file.name), lambda: self.put(file))
