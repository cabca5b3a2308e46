"""What the tests of the cache share: a folder that uses a cache, damage, situations of a step."""

import contextlib
import os
import random
import shutil
import sys
import traceback
from pathlib import Path
from types import SimpleNamespace

from snakemake.iocontainers import Namedlist
from snakemake.utils import format as expand

from labflake.cache import Cache, limit
from labflake.cache.folder import Folder
from labflake.content.contents import Contents
from labflake.steps import keys
from labflake.steps.step import Step

KEY, OTHER, THIRD = "ab" * 32, "cd" * 32, "ef" * 32


class Project:
    """A generated folder that keeps results in a cache and restores them, as steps do."""

    def __init__(self, folder: Path, cache: Cache) -> None:
        (folder / ".labflake").mkdir(parents=True, exist_ok=True)
        self.folder, self.cache = folder, cache
        os.chdir(folder)
        self.contents = Contents(str(folder))

    def keep(self, key: str, *paths: str) -> None:
        """Keep what is at these paths as the result of a step."""
        made = {path: self.contents.digest(path) for path in paths}
        self.cache.store(key, "fit", made, 2.5, self.contents.digest)

    def made(self, key: str, **files: str) -> None:
        """Write files (`a_txt` for a.txt) and keep them."""
        names = {name.replace("_", "."): text for name, text in files.items()}
        for name, text in names.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        self.keep(key, *names)

    def restored(self, key: str, *paths: str) -> dict[str, tuple] | None:
        """Restore a result into a new folder; return all that is there then."""
        target = self.folder / ".labflake" / "running"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        places = {path: str(target / path) for path in paths}
        files = self.cache.restore(key, places)
        there = tree(target)
        assert files is not None or not there
        return None if files is None else there


def tree(folder: Path) -> dict[str, tuple]:
    """Return what is below a folder: kind, permission to execute and content by name."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("folder",)
        else:
            found[name] = ("file", bool(path.stat().st_mode & 0o100), path.read_bytes())
    return found


DAMAGES = {
    "emptied": lambda data: b"",
    "truncated": lambda data: data[: len(data) // 2],
    "longer": lambda data: data + b"x",
    "flipped": lambda data: data[:-2] + bytes([data[-2] ^ 1]) + data[-1:],
    "zeros": lambda data: bytes(len(data)),
}


def damage(folder: Path, how: str) -> int:
    """Damage every file below a folder; return how many."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        path.chmod(0o644)
        path.write_bytes(DAMAGES[how](path.read_bytes()))
    return len(files)


WORDS = ["a", "b", "a b", "b a", "a  b", "", "ä", '"a"', "a,b", "1", "01", "1.0"]
CHOICES = {
    "template": [
        "cat {input} > {output}",
        "cat {input} > {output[0]}",
        "cat {input.one} {input.two} > {output}",
        "cat {input.two} {input.one} > {output}",
        "echo {wildcards.x} {params.p} > {output}",
        "echo {params.p} {wildcards.x} > {output}",
        "fit -j {threads} {input} > {output}",
        "fit -m {resources.mem_mb} {input} > {output}",
    ],
    "names": [["a.txt", "b.txt"], ["b.txt", "a.txt"], ["a b.txt", "b.txt"], ["sub/a.txt", "b.txt"]],
    "one": WORDS,
    "two": WORDS,
    "outputs": [["x.txt"], ["y.txt"], ["x.txt", "y.txt"], ["y.txt", "x.txt"], ["x y.txt"]],
    "wildcard": WORDS,
    "parameter": WORDS,
    "threads": [1, 2],
    "memory": [100, 200],
    "container": ["", "docker://a", "docker://b"],
    "environment": ["one lock", "another lock"],
}


class Situation:
    """One step with everything that decides its result: one of few, with one thing changed."""

    def __init__(self, chance: random.Random) -> None:
        like = random.Random(chance.randrange(20))
        it = {name: like.choice(choices) for name, choices in CHOICES.items()}
        changed = chance.choice([*CHOICES])
        it[changed] = chance.choice(CHOICES[changed])
        self.inputs = dict(zip(it["names"], (it["one"], it["two"]), strict=True))
        self.outputs, self.container = it["outputs"], it["container"]
        self.environment = it["environment"]
        self.command = expand(
            it["template"],
            wildcards=Namedlist(fromdict={"x": it["wildcard"]}),
            params=Namedlist(fromdict={"p": it["parameter"]}),
            threads=it["threads"],
            resources=Namedlist(fromdict={"mem_mb": it["memory"]}),
            input=Namedlist(fromdict=dict(zip(("one", "two"), it["names"], strict=True))),
            output=Namedlist(it["outputs"]),
        )

    def result(self) -> bytes:
        """Return what such a step writes: different for everything that may change a result."""
        command, outputs = self.command, self.outputs
        return repr(
            (command, [*self.inputs.items()], outputs, self.container, self.environment)
        ).encode()

    def key(self, folder: Path) -> str:
        """Return the key that the pipeline gives the step, with the inputs in files."""
        for name, text in self.inputs.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        step = Step("fit", self.command, [*self.inputs], self.outputs, self.container)
        contents = Contents(str(folder))
        contents.digest = lambda path: contents_digest(contents, path)
        return keys.key_of(step, SimpleNamespace(contents=contents, environment=self.environment))


def contents_digest(contents: Contents, path: str) -> str:
    """Return the digest at once: nobody else writes here."""
    return Contents.digest(contents, path)


def storm(place: Path, folder: Path, seed: int, rounds: int, answers) -> None:
    """Use a cache as a build of one of many machines would; report what went wrong, or the hits."""
    try:
        answers.put(_storm(place, folder, seed, rounds))
    except Exception:
        answers.put(traceback.format_exc())


def _storm(place: Path, folder: Path, seed: int, rounds: int) -> int | str:
    chance = random.Random(seed)
    project = Project(folder / str(seed), Cache(Folder(place)))
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    hits = 0
    for _ in range(rounds):
        number = chance.randrange(12)
        key, size = f"{number:02x}" * 32, 1000 + number * 7919
        expected = random.Random(number).randbytes(size)
        found = project.restored(key, "a.bin", "b.bin")
        if found:
            hits += 1
            if [found["a.bin"][2], found["b.bin"][2]] != [expected, expected[::-1]]:
                return f"wrong bytes for {number}"
        else:
            (project.folder / "a.bin").write_bytes(expected)
            (project.folder / "b.bin").write_bytes(expected[::-1])
            project.keep(key, "a.bin", "b.bin")
        if chance.random() < 0.02:
            limit.shrink(project.cache.folder, 600_000)
        if chance.random() < 0.01:
            # Another one may have cleared it, or kept it anew.
            with contextlib.suppress(FileNotFoundError, PermissionError, StopIteration):
                path = next(place.rglob("?" * 62))
                path.chmod(0o644)
                path.write_bytes(path.read_bytes()[: chance.randrange(900)])
    return hits
