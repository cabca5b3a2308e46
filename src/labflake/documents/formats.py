"""The formats of a document: page, report, slides; each from the same text."""

import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

from labflake.documents import interactive, slides
from labflake.documents.pandoc import HERE, DocumentError, Text, convert
from labflake.documents.pdf import compile_pdf, too_wide
from labflake.documents.web import embed
from labflake.documents.words import for_typst
from labflake.project.experiments import root

_ROOM = (21 - 2 * 2.7) / 2.54 * 72  # points between the margins of a report
_COMMON = (
    "tex",
    "spellings",
    "values",
    "tables",
    "divisions",
    "attributes",
    "signs",
    "files",
    "numbers",
    "citeproc",
)


class Made(NamedTuple):
    """Contents by the end of the file name, and the figures in them, from the project's folder."""

    contents: dict[str, bytes]
    figures: set[str]


def page(text: Text, folder: Path) -> Made:
    """Return the HTML page of a report, with everything inside.

    Raises:
        DocumentError: pandoc found something wrong.
    """
    options = ["--mathml", "--toc", "--toc-depth=3", "--section-divs", "--wrap=none"]
    html = convert(text, "html5", "web/report.html", [*_COMMON, "html"], *options)
    return Made({".html": interactive.embed(embed(html), folder).encode()}, set())


def stage(text: Text, folder: Path) -> Made:
    """Return the slides as an HTML page, with everything inside.

    Raises:
        DocumentError: pandoc found something wrong.
    """
    options = ["--mathml", "--wrap=none", "--reference-location=section", "--variable=slides=yes"]
    html = convert(text, "html5", "web/report.html", [*_COMMON, "slides", "html"], *options)
    return Made({".html": interactive.embed(embed(html), folder).encode()}, set())


def report(text: Text, folder: Path) -> Made:
    """Return the PDF of a report.

    Raises:
        DocumentError: pandoc or Typst found something wrong.
    """
    typ, figures = _typst(text, folder, "typst/report.typ", [*_COMMON, "typst"])
    pdf = compile_pdf(typ, text, "formula", "fit")
    if problems := too_wide(pdf, text, _ROOM):
        raise DocumentError(problems)
    return Made({".pdf": pdf.content}, figures)


def presentation(text: Text, folder: Path) -> Made:
    """Return the PDF of a presentation and, if it has any, that of its notes.

    Raises:
        DocumentError: pandoc or Typst found something wrong, or a slide is too full.
    """
    filters = [*_COMMON, "slides", "typst"]
    typ, figures = _typst(text, folder, "typst/slides.typ", filters, "--variable=slides=yes")
    return Made(slides.make(typ, text), figures)


def _typst(
    text: Text, folder: Path, template: str, filters: list[str], *options: str
) -> tuple[Path, set[str]]:
    """Write the Typst file; return it with the figures that it shows."""
    typ = folder / f"{text.source.path.stem}.typ"
    given = ["--wrap=none", *options]
    for name, value in _variables(text, typ).items():
        given += ["--variable", f"{name}={value}"]
    content = convert(text, "typst-smart-citations", template, filters, *given)
    typ.write_text(content, encoding="utf-8")
    return typ, set(re.findall(r'#image\("/((?:[^"\\]|\\.)*)"', content))


def _variables(text: Text, typ: Path) -> dict[str, str]:
    """Return properties of the document, and files that it needs, as Typst expressions."""
    day = [int(part) for part in text.metadata["date"].split("-")]
    common = typ.with_name("common.typ")  # Typst reads files of the project only
    shutil.copyfile(HERE / "typst" / "common.typ", common)
    names = [_plain(a["name"], text) for a in text.metadata["authors"]]
    words = [_plain(str(k), text) for k in text.metadata.get("keywords", [])]
    return {
        "common": "/" + str(common.relative_to(root())),
        "slides-pdf": "/" + str(typ.with_suffix(".pdf").relative_to(root())),
        "author-names": _array(names),
        "keyword-list": _array(words),
        "typst-lang": for_typst(text.metadata["lang"]),
        "typst-date": "datetime(year: {}, month: {}, day: {})".format(*day),
    }


def _array(words: list[str]) -> str:
    return "(" + "".join(json.dumps(w, ensure_ascii=False) + ", " for w in words) + ")"


def _plain(markdown: str, text: Text) -> str:
    """Return a name without the escapes of Markdown, and with its values."""
    return text.marks.shown(re.sub(r"\\([^\w\s])", r"\1", markdown))
