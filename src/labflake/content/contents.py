"""What is known about the contents of an experiment's files, kept in its manifest.

Standard library only: this is read before every build, and the answer is most often "no change".
"""

import hashlib
import json
import os
import stat as modes
import time
from collections.abc import Iterable

from labflake.content import folders, notes, rights
from labflake.content.digests import TICK, is_settled, mark, sha256
from labflake.content.filesystems import trusted
from labflake.errors import LabError

_LARGE = 4_000_000  # bytes; to hash more takes longer than to wait for a tick
_DIGESTS = 2  # how a digest comes about: those of another way are found out again
_FEW, _SMALL = 20, 100_000  # files, and bytes in all of them, that are read in no time
_UNSETTLED = [0, 0, 0]  # instead of times and inode: such a stat is that of no file


class Contents:
    """Digests of files, by path relative to the generated folder, and what was made from them.

    A stat stands for a content only on a file system that is to be trusted, and only if the file
    had not changed for a tick of its clock when it was hashed. Else the file is hashed again.

    Attributes:
        stats: size, mtime, ctime, inode and digest of each file.
        steps: by its first output, what each step was made from and what it made.
        documents: by name, the same of each document.
        graph: what the steps of a complete build follow from, and which they are.
        packages: by a short name, what steps and documents ask for of the packages, and the pins.
        environment: what `.venv` was when all these were the pins of what it holds.
        data: the digests with which the gate let the data of the last build pass.
        guarded: the same, and of each file; only while a build runs.
        digests: how those came about.
    """

    def __init__(self, generated: str) -> None:
        self.generated = generated
        self.stats: dict[str, list] = {}
        self.steps: dict[str, dict] = {}
        self.documents: dict[str, dict] = {}
        self.graph: dict = {}
        self.packages: dict[str, dict] = {}
        self.environment = ""
        self.data: dict[str, str] = {}
        self.guarded: dict[str, str] = {}
        self._state = notes.state(generated)
        self.digests = 0
        self.__dict__ |= notes.read_manifest(generated)
        if self.digests != _DIGESTS:
            self.stats, self.digests = {}, _DIGESTS
        self._temporary: dict[str, str] = {}
        self._makers: dict[str, str] = {}
        for entry in [*self.steps.values(), *notes.read_journal(generated)]:
            self._add_step(entry)

    def is_last(self) -> bool:
        """Tell whether nobody wrote notes since these were read."""
        return self._state == notes.state(self.generated)

    def save(self) -> None:
        """Write the manifest; the journal of finished steps is in it then."""
        self._settle()
        made = (*self.steps.values(), *self.documents.values(), self.graph)
        used = {each.get("packages") for each in made}
        self.packages = {name: note for name, note in self.packages.items() if name in used}
        keys = (
            "stats",
            "steps",
            "documents",
            "graph",
            "packages",
            "environment",
            "data",
            "digests",
        )
        notes.write_manifest(self.generated, {key: self.__dict__[key] for key in keys})

    def _settle(self) -> None:
        """Look again at files that had just been written when they were hashed.

        Of a few it takes less to read them in every build than to wait until they have settled.
        """
        fresh = [path for path, known in self.stats.items() if known[1:4] == _UNSETTLED]
        if len(fresh) <= _FEW and sum(self.stats[path][0] for path in fresh) <= _SMALL:
            return
        times = [stat.st_ctime_ns for path in fresh if (stat := _stat(self._path(path)))]
        left = max(times, default=0) + TICK - time.time_ns()
        if left > 0:
            time.sleep(min(left, TICK) / 1e9)
        for path in fresh:
            self.digest(path)

    def _path(self, path: str) -> str:
        # As `os.path.join`, in a fifth of the time: this is asked for every file of every step.
        return path if path[:1] == "/" else f"{self.generated}/{path}"

    def digest(self, path: str) -> str:
        """Return the sha256 of a file, or one for all that is in a folder; "" if it is missing.

        Raises:
            LabError: it cannot be read, or is neither a file nor a folder.
        """
        stat = _stat(self._path(path))
        if stat is None:
            self.stats.pop(path, None)
            meant = [(each, self.digest(each)) for each in _meant(path)]
            return folders.digest_of(meant) if meant else ""
        if modes.S_ISDIR(stat.st_mode):
            parts = folders.listed(self._path(path))
            return folders.digest_of((p, self._of_file(f"{path}/{p}", stat)) for p, stat in parts)
        return self._of_file(path, stat)

    def present(self, path: str) -> str:
        """Return the digest of a file or folder; of one that Snakemake removes, what was made."""
        return self.digest(path) or self._temporary.get(path, "")

    def is_temporary(self, path: str) -> bool:
        """Tell whether a file is removed when nothing needs it any more."""
        return path in self._temporary

    def _of_file(self, path: str, stat: os.stat_result | None) -> str:
        known = self.stats.get(path)
        if known and stat and known[:4] == mark(stat) and trusted(self._path(path), stat):
            return known[4]
        return self._read(path) if stat else ""

    def _read(self, path: str) -> str:
        """Hash a file, and note its stat if that will show the next change."""
        full = self._path(path)
        try:
            stat = os.stat(full)
            if not modes.S_ISREG(stat.st_mode):
                raise LabError(f"{path} is neither a file nor a folder\n  remove it, then make")
            age = time.time_ns() - stat.st_ctime_ns
            if stat.st_size > _LARGE and 0 <= age < TICK:
                time.sleep((TICK - age) / 1e9)
            moment, stat, value = time.time_ns(), os.stat(full), sha256(full)
            same = mark(stat) == mark(os.stat(full))
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise LabError(folders.unreadable(path, error)) from None
        value += rights.part_of_digest(path, full, stat)
        self._note(path, stat, value, same and is_settled(stat.st_ctime_ns, moment))
        return value

    def _note(self, path: str, stat: os.stat_result, value: str, settled: bool) -> None:
        known = mark(stat) if settled else [stat.st_size, *_UNSETTLED]
        self.stats[path] = [*known, value]

    def know(self, path: str, digest: str) -> None:
        """Note the digest of a file that this build wrote, and that nobody else writes to."""
        stat = _stat(self._path(path))
        if stat:
            self._note(path, stat, digest, stat.st_size > _LARGE)

    def believe(self, path: str, stamp: tuple[int, ...], digest: str) -> None:
        """Take over what was found out elsewhere: the digest of a file that has this stamp."""
        self.stats[path] = [*stamp[:4], digest]

    def moved(self, old: str, new: str) -> None:
        """Note that an output which was hashed under its old path has its final one."""
        for name in self.files([new]):
            known, stat = self.stats.pop(old + name[len(new) :], None), _stat(self._path(name))
            if known and known[1:4] == _UNSETTLED:
                self.stats[name] = known
            elif known and stat and _but_for_ctime(known) == _but_for_ctime(mark(stat)):
                self.stats[name] = [*mark(stat), known[4]]

    def is_built(self, key: str, outputs: list[str]) -> bool:
        """Tell whether the outputs are what the step with this key made."""
        record = self.steps.get(outputs[0])
        if not record or record["key"] != key or list(record["outputs"]) != outputs:
            return False
        return all(self.digest(path) == found for path, found in record["outputs"].items())

    def record_step(self, entry: dict) -> None:
        """Note what a step made and from what, before its outputs get their final names."""
        notes.append_to_journal(self.generated, entry)
        self._add_step(entry)

    def know_packages(self, note: dict) -> str:
        """Keep what is noted of packages; return the name under which it is kept."""
        name = hashlib.sha256(json.dumps(note, sort_keys=True).encode()).hexdigest()[:16]
        self.packages[name] = note
        return name

    def _add_step(self, entry: dict) -> None:
        if isinstance(entry["packages"], dict):  # in the journal
            entry["packages"] = self.know_packages(entry["packages"])
        first = next(iter(entry["outputs"]))
        self.steps[first] = entry
        self._makers |= dict.fromkeys(entry["outputs"], first)
        self._temporary |= {path: entry["outputs"][path] for path in entry["temporary"]}
        self._temporary |= entry.get("inside", {})

    def made(self) -> dict[str, str]:
        """Return what steps made, by its digest, be it still there or not."""
        return {p: d for step in self.steps.values() for p, d in step["outputs"].items()}

    def maker(self, path: str) -> dict | None:
        """Return the record of the step that made a file or folder, if one did."""
        step = self.steps.get(self._makers.get(path, ""))
        return step if step and path in step["outputs"] else None

    def marks(self, paths: Iterable[str]) -> dict[str, list | None]:
        """Return of each file what changes whenever somebody writes to it or replaces it."""
        found: dict[str, list | None] = {}
        for path in paths:
            stat = _stat(self._path(path))
            files = [(path, stat)]
            if stat and modes.S_ISDIR(stat.st_mode):
                inside = folders.listed(self._path(path))
                files = [(f"{path}/{name}", each) for name, each in inside]
            for name, each in files:
                found[name] = each and self._write_mark(name, each)
        return found

    def _write_mark(self, path: str, stat: os.stat_result) -> list[int]:
        rights = [stat.st_nlink, stat.st_mode, stat.st_uid, stat.st_gid]
        changed = stat.st_ctime_ns if trusted(self._path(path), stat) else 0
        return [*_but_for_ctime(mark(stat)), changed, *rights]

    def files(self, paths: Iterable[str]) -> list[str]:
        """Return the files among the paths, and those in the folders among them."""
        found = []
        for path in paths:
            full = self._path(path)
            if os.path.isdir(full):
                found += [f"{path}/{n}" for n in folders.listing(full)]
            else:
                found += self.files(_meant(path)) or [path]
        return found

    def paths(self) -> set[str]:
        """Return all that the steps and documents were made from, and what they made."""
        made = [*self.steps.values(), *self.documents.values()]
        kinds = ("inputs", "reads", "outputs")
        found = {path for each in made for kind in kinds for path in each.get(kind, ())}
        return found | self.graph.get("files", {}).keys() | self.data.keys()

    def forget_others(self) -> None:
        """Drop the digests of files that nothing was made from."""
        paths = self.paths()
        known = {*self.files(paths - self.stats.keys())} | paths
        self.stats = {path: stat for path, stat in self.stats.items() if path in known}


def _meant(path: str) -> tuple[str, ...]:
    """Return what a pattern outside the project means; nothing if the path is none."""
    if not {*path} & {*"*?["}:
        return ()
    from labflake.content.patterns import meant

    return meant(path)


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def _but_for_ctime(mark: list) -> list[int]:
    return [mark[0], mark[1], mark[3]]
