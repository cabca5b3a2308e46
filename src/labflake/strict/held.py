"""What git holds, or would hold after the next commit: paths, sizes and contents."""

import os
import re
from collections.abc import Iterable
from typing import NamedTuple

from labflake.project import head
from labflake.project.experiments import root
from labflake.project.git import git

LARGE = 500_000  # bytes; what is larger is not read
_LINK, _SUBMODULE = "120000", "160000"
_RAW = re.compile(r":\d+ (\d+) [0-9a-f]+ ([0-9a-f]+) \w+\0([^\0]+)\0")
_LISTED = re.compile(r"(\d+) ([0-9a-f]+) \d\t([^\0]+)\0")
_HOOK = "GIT_INDEX_FILE"  # by which git tells a hook what is about to be committed


class Held(NamedTuple):
    """A file in git: `content` is empty of links and of what is large."""

    path: str
    is_link: bool
    size: int
    content: bytes


def staged() -> list[Held]:
    """Return what the next commit would add or change."""
    head = git("rev-parse", "--verify", "--quiet", "HEAD", allowed=(0, 1))
    since = head or git("hash-object", "-t", "tree", os.devnull)
    asked = ("--cached", "--relative", "--raw", "-z", "--no-renames", "--diff-filter=d", since)
    return _read(_RAW.findall(git("diff-index", "--abbrev=64", *asked, variables=_index())))


def every() -> list[Held]:
    """Return all that the next commit would hold."""
    return _read(_LISTED.findall(git("ls-files", "--stage", "-z", variables=_index())))


def since(commit: str) -> list[Held]:
    """Return what commits after this one added or changed, also if another took it out again."""
    commits = git("rev-list", f"{commit}..HEAD")
    asked = ("--stdin", "-r", "-z", "--root", "--no-commit-id", "--relative", "--no-renames")
    raw = git("diff-tree", *asked, "--diff-filter=d", "--abbrev=64", given=commits + "\n")
    return _read(_RAW.findall(raw)) if commits else []


def _index() -> dict[str, str]:
    """Return the index of the commit that is under way, where a hook runs in it.

    Git names it from the top of the checkout, where it starts hooks.
    """
    given = os.environ.get(_HOOK)
    return {_HOOK: os.path.join(head.top(root()) or "", given)} if given else {}


def _read(entries: Iterable[tuple[str, str, str]]) -> list[Held]:
    """Return each file once with what is in it: entries are mode, object and path."""
    entries = [e for e in dict.fromkeys(entries) if e[0] != _SUBMODULE]
    sizes = _sizes([name for _, name, _ in entries])
    small = [n for mode, n, _ in entries if mode != _LINK and sizes[n] <= LARGE]
    contents = _contents(dict.fromkeys(small))
    return [Held(p, m == _LINK, sizes[n], contents.get(n, b"")) for m, n, p in entries]


def _sizes(names: list[str]) -> dict[str, int]:
    given = "".join(f"{name}\n" for name in names)
    lines = git("cat-file", "--batch-check=%(objectname) %(objectsize)", given=given).split("\n")
    return {name: int(size) for name, size in (line.split() for line in lines if line)}


def _contents(names: Iterable[str]) -> dict[str, bytes]:
    given = "".join(f"{name}\n" for name in names)
    rest = os.fsencode(git("cat-file", "--batch", given=given) + "\n") if given else b""
    found = {}
    while rest.strip(b"\n"):
        head, _, rest = rest.partition(b"\n")
        name, _, size = head.split()
        found[name.decode()], rest = rest[: int(size)], rest[int(size) + 1 :]
    return found
