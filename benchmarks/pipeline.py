"""How fast is the pipeline? Against make, doit, pytask, DVC, Snakemake and redun, in one run.

    python benchmarks/pipeline.py FOLDER [--sizes 1 10 100 1000] [--rounds 5] [--engines lab make]

FOLDER is a scratch folder: each engine gets an environment of its own there, with pip, which is
kept for the next time. The table goes to standard output and to --table.
"""

import argparse
import os
import shutil
import statistics
import sys
from pathlib import Path

from engines import ENGINES, Before, Engine
from measuring import RESULTS, Command, machine, write

SCENARIOS = {
    "cold": "nothing is there",
    "no-op": "nothing changed",
    "touch": "every input has a new time",
    "change one": "one input changed",
    "clone": "a second clone that shares the cache, where there is one",
}
PATIENCE = 120  # s; an engine that is slower when cold is measured in the first round only


class Measured:
    """What an engine took for a number of steps: seconds, MB, steps run, by scenario and round."""

    def __init__(self) -> None:
        self.wall: dict[str, list[float]] = {name: [] for name in SCENARIOS}
        self.cpu: dict[str, list[float]] = {name: [] for name in SCENARIOS}
        self.peak: dict[str, list[int]] = {name: [] for name in SCENARIOS}
        self.ran: dict[str, int] = {}

    def add(self, scenario: str, engine: Engine, folder: Path) -> None:
        """Measure one run of the engine in a folder."""
        before = engine.steps_run(folder)
        words = engine.restore(folder) if scenario == "clone" else engine.command(folder)
        command = Command(engine.name, words, folder, engine.variables(folder))
        command.run()
        self.wall[scenario] += command.wall
        self.cpu[scenario] += command.cpu
        self.peak[scenario] += command.peak
        self.ran[scenario] = engine.steps_run(folder) - before


def one_round(engine: Engine, folder: Path, size: int, number: int, measured: Measured) -> None:
    """Run all scenarios once, each from the state that the one before left."""
    shutil.rmtree(folder, ignore_errors=True)
    first, second = folder / "first", folder / "second"
    engine.write(first, size)
    measured.add("cold", engine, first)
    engine.check(first, size)
    measured.add("no-op", engine, first)
    for path in engine.inputs(first).iterdir():
        path.touch()
    measured.add("touch", engine, first)
    with (engine.inputs(first) / "0.txt").open("a") as file:
        file.write(f"changed in round {number}\n")
    measured.add("change one", engine, first)
    engine.check(first, size)
    engine.clone(first, second, size)
    measured.add("clone", engine, second)
    engine.check(second, size)
    shutil.rmtree(folder)


def measure(engines: list[Engine], size: int, rounds: int, folder: Path) -> dict[str, Measured]:
    """Let the engines take turns in each round, each time in another order."""
    found = {engine.name: Measured() for engine in engines}
    for number in range(rounds):
        turn = number % len(engines)
        for engine in engines[turn:] + engines[:turn]:
            measured = found[engine.name]
            if measured.wall["cold"] and max(measured.wall["cold"]) > PATIENCE:
                continue
            one_round(engine, folder / "run", size, number, measured)
            print(f"  {size:>5} steps, round {number + 1}, {engine.name}", file=sys.stderr)
    return found


def cell(scenario: str, mine: Measured, ours: Measured | None, size: int) -> str:
    """Return the median of an engine, its ratio to ours in the same rounds, and what it ran."""
    wall = statistics.median(mine.wall[scenario])
    text = f"{wall:.3f}" if wall < 1 else f"{wall:.2f}"
    if ours and ours is not mine:
        pairs = zip(mine.wall[scenario], ours.wall[scenario], strict=False)
        text += f" (×{statistics.median(a / b for a, b in pairs):.2g})"
    again = scenario in ("touch", "clone") and mine.ran[scenario] > size
    return text + (" ran all" if again else "")


def table(results: dict[int, dict[str, Measured]]) -> str:
    """Return all results as Markdown."""
    more = ["CPU cold", "CPU no-op", "MB cold", "MB change one"]
    lines = [f"| steps | engine | {' | '.join([*SCENARIOS, *more])} |"]
    lines.append("|---" * (len(SCENARIOS) + len(more) + 2) + "|")
    for size, found in results.items():
        for name, mine in found.items():
            cells = [cell(s, mine, found.get("labflake"), size) for s in SCENARIOS]
            cells += [f"{statistics.median(mine.cpu[s]):.2f}" for s in ("cold", "no-op")]
            cells += [f"{statistics.median(mine.peak[s]):.0f}" for s in ("cold", "change one")]
            lines.append(f"| {size} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def aims(results: dict[int, dict[str, Measured]]) -> list[str]:
    """Return for each aim the figure that was found, where it was measured."""

    def wall(size: int, name: str, scenario: str) -> float:
        return statistics.median(results[size][name].wall[scenario])

    def ratio(size: int, other: str, scenario: str) -> float:
        return wall(size, "labflake", scenario) / wall(size, other, scenario)

    asked = [
        ("no-op, 10 steps, ms: at most 50", lambda: 1000 * wall(10, "labflake", "no-op"), 50),
        ("no-op, 1000 steps, × make: at most 1.5", lambda: ratio(1000, "make", "no-op"), 1.5),
        ("change one, 10 steps, × doit: at most 1.5", lambda: ratio(10, "doit", "change one"), 1.5),
        ("the same, 1000 steps", lambda: ratio(1000, "doit", "change one"), 1.5),
        ("the same, 10,000 steps, × make", lambda: ratio(10_000, "make", "change one"), 1.5),
        ("cold, 1000 steps, × Snakemake: at most 1", lambda: ratio(1000, "Snakemake", "cold"), 1),
        ("the same, 10,000 steps", lambda: ratio(10_000, "Snakemake", "cold"), 1),
        ("clone, 100 steps, × DVC: at most 0.1", lambda: ratio(100, "DVC", "clone"), 0.1),
        ("the same, × dvc checkout", lambda: ratio(100, "DVC, checkout", "clone"), 0.1),
    ]
    lines = []
    for text, figure, most in asked:
        try:
            found = figure()
        except (KeyError, statistics.StatisticsError):
            continue
        lines.append(f"- {text}; found {found:.3g}: {'reached' if found <= most else 'missed'}")
    return lines


def report(results: dict, engines: list[Engine], rounds: int, load: float) -> str:
    """Return the whole page."""
    versions = ", ".join(f"{engine.name} {engine.version()}".strip() for engine in engines)
    scenarios = "; ".join(f"*{name}*: {text}" for name, text in SCENARIOS.items())
    return "\n".join(
        [
            "# The pipeline beside others",
            "",
            "Seconds of wall time, median; in brackets the ratio to labflake, median of the ratios",
            f"in the same round. {rounds} rounds, two steps at once, engines take turns in each.",
            "A step is `sha256sum in > out`; one more merges all. `ran all`: the engine ran the",
            f"steps, where others left or restored results. {scenarios}.",
            "",
            f"{machine()}; load at the start {load:.1f}. {versions}.",
            "",
            table(results),
            "",
            *aims(results),
            "",
        ]
    )


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=list(ENGINES))
    parser.add_argument("--before", type=Path, help="an older checkout of labflake")
    parser.add_argument("--patient", action="store_true", help="measure DVC at 1000 steps, too")
    parser.add_argument("--table", type=Path, default=RESULTS / "pipeline.md")
    options = parser.parse_args()
    folder, load = options.folder.resolve(), os.getloadavg()[0]
    engines = [ENGINES[name](folder) for name in options.engines]
    engines += [Before(folder, options.before.resolve())] if options.before else []
    for engine in engines:
        engine.install()
        one_round(engine, folder / "run", 1, -1, Measured())  # compiles what it imports
    results = {}
    for size in options.sizes:
        able = [engine for engine in engines if size <= engine.most or options.patient]
        results[size] = measure(able, size, options.rounds, folder)
    page = report(results, engines, options.rounds, load)
    write(options.table, page)
    print(page)


if __name__ == "__main__":
    main()
