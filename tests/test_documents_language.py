"""Documents in other languages and scripts, and with words that are longer than a line."""

import re
from pathlib import Path

import browsing
import bs4
import pypdf
import pytest
import writing

from labflake.documents import header, words
from labflake.documents.source import read
from labflake.errors import LabError

GERMAN = """
---
title: Zerfall
lang: de-AT
abstract: Kurz.
keywords: [Zerfall]
toc: true
bibliography: references.bib
---

# Einleitung {#sec:start}

Siehe @fig:decay, @tbl:rates, @eq:line, @sec:start, @lst:lines, @sec:more und [@gillespie1977].

![Zerfall.](assets/figures/decay.svg)

| Rate |
|------|
| 1 |

: Raten. {#tbl:rates}

$$ x = 1 $$ {#eq:line}

> [!WARNING]
> Vorsicht.

```{.awk #lst:lines caption="Zeilen."}
{print}
```

<!-- appendix -->

# Mehr {#sec:more}

Ende.

# Literatur
"""
SENTENCES = [
    "Siehe Abbildung 1, Tabelle 1, Gleichung 1, Abschnitt 1, Auflistung 1, Anhang A und",
    "Abbildung 1. Zerfall.",
    "Tabelle 1. Raten.",
    "Auflistung 1. Zeilen.",
    "Inhaltsverzeichnis",
    "Zusammenfassung",
    "Schlagwörter: Zerfall",
    "Warnung Vorsicht.",
]


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\u00a0", " "))


def _built(folder: Path, text: str, name: str = "report.md") -> Path:
    """Build a document in a new project; return the folder of its outputs."""
    project = writing.project(folder)
    writing.experiment(project, writing.ODD)
    answer = writing.build(project, writing.write(project, writing.ODD, text, name))[0]
    assert answer["error"] is None
    return writing.outputs(project, writing.ODD)


def _text(path: Path) -> str:
    return _plain(" ".join(page.extract_text() for page in pypdf.PdfReader(path).pages))


@pytest.fixture(scope="module")
def german(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a German report."""
    return _built(tmp_path_factory.mktemp("german") / "p", GERMAN)


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_german_report_says_abbildung(sentence: str, german: Path) -> None:
    """Captions, references, contents, abstract and call-outs are in the language of the header."""
    page = bs4.BeautifulSoup((german / "report.html").read_text(encoding="utf-8"), "html.parser")
    assert sentence in _plain(page.get_text())
    assert sentence in _text(german / "report.pdf")


def test_the_language_is_that_of_page_and_pdf(german: Path) -> None:
    """Programs that read aloud learn the language; only the provenance stays English."""
    page = bs4.BeautifulSoup((german / "report.html").read_text(encoding="utf-8"), "html.parser")
    assert (page.html["lang"], page.html["dir"]) == ("de-AT", "ltr")
    assert page.select_one(".provenance")["lang"] == "en"
    assert [h.get_text() for h in page.select("main > section > h2")][-2:] == [
        "Literatur",
        "Provenance",
    ]
    assert pypdf.PdfReader(german / "report.pdf").trailer["/Root"]["/Lang"] == "de-AT"


WORDS = {
    "ar": "شكل 1",
    "es": "Figura 1",
    "fr": "Tableau 1",
    "pl": "Rysunek 1",
    "pt-br": "Figura 1",
    "sr-Latn": "Slika 1",
    "zh-CN": "图 1",
    "zh-Hant": "圖 1",
}


@pytest.mark.long
@pytest.mark.parametrize("language", WORDS)
def test_many_languages_are_known(language: str, tmp_path: Path) -> None:
    """Words come from the data of pandoc and Typst; Arabic goes from right to left."""
    text = GERMAN.replace("de-AT", language).replace("# Literatur", "")
    project = writing.project(tmp_path / "p")
    writing.experiment(project, writing.ODD)
    writing.font(
        project / "fonts/square.ttf", "圖图表小节節式附錄录列參参考文獻献摘要目年《》～警告注"
    )
    answer = writing.build(project, writing.write(project, writing.ODD, text))[0]
    assert answer["error"] is None
    page = (writing.outputs(project, writing.ODD) / "report.html").read_text(encoding="utf-8")
    assert WORDS[language] in _plain(page)
    assert f'dir="{"rtl" if language == "ar" else "ltr"}"' in page


CODES = {
    "zh-TW": ("圖", "小節"),
    "zh": ("图", "小节"),
    "zh-Hans-SG": ("图", "小节"),
    "sr-Latn-RS": ("Slika", "Poglavlje"),
    "sr-RS": ("Слика", "Поглавље"),
    "DE-ch-1996": ("Abbildung", "Abschnitt"),
    "es-419": ("Figura", "Sección"),
    "en-GB": ("Figure", "Section"),
}


@pytest.mark.parametrize("code", CODES)
def test_a_code_finds_its_words(code: str) -> None:
    """Script, region and the case of letters are understood as BCP 47 has them."""
    assert words.is_known(code)
    found = words.words(code)
    assert (found["Figure"], found["Section"]) == CODES[code]


ADVICE = {
    "zh_CN": "write zh-CN",
    "pt_BR.UTF-8": "write pt-BR",
    "German": "write de",
    "deu": "write de",
    "cmn-Hans": "write zh-Hans",
    "kk": "write en, and the labels",
    "x": "write a code like",
}


@pytest.mark.parametrize("code", ADVICE)
def test_a_code_without_words_says_which_to_write(
    code: str, tmp_path: Path, in_the_template: None
) -> None:
    """The line of the header is named, and the code that was probably meant."""
    source = tmp_path / "report.md"
    source.write_text(f"---\ntitle: T\nlang: {code}\n---\n\nText.\n")
    with pytest.raises(LabError, match=f"report.md:3: lang: {code} .*{ADVICE[code]}"):
        header.check(read(source))


def test_what_cannot_be_seen_has_a_number(tmp_path: Path) -> None:
    """Signs that join others have no look: the message has their lines and their numbers."""
    project = writing.project(tmp_path / "p")
    text = "---\ntitle: T\n---\n\nText.\n\nIt is \U0001f469\u200d\U0001f52c here.\n"
    refused = writing.build(project, writing.write(project, writing.ODD, text))[0]["error"]
    assert "report.md:7: no font of the PDF has \U0001f469" in refused
    assert "U+1F469" in refused
    assert "u{" not in refused
    assert "report.md:1:" not in refused


@pytest.mark.long
def test_fonts_of_the_project_are_used(tmp_path: Path) -> None:
    """A character that no font has is named with a way out: a font in the folder `fonts`."""
    project = writing.project(tmp_path / "p")
    text = "---\ntitle: T\n---\n\nIt says 日本 and\n日 here.\n"
    source = writing.write(project, writing.ODD, text)
    refused = writing.build(project, source)[0]["error"]
    assert refused.splitlines() == [
        f"scripts/{writing.ODD}/report.md:5: no font of the PDF has 日本 (U+65E5, U+672C): "
        "put a font that does into fonts/"
    ]
    writing.font(project / "fonts/square.ttf", "日本")
    answer = writing.build(project, source)[0]
    assert str(project / "fonts/square.ttf") in answer["reads"]
    assert str(project / "fonts") in answer["listed"]
    pdf = pypdf.PdfReader(writing.outputs(project, writing.ODD) / "report.pdf")
    fonts = [f.get_object()["/BaseFont"] for f in pdf.pages[0]["/Resources"]["/Font"].values()]
    assert any("Square" in name for name in fonts)
    assert "日 here" in pdf.pages[0].extract_text()


LONG = "Wort" * 50
WIDE = f"""
---
title: {LONG}
subtitle: {LONG}
author:
  - name: {LONG}
    affiliation: {LONG}
    orcid: 0000-0002-1825-0097
    email: {LONG}@example.org
  - name: Ada Example
    affiliation: Institute of Long Names That Go On For A While And Then Some More, Somewhere
date: 2026-01-02
keywords: [{LONG}]
abstract: {LONG}
---

# {LONG}

{LONG} and `{LONG}` in code.

- {LONG}

![{LONG}](assets/figures/decay.svg)
"""


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a report with words of 200 letters in every place."""
    return _built(tmp_path_factory.mktemp("wide") / "p", WIDE)


def test_long_words_stay_within_the_margins_of_the_pdf(wide: Path) -> None:
    """No line of the PDF is longer than the room between the margins has letters."""
    pdf = pypdf.PdfReader(wide / "report.pdf")
    lines = [line for page in pdf.pages for line in page.extract_text().splitlines()]
    assert max(len(line) for line in lines if "Wort" in line) < 100
    assert "".join(lines).count("Wort") >= 50 * 9


@browsing.needs_browser
def test_long_words_stay_within_a_phone(wide: Path, tmp_path: Path) -> None:
    """Nothing is wider than the window of a phone."""
    script = "return document.documentElement.scrollWidth - window.innerWidth"
    page = (wide / "report.html").read_text(encoding="utf-8")
    wider, logged = browsing.ask(tmp_path, page, script, browsing.WIDTHS["phone"])
    assert (wider, logged) == (0, "")
