"""The formats of a document: page, report, slides; each from the same text."""

import json
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from labflake.documents import interactive, slides
from labflake.documents.converting import Target
from labflake.documents.pandoc import HERE, DocumentError, Text, convert
from labflake.documents.pdf import compile_pdf, too_wide
from labflake.documents.problems import Problem
from labflake.documents.web import embed
from labflake.documents.words import for_typst
from labflake.project.experiments import root

_HTML = {"html_math_method": "mathml"}
_ROOM = (21 - 2 * 2.7) / 2.54 * 72  # points between the margins of a report


class Made(NamedTuple):
    """Contents by the end of the file name, and the figures in them, from the project's folder."""

    contents: dict[str, bytes]
    figures: set[str]


class Format(NamedTuple):
    """What pandoc is to write, and what becomes of it."""

    target: Callable[[Text, Path], Target]
    finish: Callable[[str, Text, Path], Made]


def every(text: Text, folder: Path) -> tuple[Made, list[Problem]]:
    """Make all formats of a document; return them, and what is wrong with any of them."""
    return make(REPORT if text.source.is_report else PRESENTATION, text, folder)


def make(wanted: list[Format], text: Text, folder: Path) -> tuple[Made, list[Problem]]:
    """Make some formats: each is finished while pandoc writes the next one."""
    contents: dict[str, bytes] = {}
    figures: set[str] = set()
    problems: list[Problem] = []
    targets = [each.target(text, folder) for each in wanted]
    with ThreadPoolExecutor(len(wanted)) as pool:
        jobs = []
        try:
            for each, converted in zip(wanted, convert(text, targets), strict=False):
                problems += converted.problems
                if not converted.problems:
                    jobs.append(pool.submit(each.finish, converted.content, text, folder))
        except DocumentError as error:
            problems += error.problems
        for job in jobs:
            try:
                made = job.result()
                contents |= made.contents
                figures |= made.figures
            except DocumentError as error:
                problems += error.problems
    return Made(contents, figures), problems


def _for_page(text: Text, folder: Path) -> Target:
    options = {"table_of_contents": True, "toc_depth": 3, "section_divs": True}
    return _target("html5", "targets html", "web/report.html", options | _HTML)


def _for_stage(text: Text, folder: Path) -> Target:
    options = {"reference_location": "end-of-section"} | _HTML
    return _target("html5", "targets slides html", "web/report.html", options)


def _for_report(text: Text, folder: Path) -> Target:
    return _typst("targets typst", "typst/report.typ", text, folder)


def _for_slides(text: Text, folder: Path) -> Target:
    return _typst("targets slides typst", "typst/slides.typ", text, folder)


def _typst(filters: str, template: str, text: Text, folder: Path) -> Target:
    known = _variables(text, _typ(text, folder))
    return _target("typst-smart-citations", filters, template, {}, known)


def _target(
    to: str,
    filters: str,
    template: str,
    options: dict[str, Any],
    variables: dict[str, str] | None = None,
) -> Target:
    source = (HERE / template).read_text(encoding="utf-8")
    return Target(to, filters, source, options | {"wrap_text": "wrap-none"}, variables or {})


def _typ(text: Text, folder: Path) -> Path:
    return folder / f"{text.source.path.stem}.typ"


def _page(html: str, text: Text, folder: Path) -> Made:
    """Return the HTML page with everything inside."""
    return Made({".html": interactive.embed(embed(html), folder).encode()}, set())


def _report(content: str, text: Text, folder: Path) -> Made:
    """Return the PDF of a report.

    Raises:
        DocumentError: Typst found something wrong.
    """
    typ = _typ(text, folder)
    typ.write_text(content, encoding="utf-8")
    pdf = compile_pdf(typ, text, "formula", "fit")
    if problems := too_wide(pdf, text, _ROOM):
        raise DocumentError(problems)
    return Made({".pdf": pdf.content}, _figures(content))


def _presentation(content: str, text: Text, folder: Path) -> Made:
    """Return the PDF of a presentation and, if it has any, that of its notes.

    Raises:
        DocumentError: Typst found something wrong, or a slide is too full.
    """
    typ = _typ(text, folder)
    typ.write_text(content, encoding="utf-8")
    return Made(slides.make(typ, text), _figures(content))


def _figures(typst: str) -> set[str]:
    return set(re.findall(r'#image\("/((?:[^"\\]|\\.)*)"', typst))


# The PDF first: it takes longer to finish.
REPORT = [Format(_for_report, _report), Format(_for_page, _page)]
PRESENTATION = [Format(_for_slides, _presentation), Format(_for_stage, _page)]


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
