"""What is in the working tree and not in the commit, whatever somebody told git's index."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from labflake.project import head
from labflake.project.experiments import RECORD, Experiment, root
from labflake.project.git import git

_CODE = (".py", ".R", ".jl", ".sh", ".smk", ".yaml", ".md", "Snakefile")
_OTHERS = ("--others", "--exclude-per-directory=.gitignore", "-z")
_PLAIN = ("-c", "core.splitIndex=false", "-c", "core.sparseCheckout=false")


def written(experiment: Experiment) -> list[str]:
    """Return the paths of what people write of an experiment: the record of artifacts is not."""
    folder = f"scripts/{experiment.name}"
    return [folder, f":(exclude){folder}/{RECORD}"]


def files(paths: list[str], commit: str = "HEAD") -> list[str]:
    """Return the files below these paths that differ from a commit, or that it does not have.

    An index of our own is compared: in the user's, files can be marked as unchanged or skipped.
    Paths are relative to the project, here and in the answer.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = {"GIT_INDEX_FILE": os.path.join(folder, "index")}
        bits = f"core.fileMode={str(head.keeps_rights(root())).lower()}"
        git(*_PLAIN, "read-tree", commit, variables=own)
        # A file with another date is no difference. `git diff` would look by itself, and crashes
        # in a partial clone, whose objects it wants to fetch before it compares (git 2.39).
        git("-c", bits, *_PLAIN, "update-index", "-q", "--refresh", variables=own, allowed=(0, 1))
        options = ("--no-ext-diff", "--no-renames", "--ignore-submodules=untracked")
        asked = ("diff-index", *options, "--name-only", "--relative", "-z", commit, "--", *paths)
        changed = _entries(git("-c", bits, *_PLAIN, *asked, variables=own))
        others = [*added(paths, variables=own), *ignored_code(paths, own), *linked_code(paths)]
        return sorted({*changed, *others})


def added(
    paths: list[str], cwd: Path | None = None, variables: Mapping[str, str] | None = None
) -> list[str]:
    """Return the files below these paths that git does not have; a repository as `folder/`.

    Only what the project's own .gitignore names is left out. A person's other lists are not asked,
    since the next person has others.
    """
    return _entries(git("ls-files", *_OTHERS, "--", *paths, cwd=cwd, variables=variables))


def ignored_code(paths: list[str], variables: Mapping[str, str] | None = None) -> list[str]:
    """Return the code below these paths that .gitignore names: steps can use it all the same."""
    found = _entries(git("ls-files", "--ignored", *_OTHERS, "--", *paths, variables=variables))
    return [name for name in found if name.endswith(_CODE) and not _is_hidden(name)]


def linked_code(paths: list[str]) -> list[str]:
    """Return the links below these paths that lead to code outside the repository.

    A commit has the link and not what it leads to.
    """
    top = os.path.realpath(head.top(root()) or root())
    trees = [each for path in paths if path[0] != ":" for each in _tree(root() / path)]
    links = [link for link in trees if os.path.islink(link)]
    outside = [link for link in links if not Path(os.path.realpath(link)).is_relative_to(top)]
    return [os.path.relpath(link, root()) for link in outside if any(map(_is_code, _tree(link)))]


def _tree(path: str | os.PathLike[str]) -> Iterator[str]:
    """Give a path, and all that is below it; links are not followed, but for the path itself."""
    top = os.fspath(path)
    yield top
    for folder, folders, names in os.walk(top):
        yield from (os.path.join(folder, name) for name in [*folders, *names])


def _is_code(path: str) -> bool:
    return os.path.realpath(path).endswith(_CODE) and os.path.isfile(path)


def _entries(listed: str) -> list[str]:
    return [entry for entry in listed.split("\0") if entry]


def _is_hidden(name: str) -> bool:
    """Tell whether a program left the file for itself."""
    return any(part.startswith(".") or part == "__pycache__" for part in name.split("/"))
