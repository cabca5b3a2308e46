"""The way of a document: read, check, run the cells, then page and PDF side by side."""

import json
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat

from lab.document import Built
from lab.documents import checks, header, memory, provenance
from lab.documents.pandoc import HERE, DocumentError, Text, convert
from lab.documents.pdf import compile_pdf
from lab.documents.problems import refuse
from lab.documents.results import nothing
from lab.documents.slides import slides
from lab.documents.source import Source, read
from lab.documents.web import embed
from lab.experiments import Experiment, root

_COMMON = ["tables", "files", "numbers", "citeproc"]


def make(path: Path, experiment: Experiment, outputs: list[Path]) -> Built:
    """Make all outputs of a document, or none.

    Raises:
        LabError: with the line of each problem.
    """
    source = read(path)
    header.check(source)
    checks.check(source, experiment)
    folder = experiment.generated / "assets" / path.stem
    text, notes = _execute(source, experiment, folder, outputs)
    makers = [_page, _report] if source.is_report else [_slides]
    problems, made, used = [], {}, set()
    with ThreadPoolExecutor(len(makers)) as pool:
        for job in [pool.submit(maker, text, folder) for maker in makers]:
            try:
                contents, files = job.result()
                made |= contents
                used |= files
            except DocumentError as error:
                problems += error.problems
    refuse(path, problems)
    made[".provenance.json"] = (json.dumps(text.metadata["origin"], indent=1) + "\n").encode()
    written = _write(outputs, made, path.stem)
    return Built(written, _reads(source, notes, used))


def _execute(source: Source, experiment: Experiment, folder: Path, outputs: list[Path]):
    """Return the text with all results in it; run the cells if anything they depend on changed."""
    wanted = header.expressions(source)
    executed = memory.recall(source, wanted) if _has_code(source, wanted) else nothing(source)
    if executed is None:
        from lab.documents.cells import execute

        executed = execute(source, wanted)
        memory.remember(source, wanted, executed)
    from lab.documents.notebook import assemble, export

    notebook = assemble(source, executed)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{source.path.stem}.ipynb")
    refuse(source.path, executed.problems)
    checks.check_outputs(source, executed)
    markdown, lines = export(notebook, source, folder)
    metadata = header.metadata(source, executed.values[-1])
    metadata |= _settings(source, experiment, outputs)
    return Text(source, markdown, lines, metadata), executed.notes


def _has_code(source: Source, expressions: list[str]) -> bool:
    return bool(expressions) or any(c.kind == "code" or c.expressions for c in source.cells)


def _settings(source: Source, experiment: Experiment, outputs: list[Path]) -> dict:
    """Return what filters and templates need to know beside the header."""
    origin = provenance.provenance(experiment, outputs)
    settings = {
        "places": [str(source.path.parent), str(experiment.generated)],
        "root": str(root()),
        "origin": origin,
    }
    if source.is_report:
        settings["provenance"] = provenance.as_markdown(origin)
    return settings


def _page(text: Text, folder: Path) -> tuple[dict[str, bytes], set[str]]:
    """Return the HTML page, and the figures in it."""
    filters = [*_COMMON, "html"]
    options = ["--mathml", "--toc", "--toc-depth=3", "--section-divs", "--wrap=none"]
    page = convert(text, "html5", "web/report.html", filters, *options)
    return {".html": embed(page).encode()}, set()


def _report(text: Text, folder: Path) -> tuple[dict[str, bytes], set[str]]:
    """Return the PDF of a report, and the figures in it."""
    typ, used = _typst(text, folder, "typst/report.typ", [*_COMMON, "typst"])
    return {".pdf": compile_pdf(typ, text).content}, used


def _slides(text: Text, folder: Path) -> tuple[dict[str, bytes], set[str]]:
    """Return the PDF of a presentation and that of its speaker notes, and the figures in them."""
    filters = [*_COMMON, "slides", "typst"]
    typ, used = _typst(text, folder, "typst/slides.typ", filters)
    return slides(typ, text), used


def _typst(text: Text, folder: Path, template: str, filters: list[str]) -> tuple[Path, set[str]]:
    """Write the Typst file; return it with the figures that it shows."""
    options = ["--wrap=none"]
    for name, value in typst_variables(text).items():
        options += ["--variable", f"{name}={value}"]
    content = convert(text, "typst", template, filters, *options)
    typ = folder / f"{text.source.path.stem}.typ"
    typ.write_text(content, encoding="utf-8")
    return typ, set(re.findall(r'#image\("/((?:[^"\\]|\\.)*)"', content))


def typst_variables(text: Text) -> dict[str, str]:
    """Return the values of the document's properties as Typst expressions."""
    day = text.metadata["date"].split("-")
    names = [_plain(a["name"]) for a in text.metadata["authors"]]
    words = [_plain(str(k)) for k in text.metadata.get("keywords", [])]
    return {
        "common": "/" + str((HERE / "typst" / "common.typ").relative_to(root())),
        "author-names": _array(names),
        "keyword-list": _array(words),
        "typst-date": f"datetime(year: {int(day[0])}, month: {int(day[1])}, day: {int(day[2])})",
    }


def _array(words: list[str]) -> str:
    return "(" + "".join(json.dumps(w, ensure_ascii=False) + ", " for w in words) + ")"


def _plain(markdown: str) -> str:
    """Return a name without the escapes of Markdown."""
    return re.sub(r"\\([^\w\s])", r"\1", markdown)


def _write(outputs: list[Path], made: dict[str, bytes], stem: str) -> list[Path]:
    """Move the outputs into place, when all are complete."""
    written = [p for p in outputs if p.name.removeprefix(stem) in made]
    outputs[0].parent.mkdir(parents=True, exist_ok=True)
    for path in written:
        path.with_name(path.name + ".new").write_bytes(made[path.name.removeprefix(stem)])
    for path in written:
        os.replace(path.with_name(path.name + ".new"), path)
    return written


def _reads(source: Source, notes: dict, used: set[str]) -> list[Path]:
    """Return the files of the project on which the document depends, with the equipment."""
    found = {Path(p) for p in notes.get("read", ())} | {root() / p for p in used}
    for key in ("bibliography", "csl"):
        names = source.header.get(key) or []
        found |= {source.path.parent / n for n in (names if isinstance(names, list) else [names])}
    found |= {p for p in HERE.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    found |= {source.path, source.path.parent / "hashes.txt", root() / "pyproject.toml"}
    inside = {p for p in found if p.is_relative_to(root()) and p.exists()}
    return sorted(p for p in inside if ".venv" not in p.relative_to(root()).parts)
