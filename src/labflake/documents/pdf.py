"""Makes PDF files with Typst: tagged, archivable (PDF/A-2a, PDF/UA-1), always the same bytes."""

import importlib.util
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from labflake.content.folders import names
from labflake.documents import typesetting
from labflake.documents.origin import FONTS
from labflake.documents.pandoc import DocumentError, Text
from labflake.documents.problems import Problem
from labflake.documents.typesetting import Request
from labflake.project.experiments import root

_SMALLEST = 0.5  # of the usual size of type
STANDARDS = ["a-2a", "ua-1"]
_MISSING = re.compile(r'error: [^\n]*?the text `"(.+?)"` could not be displayed')
_UNKNOWN = re.compile(r"label `<(.+?)>` does not exist")


class Pdf(NamedTuple):
    """A compiled document, and what was asked about it, as JSON."""

    content: bytes
    answers: dict[str, str]

    def told(self, label: str) -> list:
        """Return the values of the metadata elements with this label, in order."""
        return json.loads(self.answers[label])


def compile_pdf(path: Path, text: Text, *asked: str, notes: bool = False) -> Pdf:
    """Compile a Typst file of the project, and ask for metadata by their labels.

    Raises:
        DocumentError: Typst refused, or a character is in none of the fonts.
    """
    fonts = _fonts(path.parent)
    given = {"inputs": {"notes": "yes"}} if notes else {"standards": STANDARDS}
    made = typesetting.typeset(Request(str(path), str(root()), fonts, **given, asked=asked))
    if made.error:
        raise DocumentError(_problems(made.error, text))
    return Pdf(made.content, made.answers)


def too_wide(pdf: Pdf, text: Text, room: float) -> list[Problem]:
    """Return the formulas that are wider than the room, in points, and tables of tiny type."""
    problems = []
    for formula in pdf.told("formula"):
        if formula["points"] > room:
            tex = formula["alt"].strip()
            line = text.line(tex, text.line(tex[:20]))
            problems.append(Problem(line, f"this formula is wider than the page: {tex[:60]}"))
    for table in pdf.told("fit"):
        if table["factor"] < _SMALLEST:
            problems.append(Problem(text.line(table["name"]), "this table is too wide for a page"))
    return problems


def font_folders() -> list[Path]:
    """Return where the fonts of the project are; links to folders are followed."""
    known, folders = set(), [root() / FONTS]
    for folder in folders:
        place = os.path.realpath(folder)
        if place not in known:
            known.add(place)
            folders += [folder / name for name in names(folder) if (folder / name).is_dir()]
    return folders


def _fonts(folder: Path) -> list[str]:
    """Return a folder with the fonts of the project, and one with those that Matplotlib brings.

    The first has those whose names count, and no hidden ones. The second fills gaps of Typst's own;
    Matplotlib's folder itself does not do: it has a font that draws boxes for every character, and
    so hides that one is missing.
    """
    ours = [place / name for place in font_folders() for name in names(place)]
    found = importlib.util.find_spec("matplotlib")
    places = (found and found.submodule_search_locations) or []
    ttf = [Path(place, "mpl-data", "fonts", "ttf") for place in places]
    theirs = sorted(font for place in ttf for font in place.glob("DejaVuSans*.ttf"))
    return [
        _linked(folder / "own-fonts", [font for font in ours if font.is_file()]),
        _linked(folder / "fonts", theirs),
    ]


def _linked(folder: Path, fonts: list[Path]) -> str:
    folder.mkdir(exist_ok=True)
    for number, font in enumerate(fonts):
        link = folder / f"{number:04}-{font.name}"
        if not link.is_symlink():
            link.symlink_to(font)
    return str(folder)


def _problems(diagnostic: str, text: Text) -> list[Problem]:
    """Return Typst's errors as problems with lines of the source."""
    problems = _missing(map(_unescaped, _MISSING.findall(diagnostic)), text)
    for match in _UNKNOWN.finditer(diagnostic):
        line = text.line(f"(#{match[1]})", text.line(match[1]))
        problems.append(Problem(line, f"link to an unknown label: #{match[1]}"))
    if not problems:
        first = re.findall(r"^error: (.*)$", diagnostic, re.M)
        lines = "\n    ".join(diagnostic.strip().splitlines())
        problems = [Problem(1, f"{'; '.join(first)}\n    {lines}")]
    return problems


def _unescaped(shown: str) -> str:
    r"""Return the text that Typst shows with numbers for what cannot be seen, as `\\u{200d}`."""
    return re.sub(r"\\u\{([0-9a-f]+)\}", lambda match: chr(int(match[1], 16)), shown)


def _missing(texts: Iterable[str], text: Text) -> list[Problem]:
    """Return a problem for each line with characters that no font has."""
    lines: dict[int, str] = {}
    for characters in texts:
        line = text.line(characters, text.line(characters[0]))
        lines[line] = "".join(dict.fromkeys(lines.get(line, "") + characters))
    return [
        Problem(line, f"no font of the PDF has {_named(found)}: put a font that does into {FONTS}/")
        for line, found in lines.items()
    ]


def _named(characters: str) -> str:
    """Return characters with their numbers; of many, the first ones."""
    numbers = ", ".join(f"U+{ord(c):04X}" for c in characters[:5])
    seen = "".join(c for c in characters[:40] if c.isprintable())
    return f"{seen or 'what cannot be seen'} ({numbers}{', …' if len(characters) > 5 else ''})"
