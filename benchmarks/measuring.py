"""Measure whole commands that take turns: wall time, processor time and memory, as ratios."""

import os
import platform
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
PAYLOAD = Path(__file__).resolve().parent.parent / "{{cookiecutter.project_slug}}"

# A small process starts each command: a command's peak is at least that of who started it.
STARTER = """
import os, sys, time
start = time.perf_counter()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - start
peak = usage.ru_maxrss // 1024
print("measured", wall, usage.ru_utime + usage.ru_stime, peak, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status) and 1)
"""


@dataclass
class Command:
    """A command to measure; `before` runs before each round and is not measured."""

    label: str
    words: list[str]
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    before: Callable[[], object] = lambda: None
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: list[int] = field(default_factory=list)  # MB, of the largest process

    def run(self) -> None:
        """Run once and keep what it took.

        Raises:
            SystemExit: The command failed; its output is shown.
        """
        self.before()
        words = [sys.executable, "-I", "-S", "-c", STARTER, *self.words]
        done = subprocess.run(
            words, cwd=self.folder, env=self._environment(), capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"{self.label} failed:\n{(done.stdout + done.stderr)[-2000:]}")
        wall, cpu, peak = done.stderr.rpartition("measured ")[2].split()
        self.wall.append(float(wall))
        self.cpu.append(float(cpu))
        self.peak.append(int(peak))

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        return kept | self.variables


def compare(title: str, commands: list[Command], rounds: int, work: float = 0.0) -> str:
    """Let the commands take turns; return a table of Markdown, with ratios to the first of them.

    `work` is a number of gigabytes: then the speed is shown, too.
    """
    for command in commands:
        command.run()
        for kept in (command.wall, command.cpu, command.peak):
            kept.clear()
    for _ in range(rounds):
        for command in commands:
            command.run()
    heads = ["wall s", "ratio", "CPU s", "peak MB", *(["GB/s"] if work else [])]
    lines = [f"## {title}", "", f"| median of {rounds} | {' | '.join(heads)} |"]
    lines.append("|---" * (len(heads) + 1) + "|")
    for command in commands:
        wall, cpu = statistics.median(command.wall), statistics.median(command.cpu)
        pairs = zip(command.wall, commands[0].wall, strict=True)
        ratio = statistics.median(mine / first for mine, first in pairs)
        cells = [f"{wall:.2f}", f"×{ratio:.2f}", f"{cpu:.2f}", str(max(command.peak))]
        cells += [f"{work / wall:.2f}"] if work else []
        lines.append(f"| {command.label} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def publish(path: Path, title: str, tables: Iterable[str]) -> None:
    """Print tables as they come, and write them to a page together."""
    head = f"# {title}\n\n{machine()}; load at the start {os.getloadavg()[0]:.1f}.\n"
    parts = [head]
    for table in tables:
        print(table, flush=True)
        parts.append(table)
    write(path, "\n".join(parts))


def write(path: Path, page: str) -> None:
    """Write a page of results."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def project(folder: Path, config: str = "{}") -> tuple[Path, Path]:
    """Make a project with one experiment; return its root and its assets/data."""
    root, name = folder / "project", "2024-02-29-Benchmark"
    shutil.rmtree(root, ignore_errors=True)
    (root / "scripts" / name).mkdir(parents=True)
    (root / "pyproject.toml").write_text("[tool.labflake]\n", encoding="utf-8")
    (root / "scripts" / name / "Snakefile").write_text('"""Nothing."""\n')
    (root / "scripts" / name / "config.yaml").write_text(config)
    data = root / "generated" / name / "assets/data"
    data.mkdir(parents=True)
    return root, data


def lab(label: str, root: Path, command: str, **variables: str) -> Command:
    """Return a command of the project, run by this Python and ended as people's are."""
    code = (
        f"import os, sys; from labflake.commands import {command}; code = {command}.main([]); "
        "sys.stdout.flush(); os._exit(code)"
    )
    words = [sys.executable, "-c", code]
    return Command(label, words, root, {"PYTHONPATH": str(root), **variables})


def machine() -> str:
    """Return what the figures were found on."""
    model = platform.processor() or platform.machine()
    with open("/proc/cpuinfo") as file:
        model = next((x.split(":")[1].strip() for x in file if x.startswith("model name")), model)
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores ({model}), Python {platform.python_version()}, {platform.system()}"


def tool(name: str, beside: str = "") -> str | None:
    """Return a program: beside `beside` (a folder), beside this Python, or on the PATH."""
    for folder in (beside, str(Path(sys.executable).parent)):
        if folder and (Path(folder) / name).exists():
            return str(Path(folder) / name)
    found = shutil.which(name)
    if not found:
        print(f"{name} is not here: left out")
    return found
