"""What is known about the contents of an experiment's files, kept in its manifest.

Standard library only: this is read before every build, and the answer is most often "no change".
"""

import hashlib
import json
import os
import time

MANIFEST = ".lab/manifest.json"
JOURNAL = ".lab/journal.jsonl"
VERSION = 2  # of the form of both; another one is as good as none
_TICK = 0.02  # s; a file that changed this recently may change again without a new timestamp
_BLOCK = 1 << 20


class Contents:
    """Digests of files, by path relative to the generated folder, and what each step made.

    A file whose size, modification time, change time and inode are as they were when it was
    hashed is not read again.
    """

    def __init__(self, generated: str) -> None:
        self.generated = generated
        self.stats: dict[str, list] = {}
        self.steps: dict[str, dict] = {}
        self.documents: dict[str, dict] = {}
        self.built: dict = {}
        self._load()

    def _load(self) -> None:
        try:
            with open(self._path(MANIFEST), encoding="utf-8") as file:
                found = json.load(file)
            if isinstance(found, dict) and found.pop("version", None) == VERSION:
                self.__dict__ |= found
        except (OSError, ValueError):
            pass
        try:
            with open(self._path(JOURNAL), encoding="utf-8") as file:
                for line in file:
                    entry = json.loads(line)
                    self.steps[next(iter(entry["outputs"]))] = entry
        except (OSError, ValueError):
            pass  # the last line of a killed build may be cut: the step is done again

    def save(self) -> None:
        """Write the manifest; the journal of finished steps is in it then."""
        keys = ("stats", "steps", "documents", "built")
        kept = {"version": VERSION} | {k: self.__dict__[k] for k in keys}
        text = json.dumps(kept, separators=(",", ":"))
        target = self._path(MANIFEST)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(target + ".new", target)
        if os.path.exists(self._path(JOURNAL)):
            os.unlink(self._path(JOURNAL))

    def _path(self, path: str) -> str:
        return os.path.join(self.generated, path)

    def same_stat(self, path: str) -> bool:
        """Tell whether the file looks as it did when it was hashed."""
        known = self.stats.get(path)
        return bool(known) and _stat(self._path(path)) == known[:4]

    def digest(self, path: str, complete: bool = False) -> str:
        """Return the sha256 of a file, or of all that a folder holds; "" if it is not there.

        Args:
            path: the file or folder.
            complete: nobody writes to it any more; else a file that has just been written is read
                a moment later, when a further change would get another time.
        """
        full = self._path(path)
        if os.path.isdir(full):
            parts = [(name, self.digest(f"{path}/{name}", complete)) for name in listing(full)]
            # The slash: no file has such a digest, not even one that lists the folder.
            return hashlib.sha256(json.dumps(parts).encode()).hexdigest() + "/"
        stat = _stat(full)
        if stat is None:
            self.stats.pop(path, None)
            return ""
        known = self.stats.get(path)
        if known and known[:4] == stat:
            return known[4]
        age = time.time() - max(stat[1], stat[2]) / 1e9
        if 0 <= age < _TICK and not complete:
            time.sleep(_TICK - age)
        stat, value = _stat(full), sha256(full)
        self.stats[path] = [*(stat or ()), value]
        return value

    def is_built(self, key: str, outputs: list[str]) -> bool:
        """Tell whether the outputs are what the step with this key made."""
        record = self.steps.get(outputs[0])
        if not record or record["key"] != key or list(record["outputs"]) != outputs:
            return False
        return all(self.digest(path) == found for path, found in record["outputs"].items())

    def record_step(self, key: str, step, outputs: dict[str, str]) -> None:
        """Note what a step made, before its outputs get their final names."""
        entry = {"key": key, "name": step.name, "command": step.command, "outputs": outputs}
        files = [path for path in step.found if not path.endswith("/")]
        entry["inputs"] = {path: self.digest(path) for path in [*step.inputs, *files]}
        entry["found"] = step.found
        entry["named"] = [path for path in step.inputs if path not in step.declared]
        line = (json.dumps(entry) + "\n").encode()
        journal = os.open(self._path(JOURNAL), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(journal, line)  # at once: other threads append, too
        finally:
            os.close(journal)
        self.steps[next(iter(outputs))] = entry

    def know(self, path: str, digest: str) -> None:
        """Note the digest of a file that this build wrote."""
        stat = _stat(self._path(path))
        if stat:
            self.stats[path] = [*stat, digest]

    def moved(self, old: str, new: str) -> None:
        """Note that an output which was hashed under its old path has its final one."""
        for name in self.files([new]):
            known, stat = self.stats.pop(old + name[len(new) :], None), _stat(self._path(name))
            if known and stat and _but_for_ctime(known) == _but_for_ctime(stat):
                self.stats[name] = [*stat, known[4]]

    def touch(self, paths: list[str]) -> None:
        """Give outputs the present time, and go on knowing what is in them."""
        for path in paths:
            known = self.stats.get(path) if self.same_stat(path) else None
            os.utime(self._path(path))
            if known:
                self.know(path, known[4])

    def files(self, paths: list[str]) -> list[str]:
        """Return the files among the paths, and those in the folders among them."""
        found = []
        for path in paths:
            full = self._path(path)
            names = [f"{path}/{n}" for n in listing(full)] if os.path.isdir(full) else [path]
            found += names
        return found


def listing(folder: str) -> list[str]:
    """Return the files below a folder, sorted, with `/` between the parts of their names."""
    found = []
    for place, folders, files in os.walk(folder, followlinks=True):
        folders.sort()
        # Snakemake dates the folders that steps make with a file of its own.
        names = [f for f in files if f != ".snakemake_timestamp"]
        found += [os.path.relpath(os.path.join(place, f), folder) for f in names]
    return sorted(found)


def sha256(path: str) -> str:
    """Return the sha256 of a file."""
    with open(path, "rb", buffering=0) as file:
        value = hashlib.sha256()
        while block := file.read(_BLOCK):
            value.update(block)
    return value.hexdigest()


def _stat(path: str) -> list[int] | None:
    try:
        s = os.stat(path)
    except OSError:
        return None
    return [s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino]


def _but_for_ctime(stat: list) -> tuple:
    """Return what a new name does not change."""
    return stat[0], stat[1], stat[3]
