"""How long until a saved sentence, or a changed cell, is in the page and the PDF?

    python benchmarks/watching.py FOLDER [--rounds 7] [--long 200]

FOLDER is a scratch folder: a project is built there once, with pip's packages from its lock. First
`make watch` with the sample's report: from the save until page and PDF are both new. nbconvert and
pandoc make one page of the same text, figures and citations, in the same rounds. Then documents of
200 pages, 500 references and 100 figures, and of 2 MB that one cell prints: `make` from nothing.
`quarto preview` is left out: its package on PyPI brings no program, but downloads it elsewhere.
"""

import argparse
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from documents import SAMPLE, copies, ours, surroundings
from measuring import RESULTS, Command, machine, write

SENTENCE = re.compile(r"The top is (very )*broad")
CELL = re.compile(r"^names = \{.*$", re.M)  # begins the second of the report's cells
PATIENCE = 120  # s
WORDS = [
    "value",
    "model",
    "error",
    "prior",
    "sample",
    "mean",
    "figure",
    "result",
    "small",
    "large",
    "between",
    "under",
    "given",
]


class Watch:
    """`make watch` of the sample, which builds what is saved."""

    def __init__(self, project: Path, log: Path) -> None:
        self.source = project / "scripts" / SAMPLE / "report.md"
        outputs = project / "generated" / SAMPLE / "outputs"
        self.made = [outputs / "report.html", outputs / "report.pdf"]
        self.log = log
        self.process = subprocess.Popen(
            ["make", "watch", f"EXPERIMENT={SAMPLE}"], cwd=project, stdout=log.open("w"),
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self._until(lambda: self._builds() > 0)

    def save(self, text: str) -> float:
        """Save the report, and return after how many seconds page and PDF are both new."""
        builds, before = self._builds(), self._dates()
        start = time.perf_counter()
        self.source.write_text(text, encoding="utf-8")
        self._until(lambda: all(a != b for a, b in zip(before, self._dates(), strict=True)))
        took = time.perf_counter() - start
        self._until(lambda: self._builds() > builds)
        time.sleep(0.5)  # somebody thinks
        return took

    def end(self) -> None:
        """End it; where this runs in the background, Ctrl-C would not reach it."""
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(PATIENCE)

    def _builds(self) -> int:
        return self.log.read_text(encoding="utf-8").count("  ready after ")

    def _dates(self) -> list[int]:
        return [path.stat().st_mtime_ns if path.exists() else 0 for path in self.made]

    def _until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end or self.process.poll() is not None:
                sys.exit(f"make watch did not do it:\n{self.log.read_text(encoding='utf-8')}")
            time.sleep(0.005)


def edited(text: str, scenario: str, turn: int) -> str:
    """Return the text with another sentence, or with another cell."""
    if scenario == "a sentence":
        return SENTENCE.sub("The top is " + "very " * (turn % 7 + 1) + "broad", text)
    return CELL.sub(f"names = {{  # {turn}", text)


def others(project: Path, folder: Path) -> dict[str, dict[str, Command]]:
    """Return what nbconvert and pandoc do for a sentence and for a cell."""
    copies(project, folder)
    variables = surroundings(project)
    page = "jupyter nbconvert --to html web.ipynb"
    execute = "jupyter nbconvert --to markdown --execute web.ipynb"
    pandoc = (
        "pandoc web.md --from markdown --to html5 --standalone --embed-resources --mathml"
        " --number-sections --citeproc --bibliography references.bib --metadata title=T"
        " --output web-pandoc.html"
    )
    subprocess.run(execute.split(), cwd=folder, check=True, env=os.environ | variables)

    def command(name: str, line: str) -> Command:
        return Command(name, ["sh", "-ec", line], folder, variables)

    first, second = "nbconvert --to html", "nbconvert and pandoc, HTML"
    return {
        first: {"a sentence": command(first, page), "a cell": command(first, f"{page} --execute")},
        second: {
            "a sentence": command(second, pandoc),
            "a cell": command(second, f"{execute} && {pandoc}"),
        },
    }


def watched(project: Path, folder: Path, rounds: int) -> str:
    """Return the table of what one waits for after a save."""
    rivals = others(project, folder / "copies")
    watch = Watch(project, folder / "watch.log")
    original = text = watch.source.read_text(encoding="utf-8")
    mine: dict[str, list[float]] = {"a sentence": [], "a cell": []}
    try:
        for turn in range(rounds + 1):
            for scenario, took in mine.items():
                text = edited(text, scenario, turn)
                took.append(watch.save(text))
                for rival in rivals.values():
                    rival[scenario].run()
    finally:
        watch.source.write_text(original, encoding="utf-8")
        watch.end()
    lines = [f"| seconds, median of {rounds} | a sentence | a cell |", "|---|---|---|"]
    lines.append("| `make watch`: PDF and page | " + _medians(mine) + " |")
    for name, rival in rivals.items():
        times = {scenario: command.wall for scenario, command in rival.items()}
        lines.append(f"| {name} | {_medians(times)} |")
    return "\n".join([*lines, ""])


def _medians(times: dict[str, list[float]]) -> str:
    """Return medians with the slowest in brackets, without the first round."""
    kept = [found[1:] for found in times.values()]
    return " | ".join(f"{statistics.median(t):.2f} ({max(t):.2f})" for t in kept)


def long_text(pages: int, chance: random.Random) -> tuple[str, str]:
    """Return a report of so many pages with references and figures, and its bibliography."""
    keys = [f"author{number}" for number in range(pages * 5 // 2)]
    parts = ["---\ntitle: Long\nbibliography: references.bib\ntoc: true\n---\n"]
    for number in range(pages // 2):
        cited = " ".join(f"[@{key}]" for key in keys[number * 5 : number * 5 + 5])
        words = [" ".join(chance.choices(WORDS, k=160)) + "." for _ in range(5)]
        parts.append(f"# Section {number} {{#sec:s{number}}}\n\n" + "\n\n".join(words))
        parts.append(f"{cited}, @fig:f{number}, $x_{{{number}}} = \\frac{{a}}{{{number + 1}}}$.")
        parts.append(f"![Figure {number}.](figure{number}.svg){{#fig:f{number}}}")
    entry = "@article{%s, author={Name %s}, title={Title %s}, journal={Journal}, year={2001}}\n"
    return "\n\n".join(parts) + "\n", "".join(entry % (k, n, n) for n, k in enumerate(keys))


def long_ones(project: Path, pages: int) -> str:
    """Return the table of the long documents."""
    chance = random.Random(7)
    text, bibliography = long_text(pages, chance)
    printed = f"---\ntitle: Printed\n---\n\n```python\nfor n in range({pages * 100}):\n"
    printed += '    print(f"{n:8} " + "0123456789 " * 8)\n```\n'
    lines = ["| from nothing | wall s | CPU s | peak MB of one process | PDF MB | page MB |"]
    lines.append("|---" * 6 + "|")
    for name, label, source in (
        (
            "2024-05-05-Long",
            f"{pages} pages, {pages * 5 // 2} references, {pages // 2} figures",
            text,
        ),
        ("2024-05-06-Printed", f"{pages / 100:g} MB that a cell prints", printed),
    ):
        scripts, made = project / "scripts" / name, project / "generated" / name
        shutil.rmtree(made, ignore_errors=True)
        scripts.mkdir(exist_ok=True)
        for file in ("hashes.txt", "config.yaml"):
            (scripts / file).write_text("")
        (scripts / "Snakefile").write_text('"""Nothing."""\n\nrule all:\n    input: []\n')
        (scripts / "references.bib").write_text(bibliography)
        (scripts / "report.md").write_text(source)
        for number in range(pages // 2):
            (scripts / f"figure{number}.svg").write_text(_svg(chance))
        command = Command(label, ["make", f"EXPERIMENT={name}"], project)
        command.run()
        sizes = [
            (made / "outputs" / f"report.{end}").stat().st_size / 1e6 for end in ("pdf", "html")
        ]
        cells = [f"{command.wall[0]:.1f}", f"{command.cpu[0]:.1f}", f"{command.peak[0]}"]
        lines.append(f"| {label} | {' | '.join([*cells, *(f'{size:.1f}' for size in sizes)])} |")
        shutil.rmtree(scripts)
    return "\n".join([*lines, ""])


def _svg(chance: random.Random) -> str:
    points = " ".join(f"{x},{chance.randrange(180)}" for x in range(0, 300, 3))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="300pt" height="180pt">'
        f'<polyline points="{points}" fill="none" stroke="#0b4f8a"/></svg>'
    )


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--long", type=int, default=200, help="pages of the long report")
    parser.add_argument("--table", type=Path, default=RESULTS / "watching.md")
    options = parser.parse_args()
    folder, load = options.folder.resolve(), os.getloadavg()[0]
    folder.mkdir(parents=True, exist_ok=True)
    _, project = ours(folder)
    tables = [watched(project, folder, options.rounds), long_ones(project, options.long)]
    head = (
        "# From a save to page and PDF, and long documents\n\n"
        "In brackets the slowest. nbconvert and pandoc make one page, with labels such as\n"
        f"`@fig:plot1` unresolved.\n\n{machine()}; load at the start {load:.1f}.\n"
    )
    write(options.table, "\n".join([head, *tables]))
    print("\n".join(tables))


if __name__ == "__main__":
    main()
