"""Makes the PDF of a presentation, and sees to it that every slide fits its page."""

from pathlib import Path

from labflake.documents.pandoc import DocumentError, Text
from labflake.documents.pdf import Pdf, compile_pdf, too_wide
from labflake.documents.problems import Problem

_ROOM = (25.4 - 2 * 1.6) / 2.54 * 72  # points between the margins of a slide


def make(typ: Path, text: Text) -> dict[str, bytes]:
    """Return the PDF of the slides, and that of the notes for the speaker if there are any.

    Raises:
        DocumentError: a slide is too full, or Typst refused.
    """
    pdf = compile_pdf(typ, text, "begin", "end", "formula", "fit")
    problems = _overfull(pdf, text) + too_wide(pdf, text, _ROOM)
    if problems:
        raise DocumentError(problems)
    made = {".pdf": pdf.content}
    if any(c.kind == "markdown" and 'class="notes"' in c.text for c in text.source.cells):
        typ.with_suffix(".pdf").write_bytes(pdf.content)  # the notes show its pages
        made["-notes.pdf"] = compile_pdf(typ, text, notes=True).content
    return made


def _overfull(pdf: Pdf, text: Text) -> list[Problem]:
    """Return a problem for each slide that ends on another page than it begins."""
    problems = []
    for begin, end in zip(pdf.told("begin"), pdf.told("end"), strict=True):
        if begin["page"] != end["page"]:
            name = begin["name"][:60] or "without title"
            pages = end["page"] - begin["page"] + 1
            what = f"slide {begin['number']} ({name}) is too full: it needs {pages} pages"
            problems.append(Problem(text.line(begin["name"]), what))
    return problems
