"""How fast is a PDF made? Against nbconvert with LaTeX, and pandoc with WeasyPrint, in one run.

    python benchmarks/documents.py FOLDER [--rounds 5]

FOLDER is a scratch folder: a project is built there once, with pip's packages from its lock, and
WeasyPrint in an environment of its own. The text, its numbers filled in, and the figures of the
sample's report go to all. The others leave references such as @fig:plot1 as they are, and nbconvert
citations, too.
Debian's packages for the peers: texlive-xetex texlive-latex-extra texlive-fonts-recommended
texlive-plain-generic (450 MB) and libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from engines import Engine, Labflake
from measuring import RESULTS, Command, machine, tool, write

SAMPLE = "2023-10-07-Covariance-Matrix-Prior-Investigation"
SCENARIOS = {
    "from nothing": "cells run, nothing is remembered",
    "one sentence": "one sentence was edited, no cell",
}
SENTENCE = re.compile(r"The top is (very )*broad")
FIGURES = """
import sys, typst

for name in sys.argv[1:]:
    page = f'#set page(width: auto, height: auto, margin: 0pt)\\n#image("{name}")'
    typst.compile(page.encode(), output=name.replace(".svg", ".pdf"), root=".")
"""  # LaTeX cannot read SVG


class WeasyPrint(Engine):
    """The environment of WeasyPrint."""

    packages = ("weasyprint==70.0",)


@dataclass
class Way:
    """A way from a source to a PDF: the command of each scenario, and what they took."""

    name: str
    folder: Path
    source: str  # what is edited, in the folder
    pdf: str
    commands: dict[str, list[str]]
    variables: dict[str, str] = field(default_factory=dict)
    leftovers: tuple[str, ...] = ()  # what a build from nothing must not find
    measured: dict[str, Command] = field(default_factory=dict)
    turns: int = 0

    def prepare(self, scenario: str) -> None:
        """Remove what is remembered, or edit a sentence; both leave another PDF to be made."""
        if scenario == "from nothing":
            for name in self.leftovers:
                shutil.rmtree(self.folder / name, ignore_errors=True)
        source = self.folder / self.source
        text = source.read_text(encoding="utf-8")
        self.turns += 1
        changed = re.sub(SENTENCE, "The top is " + "very " * (self.turns % 7 + 1) + "broad", text)
        if changed == text:
            sys.exit(f"{source}: there is no sentence to edit")
        source.write_text(changed, encoding="utf-8")

    def run(self, scenario: str) -> None:
        """Make the PDF once."""
        self.prepare(scenario)
        words = self.commands[scenario]
        first = Command(self.name, words, self.folder, self.variables)
        command = self.measured.setdefault(scenario, first)
        (self.folder / self.pdf).unlink(missing_ok=True)
        command.run()
        if not (self.folder / self.pdf).exists():
            sys.exit(f"{self.name} made no PDF")

    def forget(self) -> None:
        """Forget the figures of a first run, which may have compiled modules and filled caches."""
        self.measured.clear()


def ours(folder: Path) -> tuple[Way, Path]:
    """Return `make`, and the project in which it runs, built."""
    engine = Labflake(folder)
    engine.install()
    project = engine.project
    subprocess.run(
        ["make"], cwd=project, check=True, env=os.environ | {"LABFLAKE_EXPERIMENT": SAMPLE}
    )
    made = f"generated/{SAMPLE}"
    return Way(
        "labflake: make (PDF, HTML, notebook)", project,
        f"scripts/{SAMPLE}/report.md", f"{made}/outputs/report.pdf",
        {scenario: ["make", f"EXPERIMENT={SAMPLE}"] for scenario in SCENARIOS},
        leftovers=(f"{made}/outputs", f"{made}/assets/report", f"{made}/.labflake/documents"),
    ), project  # fmt: skip


def copies(project: Path, folder: Path) -> None:
    """Write the report as a notebook that ran and as Markdown, with its figures beside."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(project / "scripts" / SAMPLE, folder)
    generated = project / "generated" / SAMPLE / "assets"
    for figure in generated.glob("figures/plot?.svg"):
        shutil.copy(figure, folder)
    names = sorted(path.name for path in folder.glob("plot?.svg"))
    python = str(project / ".venv/bin/python")
    subprocess.run([python, "-c", FIGURES, *names], cwd=folder, check=True)
    text = (generated / "report/report.ipynb").read_text(encoding="utf-8")
    text = re.sub(r"\]\(\.\./[^)]*/(plot\d)\.svg\)(\{alt=(\\\".*?\\\")\})?", r"](\1.pdf)", text)
    (folder / "report.ipynb").write_text(text, encoding="utf-8")
    (folder / "web.ipynb").write_text(text.replace(".pdf)", ".svg)"), encoding="utf-8")


def surroundings(project: Path) -> dict[str, str]:
    """Return the environment in which others run the cells of the report."""
    binary = project / ".venv/bin"
    code = "import pypandoc; print(pypandoc.__file__)"
    found = subprocess.run([binary / "python", "-c", code], capture_output=True, text=True)
    pandoc = Path(found.stdout.strip()).parent / "files"
    return {
        "PATH": os.pathsep.join([str(binary), str(pandoc), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(project), str(project / "src")]),
        "LABFLAKE_PROJECT": str(project),
        "LABFLAKE_EXPERIMENT": SAMPLE,
    }


def peers(project: Path, folder: Path) -> list[Way]:
    """Return the other ways whose programs are here."""
    variables = surroundings(project)
    copies(project, folder / "copies")
    found = [latex(folder / "copies", variables)] if tool("xelatex") else []
    return [*found, web(folder, folder / "copies", variables)]


def latex(folder: Path, variables: dict[str, str]) -> Way:
    """Return nbconvert to PDF by XeLaTeX; a notebook that ran is not run again for a sentence."""
    convert = ["jupyter", "nbconvert", "--to", "pdf", "report.ipynb"]
    commands = {"from nothing": [*convert, "--execute"], "one sentence": convert}
    return Way(
        "nbconvert --to pdf (XeLaTeX)", folder, "report.ipynb", "report.pdf", commands, variables
    )


def web(scratch: Path, folder: Path, variables: dict[str, str]) -> Way:
    """Return pandoc with WeasyPrint; cells run through nbconvert, which writes the Markdown."""
    printer = WeasyPrint(scratch)
    printer.install()
    engine = printer.venv / "bin/weasyprint"
    pandoc = (
        "pandoc web.md --from markdown --to html5 --mathml --number-sections --citeproc"
        f" --bibliography references.bib --pdf-engine={engine} --output web.pdf"
    )
    execute = "jupyter nbconvert --to markdown --execute web.ipynb"
    subprocess.run(execute.split(), cwd=folder, check=True, env=os.environ | variables)
    commands = {
        "from nothing": ["sh", "-ec", f"{execute} && {pandoc}"],
        "one sentence": pandoc.split(),
    }
    return Way("pandoc, WeasyPrint", folder, "web.md", "web.pdf", commands, variables)


def table(ways: list[Way]) -> str:
    """Return medians, ratios to the first way in the same rounds, and the sizes of the PDFs."""
    lines = [f"| way | {' | '.join(SCENARIOS)} | CPU, nothing | CPU, sentence | PDF, kB |"]
    lines.append("|---" * (len(SCENARIOS) + 4) + "|")
    for way in ways:
        cells = []
        for scenario in SCENARIOS:
            mine, first = way.measured[scenario].wall, ways[0].measured[scenario].wall
            ratio = statistics.median(a / b for a, b in zip(mine, first, strict=True))
            shown = f" (×{ratio:.2g})" if way is not ways[0] else ""
            cells.append(f"{statistics.median(mine):.2f}{shown}")
        cells += [f"{statistics.median(way.measured[s].cpu):.2f}" for s in SCENARIOS]
        cells.append(f"{(way.folder / way.pdf).stat().st_size / 1000:.0f}")
        lines.append(f"| {way.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def page(ways: list[Way], rounds: int, load: float) -> str:
    """Return the whole page."""
    scenarios = "; ".join(f"*{name}*: {text}" for name, text in SCENARIOS.items())
    lines = [
        "# The report beside others",
        "",
        "Seconds of wall time, median; in brackets the ratio to labflake, median of the ratios in",
        f"the same round. {rounds} rounds, the ways take turns. {scenarios}.",
        "labflake also writes the HTML page, and checks data, steps, references and typed numbers.",
        "The others make one PDF, with labels such as `@fig:plot1` unresolved.",
        "",
        f"{machine()}; load at the start {load:.1f}. WeasyPrint {WeasyPrint(Path()).version()}.",
        "",
        table(ways),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--table", type=Path, default=RESULTS / "documents.md")
    options = parser.parse_args()
    folder, load = options.folder.resolve(), os.getloadavg()[0]
    first, project = ours(folder)
    ways = [first, *peers(project, folder)]
    for number in range(options.rounds + 1):
        for scenario in SCENARIOS:
            for way in ways:
                way.run(scenario)
                print(f"  round {number}, {scenario}, {way.name}", file=sys.stderr)
        if number == 0:
            for way in ways:
                way.forget()
    text = page(ways, options.rounds, load)
    write(options.table, text)
    print(text)


if __name__ == "__main__":
    main()
