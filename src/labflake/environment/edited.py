"""Which packages came from uv's cache with files that were edited there, through another `.venv`.

uv links the files of `.venv` to its cache, as it does for other projects: an edit of one of them is
an edit of all. The number of links and the time of the last change of them say nothing: other
projects link, too.
"""

import marshal
import os
from collections.abc import Callable
from pathlib import Path

from labflake.content.digests import in_a_record

from . import altered

_Found = tuple[list[str], list[str]]  # packages that were edited; files that differ in the wheel


def packages(venv: Path, before: dict[str, int]) -> list[str]:
    """Return the packages whose files were edited in the cache; note which differ in the wheel.

    Args:
        venv: the environment.
        before: what was installed before; the rest is looked at.
    """
    there = altered.installed(venv)
    fresh = dict(there.items() - before.items())
    records = sorted(there, key=os.path.getsize)
    found, odd = _by_two(records, lambda part: _look(venv, part, fresh))
    (venv / altered.ODD).write_text("".join(f"{path}\n" for path in odd), encoding="utf-8")
    return sorted(set(found))


def _by_two(records: list[str], look: Callable[[list[str]], _Found]) -> _Found:
    """Let a second process look at half of the packages: there are thousands of files."""
    reader, writer = os.pipe()
    try:
        child = os.fork()
    except OSError:  # the limit of processes is reached
        return look(records)
    if not child:
        try:
            with open(writer, "wb") as file:
                file.write(marshal.dumps(look(records[1::2])))
        finally:
            os._exit(0)
    os.close(writer)
    mine = look(records[::2])
    with open(reader, "rb") as file:
        said = file.read()
    os.waitpid(child, 0)
    theirs = marshal.loads(said) if said else look(records[1::2])  # which tells what is wrong
    return mine[0] + theirs[0], mine[1] + theirs[1]


def _look(venv: Path, records: list[str], fresh: dict[str, int]) -> _Found:
    found, odd = [], []
    for record in records:
        info = Path(record).parent
        site = os.open(info.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            changed, differ = _differences(info, site, record in fresh)
        finally:
            os.close(site)
        found += [info.name.split("-")[0]] if changed else []
        odd += [os.path.relpath(info.parent / path, venv) for path in differ]
    return found, odd


def _differences(info: Path, site: int, is_fresh: bool) -> tuple[bool, list[str]]:
    """Tell whether files of a package were edited; return those of another size than recorded.

    `WHEEL` is about the last file of a wheel that is unpacked: what is linked and newer was written
    to since. A copy does not show the time of its original, so all of it is read.
    """
    changed, odd, stat = False, [], os.stat
    wheel = _stat(info / "WHEEL")
    since = wheel.st_mtime_ns if wheel and wheel.st_nlink > 1 else 0
    for path, digest, size in altered.lines_of(info / "RECORD"):
        if not digest:
            continue
        try:
            seen = stat(path, dir_fd=site)
        except OSError:
            odd.append(path)
            continue
        if size and seen.st_size != int(size):
            odd.append(path)
        if is_fresh and seen.st_mtime_ns > since and (not since or seen.st_nlink > 1):
            changed = changed or in_a_record(info.parent / path) != digest
    return changed, odd


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
