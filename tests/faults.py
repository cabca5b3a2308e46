"""Kill builds at random moments and see whether a plain `make` heals everything.

As a program: `python tests/faults.py PROJECT [COUNT] [SEED]`, where PROJECT has been built before.
"""

import contextlib
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import building
from waiting import PATIENCE, until

NAME = "2024-02-29-Slow-Writers"
MARK = "FAULT_TRIAL"  # in the environment of every process of a trial

SNAKEFILE = '''
"""Steps that write slowly: files, a folder, two outputs, as many as an earlier step says."""

from labflake import code, step


def parts(wildcards):
    with open(checkpoints.count.get().output[0]) as file:
        return [f"assets/data/part/{word}.txt" for word in file.read().split()]


rule all:
    input:
        "assets/data/sum.txt",
        "assets/data/folder",
        "assets/data/copies.txt",


checkpoint count:
    output: "assets/data/words.txt",
    shell: step("for w in one two three; do echo $w >> {output}; sleep 0.05; done")


rule part:
    input: code=code("slow.py"),
    output: "assets/data/part/{word}.txt",
    shell: step("python -S {input.code[0]} {output} 5 {wildcards.word}")


rule sum:
    input: parts, code=code("slow.py"),
    output: "assets/data/sum.txt", "assets/data/lines.txt",
    shell: step("cat assets/data/part/*.txt | tee {output[0]} | wc -l > {output[1]}; sleep 0.05")


rule folder:
    output: directory("assets/data/folder"),
    shell:
        step(
            "mkdir {output}; for i in 1 2 3 4; do sleep 0.05; echo file $i > {output}/$i.txt; done;"
            " ln -s 1.txt {output}/first; chmod +x {output}/2.txt"
        )


rule copies:
    input: "assets/data/folder", "assets/data/sum.txt",
    output: "assets/data/copies.txt",
    shell: step("for f in {input[0]}/*.txt {input[1]}; do cat $f >> {output}; sleep 0.03; done")
'''
SLOW = """
import sys
import time

with open(sys.argv[1], "w") as file:
    for number in range(int(sys.argv[2])):
        file.write(f"line {number} of {sys.argv[3]}\\n")
        file.flush()
        time.sleep(0.06)
"""
HOW = ["kill engine", "kill group", "kill make", "kill step", "kill everything"]
HOW += [
    "interrupt group",
    "interrupt engine",
    "terminate engine",
    "terminate group",
    "hang up group",
]
SIGNALS = {
    "kill": signal.SIGKILL,
    "interrupt": signal.SIGINT,
    "terminate": signal.SIGTERM,
    "hang": signal.SIGHUP,
}


@dataclass
class Trial:
    """One build that is disturbed, and then healed by a plain `make`."""

    project: Path
    how: str
    moment: float  # s after the start
    cold: bool  # nothing is in the cache and in generated/

    def run(self, expected: dict[str, str]) -> None:
        """Disturb a build, make again, and compare every artifact.

        Raises:
            AssertionError: something is left to do by hand.
        """
        if self.cold:
            shutil.rmtree(self.project / "generated" / NAME, ignore_errors=True)
            shutil.rmtree(self.project / "cache", ignore_errors=True)
        else:
            touch_up(self.project)
        self._disturb()
        healed = make(self.project)
        assert healed.returncode == 0, f"{self}\n{healed.stdout}{healed.stderr}"
        different = artifacts(self.project).items() ^ expected.items()
        assert not different, f"{self}\n{healed.stdout}{different}"
        again = make(self.project)
        assert again.stdout.splitlines()[-1:] == ["up to date"], f"{self}\n{again.stdout}"
        self._look_for_leftovers()

    def _disturb(self) -> None:
        mark = f"{MARK}={os.urandom(8).hex()}"
        process = start(self.project, mark)
        time.sleep(self.moment)
        word, *_, target = self.how.split()
        disturb(process, mark, self.how)
        if word != "kill" or target in ("group", "everything"):
            process.wait(PATIENCE)

    def _look_for_leftovers(self) -> None:
        running = self.project / "generated" / NAME / ".labflake" / "running"
        assert not running.exists() or not any(running.iterdir()), f"{self}: {running}"
        until(lambda: not any(marked(MARK.encode() + b"=")), said=lambda: f"{self}: it still runs")


def disturb(process: subprocess.Popen, mark: str, how: str) -> None:
    """Send a signal to a build, or to a part of it."""
    word, *_, target = how.split()
    for victim in victims(process, mark.encode(), target):
        with contextlib.suppress(ProcessLookupError):  # the build was quicker
            os.kill(victim, SIGNALS[word])


def touch_up(project: Path) -> None:
    """Change the experiment, so that some steps run again, with the same results."""
    program = project / "scripts" / NAME / "slow.py"
    program.write_text(SLOW + f"# {time.time_ns()}\n", encoding="utf-8")
    shutil.rmtree(project / "cache", ignore_errors=True)


def options(project: Path, name: str = NAME) -> dict[str, str]:
    """Return the options of every build of a trial."""
    return {"EXPERIMENT": name, "CACHE": str(project / "cache"), "JOBS": "2"}


def start(
    project: Path, mark: str, experiment: str = NAME, output: int | IO = subprocess.DEVNULL
) -> subprocess.Popen:
    """Start `make` as a terminal does: with a process group of its own."""
    name, value = mark.split("=")
    return subprocess.Popen(
        ["make"],
        cwd=project,
        env=building.variables(**options(project, experiment)) | {name: value},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def make(project: Path) -> subprocess.CompletedProcess[str]:
    """Run a plain `make`."""
    return building.make(project, **options(project))


def victims(process: subprocess.Popen, mark: bytes, target: str) -> list[int]:
    """Return the processes to which the signal goes."""
    if target == "group":
        return [-process.pid]
    if target == "make":
        return [process.pid]
    commands = dict(marked(mark))
    engines = [p for p, command in commands.items() if b"labflake\0--make\0build" in command]
    if target == "engine":
        return engines
    if target == "everything":
        return list(commands)
    others = [p for p, c in commands.items() if c.startswith((b"bash", b"python\0-S"))]
    return random.sample(others, min(1, len(others)))


def marked(mark: bytes) -> Iterator[tuple[int, bytes]]:
    """Give the processes with the mark in their environment, with their command lines."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            environment = Path("/proc", name, "environ").read_bytes()
            if int(name) != os.getpid() and any(
                e.startswith(mark) for e in environment.split(b"\0")
            ):
                yield int(name), Path("/proc", name, "cmdline").read_bytes()
        except OSError:
            pass  # it has just ended


def artifacts(project: Path, name: str = NAME) -> dict[str, str]:
    """Return what each artifact is: its sha256, where a link leads, whether it can be executed."""
    folder = project / "generated" / name / "assets"
    found = {}
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[inner] = os.readlink(path)
        elif path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[inner] = digest + ("x" if os.access(path, os.X_OK) else "")
    return found


def prepare(project: Path) -> tuple[dict[str, str], float]:
    """Write the experiment and build it undisturbed; return the artifacts and the seconds."""
    building.experiment(project, NAME, Snakefile=SNAKEFILE, slow_py=SLOW, hashes_txt="")
    started = time.monotonic()
    done = make(project)
    assert done.returncode == 0, done.stdout + done.stderr
    return artifacts(project), time.monotonic() - started


def campaign(project: Path, count: int, seed: int) -> Iterator[Trial]:
    """Give trials, each after it was run: every way to disturb a build, at random moments."""
    chance = random.Random(seed)
    random.seed(seed)
    expected, seconds = prepare(project)
    ways = [HOW[number % len(HOW)] for number in range(count)]
    for number, how in enumerate(ways):
        trial = Trial(project, how, chance.uniform(0.05, seconds * 1.05), cold=number % 3 > 0)
        trial.run(expected)
        yield trial


def main(argv: list[str]) -> None:
    """Run a campaign on a copy of a project and print each trial."""
    project, count, seed = Path(argv[0]), int([*argv, "100"][1]), int([*argv, "100", "0"][2])
    with tempfile.TemporaryDirectory() as folder:
        copy = building.copy(project.resolve(), Path(folder) / "project", generated=False)
        for number, trial in enumerate(campaign(copy, count, seed), start=1):
            print(f"{number:>4}  {trial.how:<18} after {trial.moment:.2f} s", flush=True)
    print(f"{count} builds disturbed; each was healed by one make, with the same artifacts")


if __name__ == "__main__":
    main(sys.argv[1:])
