"""Make the fonts of formulas in pages: subsets of New Computer Modern Math, which Typst brings.

`python maintenance/math_font.py` writes `src/labflake/documents/web/math*.woff2`, always the same
bytes from the same Typst, fontTools and Brotli. The font is under the GUST Font License.
"""

import importlib.metadata
import io
import struct
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

WEB = Path(__file__).resolve().parent.parent / "src" / "labflake" / "documents" / "web"
NAME = "NewComputerModernMath-Book"
# What formulas have; `letters` are the alphabets that few of them need.
SUBSETS = {
    "math": """
        20-7E A0 A7 AC B0 B1 B4 B7 D7 F7 131 237 302-304 306-308 30A 30C 338 391-3A9
        3B1-3D6 3F0-3F6 2010-2016 2018-201D 2020-2022 2026 2032-2037 2044 2057 205F
        2061-2064 20D7 210F 2110-2118 2127 2135 2190-219A 21A6 21A9 21AA 21BC-21C4 21CB
        21CC 21D0-21D5 2200-220D 220F-2213 2215-221E 2220 2223-222E 2234-2237 223C
        2241-2248 224D 2250 2254 2260-2265 226A 226B 226E-2273 227A-227D 2282-228B
        2291-229A 22A2-22A5 22A8 22B2-22B5 22C0-22C8 22D8 22D9 22EE-22F1 2308-230B 2329
        232A 23B0 23B1 23DC-23DF 25A0 25A1 25B3 25CB 25CF 27E8 27E9 27F5-27FA 2A7D 2A7E
        2AAF 2AB0 1D434-1D467 1D6A4-1D6A7 1D6E2-1D71B""",
    "math-letters": """
        2102 210A-210E 2115 2119-211D 2124 2128 212C 212D 2130 2131 2133 2134 1D400-1D433
        1D468-1D6A3 1D6A8-1D6E1 1D71C-1D7FF""",
}


def ranges(name: str) -> list[range]:
    """Return the characters of a subset."""
    pairs = (part.partition("-") for part in SUBSETS[name].split())
    return [range(int(a, 16), int(b or a, 16) + 1) for a, _, b in pairs]


def typst_font(wanted: str) -> TTFont:
    """Return one of the fonts that lie, as they are, in the library of the package typst."""
    files = importlib.metadata.files("typst") or ()
    content = next(Path(file.locate()) for file in files if file.suffix == ".so").read_bytes()
    at = content.find(b"OTTO")
    while at >= 0:
        (tables,) = struct.unpack(">H", content[at + 4 : at + 6])
        heads = [content[at + 12 + 16 * n : at + 28 + 16 * n] for n in range(tables)]
        if tables < 40 and any(head[:4] == b"CFF " for head in heads):
            end = max(sum(struct.unpack(">II", head[8:16])) for head in heads)
            font = TTFont(io.BytesIO(content[at : at + end]))
            if font["name"].getDebugName(4) == wanted:
                return font
        at = content.find(b"OTTO", at + 4)
    raise SystemExit(f"the package typst has no font {wanted}")


def made(name: str) -> bytes:
    """Return a subset in the format WOFF2: without hints, features and dates."""
    options = subset.Options(flavor="woff2", layout_features=[], hinting=False, name_IDs=[1, 2, 4])
    options.drop_tables += ["FFTM", "PfEd", "GSUB", "GPOS", "GDEF"]
    options.recalc_timestamp = False
    if name != "math":
        options.drop_tables.append("MATH")
    font = typst_font(NAME)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[code for each in ranges(name) for code in each])
    subsetter.subset(font)
    font.recalcTimestamp = False
    target = io.BytesIO()
    font.flavor = "woff2"
    font.save(target)
    return target.getvalue()


def main() -> None:
    """Write all subsets."""
    for name in SUBSETS:
        (WEB / f"{name}.woff2").write_bytes(made(name))


if __name__ == "__main__":
    main()
