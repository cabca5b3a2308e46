"""Builds one document: all of its files, or none."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.document import Built
from lab.documents import checks, formats
from lab.documents.executing import text_of
from lab.documents.numbers import lint
from lab.documents.pandoc import HERE, DocumentError, Text
from lab.documents.problems import as_lines, refuse
from lab.documents.provenance import FONTS
from lab.documents.source import Source, read
from lab.errors import LabError
from lab.experiments import Experiment, root


def make(path: Path, experiment: Experiment, outputs: list[Path]) -> Built:
    """Make all outputs of a document, or none.

    Raises:
        LabError: with the line of each problem.
    """
    source = read(path)
    folder = experiment.generated / "assets" / path.stem / "build"
    text, executed = text_of(source, experiment, outputs, folder)
    made = _formats(text, folder)
    warnings = [*lint(path), *as_lines(path, checks.warnings(text, made.figures))]
    if warnings and os.environ.get("STRICT", "") not in ("", "0", "no"):
        raise LabError("\n".join(warnings))
    origin = json.dumps(text.metadata["origin"], indent=1, ensure_ascii=False) + "\n"
    contents = made.contents | {".provenance.json": origin.encode()}
    written = _write(outputs, contents, path.stem)
    reads = _of_project(source, _reads(source, executed.notes, made.figures))
    listed = _of_project(source, {Path(p) for p in executed.notes.get("listed", ())})
    return Built(written, reads, warnings, [*listed, root() / FONTS])


def _formats(text: Text, folder: Path) -> formats.Made:
    """Make all formats at the same time.

    Raises:
        LabError: with the problems of all formats.
    """
    report = text.source.is_report
    makers = [formats.report, formats.page] if report else [formats.presentation, formats.stage]
    problems, contents, figures = [], {}, set()
    with ThreadPoolExecutor(len(makers)) as pool:
        for job in [pool.submit(maker, text, folder) for maker in makers]:
            try:
                made = job.result()
                contents |= made.contents
                figures |= made.figures
            except DocumentError as error:
                problems += error.problems
    refuse(text.source.path, problems)
    return formats.Made(contents, figures)


def _write(outputs: list[Path], made: dict[str, bytes], stem: str) -> list[Path]:
    """Move the outputs into place, when all are complete."""
    written = [p for p in outputs if p.name.removeprefix(stem) in made]
    outputs[0].parent.mkdir(parents=True, exist_ok=True)
    for path in written:
        path.with_name(path.name + ".new").write_bytes(made[path.name.removeprefix(stem)])
    for path in written:
        os.replace(path.with_name(path.name + ".new"), path)
    return written


def _reads(source: Source, notes: dict, figures: set[str]) -> set[Path]:
    """Return the files on which the document depends, the equipment's own included."""
    found = {Path(p) for p in notes.get("read", ())} | {root() / p for p in figures}
    for key in ("bibliography", "csl"):
        names = source.header.get(key) or []
        found |= {source.path.parent / n for n in (names if isinstance(names, list) else [names])}
    found |= {p for p in HERE.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    found |= {p for p in (root() / FONTS).rglob("*") if p.is_file()}
    return found | {source.path, source.path.parent / "hashes.txt", root() / "pyproject.toml"}


def _of_project(source: Source, paths: set[Path]) -> list[Path]:
    """Return those that are in the project, not in its environment, and not made on the way."""
    folder = Experiment(source.path.parent.name).generated / "assets" / source.path.stem
    inside = [p for p in paths if p.is_relative_to(root()) and not p.is_relative_to(folder)]
    return sorted(p for p in inside if p.exists() and ".venv" not in p.relative_to(root()).parts)
