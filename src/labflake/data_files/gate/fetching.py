"""Fetch declared data into a temporary place, verify it there, then move it into place."""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from labflake.content.atomic import flush, move, remove
from labflake.content.folders import walk
from labflake.content.meter import Meter
from labflake.data_files.gate import drift, hashes, origins, record, statcache, versions
from labflake.data_files.gate.inventory import DATA
from labflake.data_files.gate.tree import stamp
from labflake.data_files.gate.wording import short, shown
from labflake.data_files.sources.job import Job, Source
from labflake.data_files.sources.local import File, Folder, Manual
from labflake.errors import LabError
from labflake.project import surroundings
from labflake.project.experiments import Experiment

_NOT_OURS = (errno.EACCES, errno.EPERM)
SCRATCH = f"{DATA}.fetch"

Verified = dict[str, statcache.Known]


def ensure(
    experiment: Experiment, declared: dict[str, Source], known: record.Record, locked: bool
) -> Verified | None:
    """Fetch every source whose data is not there, or whose declaration changed.

    Returns:
        What was verified on the way, by name: it need not be read again at once. None if
        nothing had to be fetched.

    Raises:
        LabError: Data cannot be fetched, or is not what is recorded.
    """
    fetched = origins.Fetched(experiment)
    verified: Verified | None = None
    for name, source in declared.items():
        _check_digest(name, source, known)
        changed = fetched.differs(name, source, known)
        if not _is_there(experiment, name) or changed:
            if locked and not known.below(DATA + name):
                raise LabError(
                    f"assets/data/{name} is not recorded, and LOCKED or CI is set\n"
                    "  record it: make without them, then commit hashes.txt"
                )
            if not changed and is_kept(experiment, name, known):
                same = fetched.knows(name, source)
                found = _recall_or_fetch(experiment, name, source, known, same)
            else:
                found = fetch(experiment, name, source, known)
            verified = (verified or {}) | found
    clear(experiment)
    return verified


def _recall_or_fetch(
    experiment: Experiment, name: str, source: Source, known: record.Record, same: bool
) -> Verified:
    """Get data that is not there, and of which all is kept.

    If it is not known to be of the `same` source, that is asked first; what is used where it is
    comes from there.

    Raises:
        LabError: What is used where it is cannot be reached.
    """
    if same and not is_link(source):
        return recall(experiment, name, known)
    why = "its source has something else now; make fetch shows it"
    try:
        if found := attempt(experiment, name, source, known):
            return found
    except LabError as error:
        if is_link(source):
            raise
        why = str(error).splitlines()[0]
    return recall(experiment, name, known, why)


def is_link(source: Source) -> bool:
    """Return whether data is used where it is."""
    return isinstance(source, File | Folder) and not source.copy


def is_kept(experiment: Experiment, name: str, known: record.Record) -> bool:
    """Return whether everything that is recorded of one source is kept."""
    wanted = known.below(DATA + name).values()
    return bool(wanted) and all(map(versions.of(experiment).has, wanted))


def recall(experiment: Experiment, name: str, known: record.Record, why: str = "") -> Verified:
    """Bring back what is kept of one source; nothing of it is there."""
    wanted, kept = known.below(DATA + name), versions.of(experiment)
    scratch = _scratch(experiment, name)
    target = scratch / "new"
    with explained(name):
        remove(target)
        for each, digest in wanted.items():
            path = Path(f"{target}{each.removeprefix(DATA + name)}")
            path.parent.mkdir(parents=True, exist_ok=True)
            kept.bring(digest, path)
        place(target, experiment.generated / DATA / name)
        remove(scratch)
    print(f"brought back {DATA}{name}   as it was kept{why and f': {why}'}", flush=True)
    return _as_verified(experiment, wanted)


def absent(experiment: Experiment, declared: dict[str, Source]) -> set[str]:
    """Return the names of data that is not there and can be fetched."""
    return {name for name in fetchable(declared) if not _is_there(experiment, name)}


def fetchable(declared: dict[str, Source]) -> list[str]:
    """Return the names of data that no person has to bring."""
    return [name for name, source in declared.items() if not isinstance(source, Manual)]


def clear(experiment: Experiment) -> None:
    """Remove partial downloads and unpacked archives."""
    remove(experiment.generated / SCRATCH)


def fetch(experiment: Experiment, name: str, source: Source, known: record.Record) -> Verified:
    """Fetch one source, and move it into place if it is what is recorded.

    Raises:
        LabError: It cannot be fetched, or differs from the record.
    """
    found = attempt(experiment, name, source, known)
    if found is None:
        with explained(name):
            place(_scratch(experiment, name) / "new", drift.aside(experiment, name))
        drift.refuse(experiment, {name: source}, known)
    return found or {}


def attempt(
    experiment: Experiment, name: str, source: Source, known: record.Record
) -> Verified | None:
    """Fetch one source, and move it into place if it is what is recorded; else return None.

    Raises:
        LabError: It cannot be fetched.
    """
    scratch = _scratch(experiment, name)
    target, final = scratch / "new", experiment.generated / DATA / name
    with explained(name):
        scratch.mkdir(parents=True, exist_ok=True)
        remove(target)
        _fetch_into(target, experiment, name, source)
        expected = known.below(DATA + name)
        found = digests(target, name) if expected else {}
        if found != expected:
            return None
        versions.of(experiment).rescue(final, set(expected.values()))
        place(target, final)
        remove(scratch)
    print(f"fetched {DATA}{name}   {source.described()}", flush=True)
    return _as_verified(experiment, found)


def _fetch_into(target: Path, experiment: Experiment, name: str, source: Source) -> None:
    """Let the source write its data; of a failure only what helps the next try stays."""
    try:
        source.fetch(Job(experiment, name, target, target.parent))
    except BaseException:
        remove(target)
        with contextlib.suppress(OSError):  # something is in it: the beginning of a download
            target.parent.rmdir()
            target.parent.parent.rmdir()
        raise


def _scratch(experiment: Experiment, name: str) -> Path:
    return experiment.generated / SCRATCH / _slug(name)


@contextlib.contextmanager
def explained(name: str = "") -> Iterator[None]:
    """Turn errors of the disk into messages; about one source, where its name is given.

    Raises:
        LabError: The disk is full, or a file cannot be read or written.
    """
    try:
        yield
    except OSError as error:
        what = f"{DATA}{name}" if name else "the data"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise LabError(
                f"the disk is full: {what} could not be written\n"
                "  nothing is lost; free some space, then make"
            ) from None
        if told := surroundings.explained(error):
            raise LabError(f"{what}: {told}") from None
        place = f" {shown(os.fsdecode(error.filename))}" if error.filename else ""
        way = (
            "\n  make it readable and writable for you, then make"
            if error.errno in _NOT_OURS
            else ""
        )
        raise LabError(f"{what}:{place}: {error.strerror or error}{way}") from None


def place(target: Path, final: Path) -> None:
    """Move a fetched file or folder to its name; what has that name is replaced."""
    final.parent.mkdir(parents=True, exist_ok=True)
    if target.is_file() and not target.is_symlink():
        flush(target)
    old = target.with_name("old")
    if final.is_dir() and not final.is_symlink():
        remove(old)
        move(final, old)
    elif target.is_dir() and not target.is_symlink():
        remove(final)
    move(target, final)
    remove(old)


def _as_verified(experiment: Experiment, found: dict[str, str]) -> Verified:
    return {
        name: statcache.Known(digest, stamp(os.stat(experiment.generated / name)))
        for name, digest in found.items()
    }


def _check_digest(name: str, source: Source, known: record.Record) -> None:
    """Refuse a digest in config.yaml that contradicts the record."""
    expected = getattr(source, "sha256", "").lower()
    recorded = known.digests.get(DATA + name, expected)
    if expected and recorded != expected:
        raise LabError(
            f"assets/data/{name}: config.yaml expects {short(expected)}, "
            f"hashes.txt has {short(recorded)}\n"
            "  they have to agree: correct one of them"
        )


def digests(path: Path, name: str) -> dict[str, str]:
    """Return the digests of a file, or of all files in a folder, by their final names."""
    if path.is_dir():
        sizes = {each: stat.st_size for each, stat in walk(str(path))}
    else:
        sizes = {str(path): path.stat().st_size}
    with Meter(f"verifying {name}", sum(sizes.values())) as meter:
        answers = hashes.sha256s(sizes, meter.add)
    found: dict[str, str] = {}
    for each, answer in answers.items():
        if isinstance(answer, OSError):
            raise answer
        found[f"{DATA}{name}{each.removeprefix(str(path))}"] = answer
    return found


def _is_there(experiment: Experiment, name: str) -> bool:
    return (experiment.generated / DATA / name).exists()


def _slug(name: str) -> str:
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
