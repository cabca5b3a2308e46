"""Builds a report or a presentation from its Markdown source: `python -m lab document PATH`."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import LabError
from lab.experiments import Experiment, relative, root


@dataclass
class Built:
    """A document that is complete.

    `outputs` are its files, the PDF first. `reads` are the files of the project that cells, pandoc
    and Typst read: the document is out of date when one of them changes; so it is when the names
    in one of the folders `listed` change. `warnings` are lines `scripts/…/report.md:LINE: …` for
    the author.
    """

    outputs: list[Path]
    reads: list[Path]
    warnings: list[str] = field(default_factory=list)
    listed: list[Path] = field(default_factory=list)


def main(argv: list[str]) -> int:
    """Build each document that is named; print its files and warnings."""
    if not argv:
        raise LabError("which document?\n  python -m lab document scripts/<experiment>/report.md")
    for name in argv:
        built = build(Path(name))
        for warning in built.warnings:
            print(warning, file=sys.stderr)
        for output in built.outputs:
            print(relative(output))
    return 0


def build(source: Path) -> Built:
    """Build a document of an experiment: `report.md` a report, anything else a presentation.

    Raises:
        LabError: the document is not right; each line begins with `scripts/…/report.md:LINE:`.
            No output of an earlier build is left then.
    """
    source = Path(os.path.abspath(source))
    if not source.is_file():
        raise LabError(f"there is no document {relative(source)}")
    if source.parent.parent != root() / "scripts":
        raise LabError(f"{relative(source)} is not in a folder of scripts/")
    experiment = Experiment(source.parent.name)
    for output in outputs(source):
        output.unlink(missing_ok=True)
    from lab.documents.building import make

    return make(source, experiment, outputs(source))


def outputs(source: Path) -> list[Path]:
    """Return the files that a document may have, the PDF first."""
    folder = Experiment(source.parent.name).generated / "outputs"
    kinds = (".pdf", ".html") if source.stem == "report" else (".pdf", ".html", "-notes.pdf")
    return [folder / f"{source.stem}{kind}" for kind in (*kinds, ".provenance.json")]
