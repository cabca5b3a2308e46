"""A small experiment that is edited, killed and built at random, beside a model of its results.

The model is plain arithmetic on what the files say: whatever a build claims is compared with it.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

import building
from waiting import until

NAME = "2024-02-29-Arithmetic"
MARK = "EXACTNESS_TRIAL"  # in the environment of every process that a trial starts
SITES = ("a", "b")

SNAKEFILE = '''
"""Sums whose number of parts is found while they are made."""

from labflake import code, data, step

include: "../common.smk"


def parts(wildcards):
    folder = checkpoints.split.get().output[0]
    names = glob_wildcards(os.path.join(folder, "{i}.json")).i
    return sorted(f"assets/data/part/{i}.json" for i in names)


rule all:
    input: "assets/data/total.json",

rule fit:
    input: raw=data("raw.json"), code=code("fit.py"),
    output: "assets/data/{site}/fit.json",
    params: k=config["k"], seed=config["seed"], bonus=BONUS,
    shell:
        step(
            "sleep 0.05; python {input.code[0]} {input.raw} {output}"
            " {params.k} {params.seed} {params.bonus} {wildcards.site}"
        )

checkpoint split:
    input: expand("assets/data/{site}/fit.json", site=["a", "b"]), "../../scripts/NAME/parts.txt",
    output: directory("assets/data/split"),
    shell:
        step(
            "mkdir {output}; for i in $(seq $(cat {input[2]})); do"
            " echo $(( $(cat {input[0]}) + $(cat {input[1]}) + i )) > {output}/$i.json; done"
        )

rule part:
    input: "assets/data/split/{i}.json",
    output: "assets/data/part/{i}.json",
    shell: step("echo $(( $(cat {input}) * 2 )) > {output}")

rule total:
    input: parts,
    output: "assets/data/total.json",
    shell: step("sleep 0.05; cat {input} | awk '{{s += $1}} END {{print s}}' > {output}")
'''.replace("NAME", NAME)
FIT = """
    import sys
    from study.factor import FACTOR

    OFFSET = {offset}
    source, target, *numbers, site = sys.argv[1:]
    k, seed, bonus = map(int, numbers)
    with open(source) as file:
        raw = int(file.read())
    with open(target, "w") as file:
        print(raw * k + seed + bonus + FACTOR + OFFSET + ord(site), file=file)
"""
REPORT = """
    ---
    title: Arithmetic
    ---

    ```python
    #| show: none
    import time
    from labflake import load

    total = load("total")
    time.sleep(0.1)
    ```

    # Result

    The total is `{{python}} str(total)` and the word is word{word}.
"""


@dataclass(frozen=True)
class Sources:
    """Everything that a person can change, and that changes a result."""

    raw: int = 7  # the data
    k: int = 2  # a setting
    factor: int = 3  # in a module of src
    offset: int = 5  # in the program
    bonus: int = 11  # in a Snakefile that is included from elsewhere
    parts: int = 2  # how many steps there are
    word: int = 0  # in the report; 0: there is none

    def files(self, project: Path) -> dict[Path, str]:
        """Return the text of each file that holds them; a file without text is not there."""
        scripts = project / "scripts" / NAME
        return {
            scripts / "Snakefile": SNAKEFILE.lstrip(),
            project / "scripts" / "common.smk": f"BONUS = {self.bonus}\n",
            project / "src" / "study" / "factor.py": f'"""A number."""\n\nFACTOR = {self.factor}\n',
            scripts / "fit.py": _text(FIT.format(offset=self.offset)),
            scripts / "parts.txt": f"{self.parts}\n",
            scripts / "report.md": _text(REPORT.format(word=self.word)) if self.word else "",
            scripts / "config.yaml": (
                f"seed: 1\nk: {self.k}\ndata:\n  raw.json: {{file: {source(project)}}}\n"
            ),
        }

    def results(self, seed: int = 1) -> dict[str, str]:
        """Return the text of every result, by its name below assets/data."""
        base = self.raw * self.k + seed + self.bonus + self.factor + self.offset
        made = {f"{site}/fit.json": base + ord(site) for site in SITES}
        split = [sum(made.values()) + i for i in range(1, self.parts + 1)]
        made |= {f"split/{i}.json": value for i, value in enumerate(split, 1)}
        made |= {f"part/{i}.json": 2 * value for i, value in enumerate(split, 1)}
        made["total.json"] = sum(2 * value for value in split)
        return {name: f"{value}\n" for name, value in made.items()}

    def sentence(self, seed: int = 1) -> str:
        """Return what the report says."""
        total = self.results(seed)["total.json"].strip()
        return f"The total is {total} and the word is word{self.word}."


def _text(text: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in text.strip("\n").splitlines()) + "\n"


def source(project: Path) -> Path:
    """Return the file outside the project that is the data."""
    return project.parent / "raw.json"


class World:
    """One project on its way through edits, builds and accidents; every claim is checked."""

    def __init__(self, seed_project: Path, folder: Path) -> None:
        self.folder = folder
        self.project = building.copy(seed_project, folder / "project", generated=False)
        shutil.rmtree(self.project / "scripts")
        self.sources = Sources()
        self.commits: list[Sources] = []
        self.clones = 0
        self.unknown: set[str] = set()  # results without notes: nobody can tell whose they are
        source(self.project).write_text(f"{self.sources.raw}\n")
        self._write()
        (self.project / "scripts" / NAME / "hashes.txt").touch()
        self.make()
        self.commit()

    def _write(self) -> None:
        for path, text in self.sources.files(self.project).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            if not text:
                path.unlink(missing_ok=True)
            elif not path.exists() or path.read_text() != text:
                path.write_text(text)

    # What people do.

    def edit(self, field: str, value: int) -> None:
        """Save another number in the file that holds it."""
        self.sources = replace(self.sources, **{field: value})
        self._write()

    def commit(self) -> None:
        """Commit everything."""
        self._git("add", "-A")
        self._git("commit", "-q", "--allow-empty", "-m", "More")
        self.commits.append(self.sources)

    def change_data(self, value: int, accept: bool) -> None:
        """Give the data another content: the build refuses it, until it is accepted or restored."""
        before = self.sources.raw
        if value == before:
            return
        self.make()  # so that what was recorded is what lies there
        source(self.project).write_text(f"{value}\n")
        refused = self._run("make")
        assert refused.returncode != 0, f"changed data passed\n{refused.stdout}"
        assert "Traceback" not in refused.stderr, refused.stderr
        if accept:
            done = self._run("make", "accept", "REASON=a correction")
            assert done.returncode == 0, done.stdout + done.stderr
            self.sources = replace(self.sources, raw=value)
        else:
            source(self.project).write_text(f"{before}\n")

    def make(self, seed: int | None = None) -> None:
        """Build everything; every result and every sentence has to be right."""
        done = self._run("make", *([f"SEED={seed}"] if seed is not None else []))
        assert done.returncode == 0, done.stdout + done.stderr
        self.compare(self.sources, seed or 1, done.stdout)

    def make_file(self, name: str) -> None:
        """Build one file; it has to be right."""
        wanted = self.sources.results()
        if name not in wanted:
            return
        done = self._run("make", f"generated/{NAME}/assets/data/{name}")
        assert done.returncode == 0, done.stdout + done.stderr
        assert self._read(name) == wanted[name], f"{name} is wrong\n{done.stdout}"

    def make_while_saving(self, moment: float, field: str, value: int) -> None:
        """Save a file while a build runs; whatever it made, the next build has to be right."""
        build = self._start()
        time.sleep(moment)
        self.edit(field, value)
        printed = build.communicate(timeout=300)
        assert "Traceback" not in printed[1], printed[1]
        self.make()

    def make_and_kill(self, moment: float, how: str) -> None:
        """End a build at some moment."""
        build = self._start()
        time.sleep(moment)
        whole, name = how.split()
        with contextlib.suppress(ProcessLookupError):
            number = getattr(signal, f"SIG{name}")
            os.killpg(build.pid, number) if whole == "group" else self._kill_engine(build, number)
        build.communicate(timeout=300)

    def damage(self, name: str, how: str) -> None:
        """Delete, edit or redate a result, or all that has been generated."""
        path = self.project / "generated" / NAME / "assets" / "data" / name
        if how == "clean":
            assert self._run("make", "clean").returncode == 0
        elif how == "no notes":
            self.unknown |= {p.relative_to(path).as_posix() for p in path.rglob("*.json")}
            shutil.rmtree(self.project / "generated" / NAME / ".labflake", ignore_errors=True)
        elif path.is_dir():
            shutil.rmtree(path)
        elif path.exists():
            DAMAGES[how](path)

    def redo(self, step: str, only: bool) -> None:
        """Run a step again, alone or with what follows."""
        done = self._run("make", "redo", f"STEP={step}", *(["ONLY=1"] if only else []))
        assert "Traceback" not in done.stderr, done.stderr

    def forget(self, step: str) -> None:
        """Forget what a step made."""
        done = self._run("make", "forget", f"STEP={step}")
        assert "Traceback" not in done.stderr, done.stderr

    def check_out(self, number: int) -> None:
        """Go to an earlier commit, build there, with the data of then, and come back."""
        self.commit()
        back = number % len(self.commits)
        here, self.sources = self.sources, self.commits[-1 - back]
        self._git("checkout", "-q", "--detach", f"HEAD~{back}")
        self.make()
        self._git("checkout", "-q", "--force", "main")
        self.sources = here

    def clone(self) -> None:
        """Build a fresh clone that shares the cache: no result of it may be another's."""
        self.make()
        self.commit()
        self.clones += 1
        other = self.folder / f"clone{self.clones}"
        self._git("clone", "-q", ".", str(other))
        (other / ".venv").symlink_to((self.project / ".venv").resolve())
        done = self._run("make", folder=other)
        assert done.returncode == 0, done.stdout + done.stderr
        self.compare(self.sources, 1, done.stdout, other)
        shutil.rmtree(other)

    def plan(self) -> None:
        """The plan says which steps the next build runs, and which may follow from these."""
        plan = self._run("make", "plan")
        assert plan.returncode == 0, plan.stdout + plan.stderr
        found = re.search(r"(\d+) to run, (\d+) from the cache, \d+ complete(.*)", plan.stdout)
        assert found, plan.stdout
        most, brought = int(found[1]), int(found[2])
        steps = re.sub(r"^\S+\.md .*", "", plan.stdout, flags=re.M)
        surely = len(re.findall(r" PENDING: (?!follows)", steps))
        built = self._run("make")
        assert built.returncode == 0, built.stdout + built.stderr
        self.compare(self.sources, 1, built.stdout)
        ran, cached = _counts(built.stdout)
        assert surely <= ran, plan.stdout + built.stdout
        assert brought <= cached, plan.stdout + built.stdout
        if not found[3]:  # no step that is to run decides how many there are
            assert ran <= most, plan.stdout + built.stdout
            assert ran + cached <= most + brought, plan.stdout + built.stdout

    def settle(self) -> None:
        """Build until all is quiet: right results, nothing to do, nothing running, nothing odd."""
        self.make()
        again = self._run("make")
        assert "up to date" in again.stdout, again.stdout + again.stderr
        plan = self._run("make", "plan")
        assert "0 to run" in plan.stdout, plan.stdout
        self.nothing_runs()

    # What is true then.

    def compare(self, sources: Sources, seed: int, said: str, project: Path | None = None) -> None:
        """Compare all results, and the report, with the model."""
        generated = (project or self.project) / "generated" / NAME
        data = generated / "assets" / "data"
        found = {
            path.relative_to(data).as_posix(): path.read_text()
            for path in data.rglob("*.json")
            if path != data / "raw.json"
        }
        wanted = sources.results(seed)
        left = self.unknown - wanted.keys() if not project else set()
        found = {name: text for name, text in found.items() if name not in left}
        assert found == wanted, f"wrong results\n{sources}\n{said}"
        if not sources.word:
            return
        page = (generated / "outputs" / "report.html").read_text(encoding="utf-8")
        text = " ".join(re.sub(r"<[^>]*>", "", page).split())
        assert sources.sentence(seed) in text, f"the report is wrong\n{sources}\n{said}"

    def nothing_runs(self) -> None:
        """No process of a build is left a few seconds after its end."""
        until(lambda: not self._processes(), said=lambda: str(self._processes()))

    def _processes(self) -> list[str]:
        mark = os.fsencode(f"{MARK}={self.folder}")
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        return found

    def _environment(self) -> dict[str, str]:
        options = {"CACHE": str(self.folder / "cache"), "EXPERIMENT": NAME}
        return building.variables(**options) | {MARK: str(self.folder)}

    def _run(self, *command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=folder or self.project,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=300,
        )

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["make"],
            cwd=self.project,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _kill_engine(self, build: subprocess.Popen, number: int) -> None:
        """Send a signal to the build itself, not to make and not to what it started."""
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError):
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == build.pid:
                    os.kill(int(process.name), number)

    def _git(self, *command: str) -> None:
        subprocess.run(["git", *command], cwd=self.project, check=True, capture_output=True)

    def _read(self, name: str) -> str:
        return (self.project / "generated" / NAME / "assets" / "data" / name).read_text()


DAMAGES = {
    "delete": lambda path: path.unlink(),
    "edit": lambda path: path.write_text("999\n"),
    "future": lambda path: os.utime(path, (time.time() + 3600, time.time() + 3600)),
    "past": lambda path: os.utime(path, (1, 1)),
    "same size": lambda path: _same_size(path),
}


def _same_size(path: Path) -> None:
    """Change a digit, and give the file its old time."""
    stat, text = path.stat(), path.read_text()
    path.write_text(("8" if text[0] != "8" else "9") + text[1:])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _counts(printed: str) -> tuple[int, int]:
    ran = re.search(r"(\d+) steps? run", printed)
    cached = re.search(r"(\d+) from the cache", printed)
    return int(ran[1]) if ran else 0, int(cached[1]) if cached else 0
