"""Documents look made by hand: what belongs together is on one page, numbers are as in print."""

import re
import shutil
from pathlib import Path
from typing import NamedTuple

import bs4
import pypdf
import pytest
import writing

from labflake.documents import formats, pandoc

EXPERIMENT = "2026-01-02-Layout"
CASES = 9
_FILLER = "Words of no meaning fill this paragraph so that page breaks come at many places. "
_SECTION = """
# Begin{n}

{filler}

@fig:f{n} is shown here.

![Caption{n}.](assets/figures/decay.svg){{#fig:f{n} width=90%}}

{filler}

## Limits of {n}

{filler}

Announced{n}:

- Item{n} is the first.
- It has a second.

{filler}

## Table of {n}

```python
pd.DataFrame({{"name": [f"row{n}x{{i}}" for i in range({rows})]}})
```
"""
_NUMBERS = """
# Numbers

The change is `{python} -0.07`, from -3 to -1.5 (-2.5 in all), on 2026-01-02,
with `--flag -1`, x-1 and a-b.

```python
numbers = pd.DataFrame({"a": [-1.2345678, 12.3456789], "n": [3, -4]})
numbers
```

```python
numbers.set_index("n")
```

```python
numbers["a"].describe().to_frame()
```

```python
named = pd.DataFrame([[1, 2]], pd.Index(["r"], name="rows"), pd.Index(["u", "v"], name="cols"))
named
```

```python
frame = pd.DataFrame({"p": [0.5, 0.00000123], "x": [1.0, 2.0], "year": [2019.25, 1e9]})
frame["y"] = pd.array([0.123456, None], dtype="Float64")
frame["z"] = pd.array([0.1, None], dtype="float32")
frame.index = ["u", "v"]
frame
```
"""


class Place(NamedTuple):
    """Where a word is: the page, how far down and to the right."""

    page: int
    down: float
    right: float


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a report whose page breaks come at many places of what belongs together. Read only."""
    made = writing.experiment(writing.project(tmp_path_factory.mktemp("layout") / "p"), EXPERIMENT)
    sections = [
        _SECTION.format(n=n, filler=_FILLER * (3 + 7 * n % 11), rows=[5, 12, 19, 40][n % 4])
        for n in range(CASES)
    ]
    head = "---\ntitle: Layout\n---\n\n```python\n#| show: none\nimport pandas as pd\n```\n"
    source = writing.write(made, EXPERIMENT, "\n".join([head, *sections, _NUMBERS]))
    (answer,) = writing.build(made, source)
    assert answer["error"] is None
    return made


@pytest.fixture(scope="module")
def places(project: Path) -> dict[str, Place]:
    """Return where each word of the PDF is."""
    return words(writing.outputs(project, EXPERIMENT) / "report.pdf")


@pytest.fixture(scope="module")
def tables(project: Path) -> list[list[list[str]]]:
    """Return the cells of the tables of numbers in the page."""
    html = (writing.outputs(project, EXPERIMENT) / "report.html").read_text(encoding="utf-8")
    section = bs4.BeautifulSoup(html, "html.parser").select_one("#numbers")
    return [
        [[c.get_text(strip=True) for c in row.select("th, td")] for row in table.select("tr")]
        for table in section.select("table")
    ]


def words(pdf: Path) -> dict[str, Place]:
    """Return where the first of each word of a PDF is."""
    found: dict[str, Place] = {}
    for number, page in enumerate(pypdf.PdfReader(pdf).pages):

        def visit(text: str, cm: list[float], tm: list[float], *_, number: int = number) -> None:
            down = -(tm[4] * cm[1] + tm[5] * cm[3] + cm[5])
            right = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
            for word in re.findall(r"\w+", text):
                found.setdefault(word, Place(number, down, right))

        page.extract_text(visitor_text=visit)
    return found


def test_a_figure_stays_in_its_section(places: dict[str, Place]) -> None:
    """A figure is below the heading of its section and above the next heading."""
    for n in range(CASES):
        assert places[f"Begin{n}"] < places[f"Caption{n}"] < places[f"Announced{n}"]


_ORDER = """
# Section{n}

{filler}

See @fig:a{n}, @fig:c{n} and {cited}.

![Ord{n}x1](bars.svg){{#fig:a{n} width={width}%}}

Text.

![Ord{n}x2](bars.svg){{#fig:b{n} width=40%}}

Text.

![Ord{n}x3](bars.svg){{#fig:c{n} width=40%}}

Text.
"""


def test_figures_stand_in_the_order_of_their_numbers(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the text refers to all of them or not, and wherever a page ends."""
    monkeypatch.setenv("LABFLAKE_PROJECT", str(project))
    name = "2026-01-05-Order"
    folder = writing.experiment(project, name) / "scripts" / name
    shutil.copy(project / "generated" / name / "assets/figures/bars.svg", folder)
    sections = [
        _ORDER.format(
            n=n,
            filler=_FILLER * (2 + 5 * n % 9),
            cited=f"@fig:b{n}" if n % 3 == 0 else "others",
            width=[90, 60, 30][n % 3],
        )
        for n in range(CASES)
    ]
    text = writing.text(folder / "report.md", "---\ntitle: T\n---\n" + "".join(sections))
    (folder / "order.pdf").write_bytes(writing.report(text, folder).contents[".pdf"])
    places = words(folder / "order.pdf")
    shown = [places[f"Ord{n}x{i}"] for n in range(CASES) for i in (1, 2, 3)]
    assert shown == sorted(shown)


_BESIDE = """
{filler}

::: {{.columns}}
::: {{.column}}
Begin{n}

{words}

End{n}
:::
::: {{.column}}
![Drawn{n}.](bars.svg)
:::
:::
"""


def test_columns_with_a_figure_stay_on_one_page(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands beside a figure is on its page, wherever that begins; longer text may go on."""
    monkeypatch.setenv("LABFLAKE_PROJECT", str(project))
    folder = project / "scripts" / EXPERIMENT / "beside"
    folder.mkdir()
    shutil.copy(project / f"generated/{EXPERIMENT}/assets/figures/bars.svg", folder)
    short, long = (_FILLER * count for count in (9, 90))
    sections = [
        _BESIDE.format(n=n, filler=_FILLER * (5 + 7 * n % 12), words=short) for n in range(9)
    ]
    sections.append(_BESIDE.format(n="L", filler="", words=long))
    text = writing.text(folder / "report.md", "---\ntitle: T\n---\n" + "".join(sections))
    (folder / "beside.pdf").write_bytes(writing.report(text, folder).contents[".pdf"])
    places = words(folder / "beside.pdf")
    for n in range(9):
        assert len({places[f"{word}{n}"].page for word in ("Begin", "Drawn", "End")}) == 1, n
    assert places["EndL"].page > places["BeginL"].page


def test_a_heading_stands_above_a_table_that_is_turned(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wide table has a page of its own; the heading right before it goes there, too."""
    monkeypatch.setenv("LABFLAKE_PROJECT", str(project))
    folder = project / "scripts" / EXPERIMENT / "turned"
    folder.mkdir()
    wide = "| measurement " * 14 + "|\n" + "|--" * 14 + "|\n" + "| 1.25 " * 14 + "|\n"
    body = f"# First\n\nText.\n\n## Turned1\n\n{wide}\n: Caption1 {{#tbl:t}}\n"
    text = writing.text(folder / "report.md", f"---\ntitle: T\n---\n\n{body}")
    (folder / "wide.pdf").write_bytes(writing.report(text, folder).contents[".pdf"])
    places = words(folder / "wide.pdf")
    assert (places["First"].page, places["Turned1"].page, places["Caption1"].page) == (0, 1, 1)


def test_a_list_follows_its_announcement(places: dict[str, Place]) -> None:
    """What a paragraph announces with a colon begins on the same page, below it."""
    for n in range(CASES):
        announced, item = places[f"Announced{n}"], places[f"Item{n}"]
        assert (item.page, item.down > announced.down) == (announced.page, True)


@pytest.mark.parametrize("n", range(CASES))
def test_a_table_is_not_split_in_its_first_rows(n: int, places: dict[str, Place]) -> None:
    """A short table is on one page; a long one has its first rows on one page."""
    rows = [place.page for word, place in places.items() if word.startswith(f"row{n}x")]
    together = rows if len(rows) <= 20 else rows[:4]
    assert len({*together}) == 1


def test_numbers_have_a_minus_in_page_and_pdf(project: Path) -> None:
    """Before a number a hyphen is a minus in both formats; in dates, words and code it is none."""
    folder = writing.outputs(project, EXPERIMENT)
    html = bs4.BeautifulSoup((folder / "report.html").read_text(encoding="utf-8"), "html.parser")
    page = re.sub(r"\s+", " ", html.select_one("#numbers p").get_text())
    pdf = " ".join(p.extract_text() for p in pypdf.PdfReader(folder / "report.pdf").pages)
    wanted = (
        "The change is −0.07, from −3 to −1.5 (−2.5 in all), on 2026-01-02, with --flag -1, x-1"
    )
    assert page == f"{wanted} and a-b."
    assert wanted in re.sub(r"\s+", " ", pdf)


def test_tables_have_sensible_digits(tables: list[list[list[str]]]) -> None:
    """Columns of a DataFrame have four significant digits, and no value becomes zero."""
    _, by_n, described, _, wide = tables
    assert [row[-1] for row in by_n][-2:] == ["−1.235", "12.346"]
    assert [row[-1] for row in described][1:4] == ["2.000", "5.556", "9.603"]
    assert wide[1] == ["u", "0.5", "1.0", "2019", "0.1235", "0.1000"]
    assert wide[2] == ["v", "1.23e−06", "2.0", "1000000000", "<NA>", "NaN"]


def test_an_index_that_means_nothing_is_not_printed(tables: list[list[list[str]]]) -> None:
    """The numbers that pandas gives to rows are not shown; an index that somebody made is."""
    plain, by_n, *_ = tables
    assert plain[0] == ["a", "n"]
    assert len(by_n[-1]) == 2


def test_the_name_of_columns_stands_above_them(tables: list[list[list[str]]]) -> None:
    """The names of rows and of columns are not in one column of the head; "Row" is for the ear."""
    assert tables[3] == [["Row", "cols"], ["rows", "u", "v"], ["r", "1", "2"]]


def test_provenance_stays_short() -> None:
    """Of many files the first are named, and a link leads to the file that has all of them."""
    from labflake.documents import provenance

    found = {
        "experiment": EXPERIMENT,
        "commit": "0" * 40,
        "shallow_clone": False,
        "uncommitted": [f"src/study/module{i}.py" for i in range(40)],
        "data": {f"assets/data/part{i}.csv": "0" * 64 for i in range(9)},
        "settings": {},
        "rebuild": "make",
        "software": {},
        "packages": {},
    }
    text = provenance.as_markdown(found, "report.provenance.json")
    assert [text.count(word) for word in ("module", "part")] == [3, 3]
    assert "[37 more](report.provenance.json)" in text
    assert "[6 more](report.provenance.json)" in text


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build slides with words, with a figure and words, and with one small table. Read only."""
    made = writing.experiment(writing.project(tmp_path_factory.mktemp("slides") / "p"), EXPERIMENT)
    source = writing.write(
        made, EXPERIMENT, _SLIDES.replace("{long}", "a bc " * 130), "2026-01-03-talk.md"
    )
    (answer,) = writing.build(made, source)
    assert answer["error"] is None
    return writing.outputs(made, EXPERIMENT)


_SLIDES = """
---
title: Slides
---

## Few

- Alone in the slide

## Beside

- Left of it
- Also

![Right](assets/figures/decay.svg)

## Below

Above it, a sentence that is much too long to stand in a narrow column beside a figure, and goes on:
{long}

![Under](assets/figures/decay.svg)

## Table

| gauge | n |
|:--|--:|
| upper | 1 |
| lower | 2 |
"""


def test_no_letter_of_a_slide_touches_the_rule_of_a_table(slides: Path) -> None:
    """The rules of a table keep away from what hangs below a line, whatever size its words have."""
    page = pypdf.PdfReader(slides / "2026-01-03-talk.pdf").pages[-1]
    sizes: dict[str, float] = {}
    page.extract_text(
        visitor_text=lambda text, cm, tm, font, size: sizes.update(
            {text.strip(): size * abs(tm[3])}
        )
    )
    places = words(slides / "2026-01-03-talk.pdf")
    assert places["upper"].down - places["gauge"].down > 1.15 * sizes["gauge"]


def test_a_long_title_fits_the_first_slide(tmp_path: Path) -> None:
    """However long the title of slides is, it stands on one page with what follows it."""
    made = writing.experiment(writing.project(tmp_path / "p"), EXPERIMENT)
    head = "---\ntitle: {}\nsubtitle: Lab presentation\n---\n\n## One\n\n- Word\n"
    for number, repeated in enumerate((2, 12)):
        text = head.format("Response of Kinases (µM) " * repeated)
        source = writing.write(made, EXPERIMENT, text, f"2026-01-0{number + 1}-talk.md")
        (answer,) = writing.build(made, source)
        assert answer["error"] is None, repeated
        reader = pypdf.PdfReader(writing.outputs(made, EXPERIMENT) / f"{source.stem}.pdf")
        assert len(reader.pages) == 2


def test_words_alone_stand_in_the_middle_of_a_slide(slides: Path) -> None:
    """Where there are only few words they are larger, and not all at the top."""
    places = words(slides / "2026-01-03-talk.pdf")
    height = float(pypdf.PdfReader(slides / "2026-01-03-talk.pdf").pages[0].mediabox.height)
    assert places["Alone"].down + height > 0.35 * height


def test_a_figure_stands_beside_the_words_of_a_slide(slides: Path) -> None:
    """A figure is beside the words where it is larger there, else it is below them."""
    places = words(slides / "2026-01-03-talk.pdf")
    assert places["Right"].right > places["Left"].right + 250
    assert places["Under"].down > places["Above"].down + 100
    page = bs4.BeautifulSoup((slides / "2026-01-03-talk.html").read_text(), "html.parser")
    assert len(page.select(".slide .beside .picture img")) == 2


@pytest.mark.long
@pytest.mark.parametrize(("count", "simple"), [(700, True), (7, False)])
def test_lines_of_very_long_words_are_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, simple: bool
) -> None:
    """Words of 70 letters break anywhere: where there are many, each line is filled by itself.

    Else Typst compares all the ways to set 700 of them, which takes a minute.
    """
    project = writing.project(tmp_path / "p")
    monkeypatch.setenv("LABFLAKE_PROJECT", str(project))
    folder = writing.experiment(project, EXPERIMENT) / "scripts" / EXPERIMENT
    body = f"{'abcdefghij' * 7} " * count
    text = writing.text(folder / "report.md", f"---\ntitle: T\n---\n\n{body}\n")
    (converted,) = pandoc.convert(text, [formats.REPORT[0].target(text, folder)])
    assert ('set par(linebreaks: "simple")' in converted.content) is simple
    assert writing.report(text, folder).contents[".pdf"].startswith(b"%PDF")
