"""What is known about the contents of an experiment's files, kept in its manifest.

Standard library only: this is read before every build, and the answer is most often "no change".
"""

import hashlib
import json
import os
import time

MANIFEST = ".lab/manifest.json"
JOURNAL = ".lab/journal.jsonl"
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
                self.__dict__ |= json.load(file)
        except (OSError, ValueError):
            pass
        try:
            with open(self._path(JOURNAL), encoding="utf-8") as file:
                for line in file:
                    entry = json.loads(line)
                    self.steps[next(iter(entry["outputs"]))] = entry
        except (OSError, ValueError):
            pass  # the last line of a killed build may be cut

    def save(self) -> None:
        """Write the manifest; the journal of finished steps is in it then."""
        keys = ("stats", "steps", "documents", "built")
        text = json.dumps({k: self.__dict__[k] for k in keys}, separators=(",", ":"))
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

    def digest(self, path: str) -> str:
        """Return the sha256 of a file, or of the names and digests in a folder; "" if it is not there."""
        full = self._path(path)
        if os.path.isdir(full):
            parts = [(f"{path}/{name}", name) for name in listing(full)]
            lines = (f"{self.digest(inner)}  {name}\n" for inner, name in parts)
            return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
        stat = _stat(full)
        if stat is None:
            self.stats.pop(path, None)
            return ""
        known = self.stats.get(path)
        if known and known[:4] == stat:
            return known[4]
        age = time.time() - max(stat[1], stat[2]) / 1e9
        if 0 <= age < _TICK:
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

    def record_step(
        self, key: str, name: str, command: str, inputs: list[str], outputs: dict[str, str]
    ) -> None:
        """Note what a step made, before its outputs get their final names."""
        entry = {"key": key, "name": name, "command": command, "outputs": outputs}
        entry["inputs"] = {path: self.digest(path) for path in inputs}
        with open(self._path(JOURNAL), "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        self.steps[next(iter(outputs))] = entry

    def moved(self, folder: str) -> None:
        """Note that what was hashed under the folder now has its final name."""
        for path in [p for p in self.stats if p.startswith(folder + "/")]:
            self.stats[path.removeprefix(folder + "/")] = self.stats.pop(path)

    def settle(self, paths: list[str]) -> None:
        """Take the present timestamps of outputs that this build wrote, hashed and then touched."""
        for path in paths:
            full = self._path(path)
            names = [f"{path}/{n}" for n in listing(full)] if os.path.isdir(full) else [path]
            for name in names:
                stat, known = _stat(self._path(name)), self.stats.get(name)
                if stat and known and known[0] == stat[0] and known[3] == stat[3]:
                    self.stats[name] = [*stat, known[4]]


def listing(folder: str) -> list[str]:
    """Return the files below a folder, sorted, with `/` between the parts of their names."""
    found = []
    for place, folders, files in os.walk(folder, followlinks=True):
        folders.sort()
        found += [os.path.relpath(os.path.join(place, f), folder) for f in files]
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
