"""What machines do to a build that is nobody's mistake in the project, in words of people."""

import errno
import io
import os
import re
import sys
from pathlib import Path

from labflake.errors import LabError
from labflake.project.experiments import relative, root

_FULL = "the disk is full, or your share of it\n  what is complete is kept; make room, then make"
_READ_ONLY = (
    "this disk can only be read\n  work on a copy of the project, or mount it to be written"
)
_REASONS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EIO: "the disk or the network gave an error\n  what is complete is kept; make goes on",
    errno.ESTALE: "the network drive lost this file\n  what is complete is kept; make goes on",
    errno.EMFILE: "more files are open than you may have\n  raise the limit: ulimit -n 4096",
    errno.ENFILE: "more files are open than this machine allows\n  wait, or build with JOBS=1",
    errno.ENAMETOOLONG: "this disk takes no name that long\n  give the file a shorter name",
    errno.ELOOP: "these links lead back to themselves\n  remove one of them",
}


class _Patient(io.TextIOWrapper):
    """A stream whose reader may leave (`make plan | head -3`): what follows is said to nobody."""

    left = False

    def write(self, text: str) -> int:
        """Write, as long as somebody reads."""
        try:
            return super().write(text)
        except BrokenPipeError:
            self._let_go()
            return len(text)

    def flush(self) -> None:
        """Write what waits, as long as somebody reads."""
        try:
            super().flush()
        except BrokenPipeError:
            self._let_go()

    def _let_go(self) -> None:
        self.left = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


_closed: dict = {}  # whose files would be closed with them


def mind_readers() -> None:
    """Let this command do its work to the end, also where nobody reads any more what it says."""
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:  # it was closed from the start: nothing else shall get its number
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            stream = _closed[name] = open(number, "w", closefd=False)  # noqa: SIM115
        own = _Patient(
            stream.buffer,
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )
        setattr(sys, name, own)


def explained(error: OSError) -> str | None:
    """Return what is wrong with the machine, and what to do; None if it is not the machine."""
    if error.errno == errno.ENOENT and _has_gone(error.filename):
        return (
            "generated/ was removed while this command used it\n"
            "  make builds it again; make clean would have waited"
        )
    place = _place(error.filename2 or error.filename)
    if error.errno in (errno.EACCES, errno.EPERM):
        return _not_ours(place)
    reason = _REASONS.get(error.errno or 0)
    if not reason:
        return None
    return f"{_shown(place)}: {reason}" if place else reason


def refuse_place(folder: Path) -> None:
    """Refuse a folder whose path programs cannot be told.

    Raises:
        LabError: it has a colon, by which paths are listed, or a character that cannot be printed.
    """
    if ":" not in str(folder) and str(folder).isprintable():
        return  # before every command; to compile the pattern takes milliseconds
    bad = re.search(r"[:\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", str(folder))
    if bad:
        raise LabError(
            f"the path of this project has a {bad[0]!a} in it: {str(folder)!a}\n"
            "  programs take it for the end of a path or of a line; nothing was done\n"
            "  move the project: letters, digits, blanks and - _ . are safe in names"
        )


def settle_in() -> None:
    """Give who has them not a name, a home and a place for caches: containers and clusters do."""
    own = str(root() / "generated" / ".home")
    if not _has_name():
        os.environ |= {"USER": "user", "LOGNAME": "user"}
    home = os.environ.setdefault("HOME", os.path.expanduser("~").replace("~", own))
    if "XDG_CACHE_HOME" not in os.environ and not _can_make(Path(home, ".cache")):
        os.environ["XDG_CACHE_HOME"] = os.path.join(own, ".cache")


def _has_name() -> bool:
    if any(os.environ.get(name) for name in ("LOGNAME", "USER", "LNAME", "USERNAME")):
        return True
    import pwd

    try:
        return bool(pwd.getpwuid(os.getuid()))
    except KeyError:
        return False


def _can_make(path: Path) -> bool:
    """Tell whether a folder can be written, or made."""
    there = next(p for p in (path, *path.parents) if os.path.exists(p))
    return os.access(there, os.W_OK | os.X_OK)


def _has_gone(name: str | bytes | int | None) -> bool:
    """Tell whether a result, or a note of a build, is looked for where everything was removed."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    place, generated = _place(name), root() / "generated"
    if not place or not place.is_relative_to(generated):
        return False
    return ".labflake" in place.parts or not place.parent.exists()


def _not_ours(place: Path | None) -> str:
    """Say to whom a file or the folder that it is in belongs."""
    there = next((p for p in (place, *place.parents) if _is_there(p)), None) if place else None
    if not place or not there:
        return "a file is not ours to read or to write"
    owner, me = there.lstat().st_uid, os.geteuid()
    text = f"{_shown(there)} is not yours to read or to write"
    if owner == me:
        return f"{text}\n  allow it: chmod u+rwX {_shown(there)}"
    return (
        f"{text}: it belongs to user {owner}, and you are {me}\n"
        "  another user made it, for example a build in a container\n"
        f"  take it over: sudo chown -R {me} {_shown(_topmost(there, owner))}"
    )


def _topmost(path: Path, owner: int) -> Path:
    """Return the highest folder of the project above a file that has the same owner."""
    above = [p for p in path.parents if p != root() and p.is_relative_to(root())]
    return next((p for p in reversed(above) if p.lstat().st_uid == owner), path)


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except OSError:
        return False
    return True


def _place(name: str | bytes | int | None) -> Path | None:
    """Return a path as it was from where we are; notes of an experiment are relative to it."""
    return Path(os.path.abspath(os.fsdecode(name))) if isinstance(name, str | bytes) else None


def _shown(path: Path) -> str:
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in relative(path))
