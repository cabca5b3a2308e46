"""Translates the HTML of an output into what page and PDF both show: text, tables with colours.

Styles are written to the cells that they mean, since neither Typst nor pandoc reads style sheets.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Iterator

import bs4
import soupsieve
import tinycss2
from tinycss2 import color4

Save = Callable[[bytes, str], str]  # content and suffix of a picture to the name of its file
_KNOWN = frozenset(
    """
    html body div span p br hr b i em strong u s del ins sub sup code pre kbd samp var tt
    small big mark a abbr blockquote q cite dfn ul ol li dl dt dd h1 h2 h3 h4 h5 h6 table
    caption colgroup col thead tbody tfoot tr th td img figure figcaption center font
    section article header footer main time wbr math style title head meta
    """.split()  # noqa: SIM905
)
_NO_TEXT = ("style", "title", "head", "meta")
_KEPT = {"colspan", "rowspan", "style", "href", "src", "alt", "start"}
_LOOKS = ("background-color", "background", "color", "font-weight", "font-style", "text-align")
_INHERITED = ("background-color", "color", "font-weight", "font-style")
_USUAL = {
    "background-color": ("#ffffff", "white", "transparent", "inherit", "initial"),
    "color": ("#333333", "inherit", "initial"),
    "font-weight": ("normal", "initial", "inherit", "400"),
    "font-style": ("normal", "initial", "inherit"),
    "text-align": ("inherit", "initial"),
}
_SVG = re.compile(r"<svg\b.*?</svg\s*>", re.S | re.I)
_DATA = re.compile(r"data:image/(png|jpeg|gif|svg\+xml);base64,(.*)", re.S)
_STOP = re.compile(r"(transparent|#\w+|rgba?\([^)]*\)|[a-z]+)\s+([\d.]+)%")


def unknown_in(html: str) -> list[str]:
    """Return the elements of an output that only a browser shows, such as `script`."""
    soup = bs4.BeautifulSoup(_SVG.sub("", html), "html.parser")
    return sorted({tag.name for tag in soup.find_all(True)} - _KNOWN)


def translated(html: str, save: Save) -> str:
    """Return HTML without style sheets, names and hidden parts; its pictures become files."""
    html = _SVG.sub(lambda m: f'<img src="{save(_whole(m[0]).encode(), "svg")}">', html)
    soup = bs4.BeautifulSoup(html, "html.parser")
    for comment in soup.find_all(string=lambda text: isinstance(text, bs4.Comment)):
        comment.extract()
    looks = _looks(soup)
    for name in _NO_TEXT:
        for tag in soup.find_all(name):
            tag.decompose()
    for tag in soup.find_all(True):
        if not tag.decomposed:
            _simplify(tag, looks.get(id(tag), {}), save)
    return str(soup)


def _whole(svg: str) -> str:
    """Return a picture as a file of its own has to be written."""
    if "xmlns=" in svg:
        return svg
    return svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)


def _looks(soup: bs4.BeautifulSoup) -> dict[int, dict[str, str]]:
    """Return what style sheets and attributes say of the looks of each element."""
    found: dict[int, dict[str, str]] = {}
    rules = [rule for tag in soup.find_all("style") for rule in _rules(tag.get_text())]
    for _, selector, declared in sorted(rules, key=lambda rule: rule[0]):
        try:
            tags = soupsieve.select(selector, soup)
        except (soupsieve.SelectorSyntaxError, RuntimeError):  # `::after` is of no element
            continue
        for tag in tags:
            found.setdefault(id(tag), {}).update(declared)
    for tag in soup.find_all(style=True):
        found.setdefault(id(tag), {}).update(_declared(str(tag["style"])))
    cells = soup.find_all(["td", "th"])
    for cell in [cell for cell in cells if cell.parent and cell.parent.name == "tr"]:
        of_row = found.get(id(cell.parent), {})
        inherited = {name: of_row[name] for name in _INHERITED if name in of_row}
        found[id(cell)] = inherited | found.get(id(cell), {})
    return found


def _rules(sheet: str) -> Iterator[tuple[tuple[int, int, int], str, dict[str, str]]]:
    """Yield the weight of each rule, its selector and what it declares."""
    for rule in tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True):
        if rule.type != "qualified-rule":
            continue
        declared = _declared(tinycss2.serialize(rule.content))
        for selector in tinycss2.serialize(rule.prelude).split(","):
            classes = len(re.findall(r"[.\[:]", selector))
            weight = (selector.count("#"), classes, len(re.findall(r"(?:^|\s)\w", selector)))
            yield weight, selector.strip(), declared


def _declared(text: str) -> dict[str, str]:
    """Return the looks that declarations give, and whether they hide."""
    found = {}
    for each in tinycss2.parse_blocks_contents(text, skip_comments=True, skip_whitespace=True):
        if each.type == "declaration" and each.lower_name in (*_LOOKS, "display"):
            found[each.lower_name] = tinycss2.serialize(each.value).strip()
    return found


def _simplify(tag: bs4.Tag, looks: dict[str, str], save: Save) -> None:
    """Leave of an element what both targets show."""
    if looks.get("display") == "none":
        tag.decompose()
        return
    if tag.name == "img" and (data := _DATA.match(str(tag.get("src", "")))):
        suffix = {"jpeg": "jpg", "svg+xml": "svg"}.get(data[1], data[1])
        tag["src"] = save(b64decode(data[2]), suffix)
    tag.attrs = {name: value for name, value in tag.attrs.items() if name in _KEPT - {"style"}}
    own = {name: v for name, v in looks.items() if v.lower() not in _USUAL.get(name, ())}
    if tag.name in ("td", "th", "span") and own:
        _dress(tag, own)


def _dress(tag: bs4.Tag, looks: dict[str, str]) -> None:
    """Write looks to an element, for the page as style, for the PDF as attributes of Typst."""
    ground = _colour(looks.get("background-color", ""))
    if ground and "color" not in looks:  # readable on a dark page, too
        light = 0.299 * ground[0] + 0.587 * ground[1] + 0.114 * ground[2]
        looks = looks | {"color": "#000000" if light > 0.5 else "#ffffff"}
    words = {name: looks[name] for name in _LOOKS if name in looks and name != "display"}
    tag["style"] = "; ".join(f"{name}: {value}" for name, value in words.items())
    fill = _bar(looks.get("background", ""), ground) or (ground and _typst(ground))
    if fill and tag.name != "span":
        tag["typst:fill"] = fill
    if colour := _colour(looks.get("color", "")):
        tag["typst:text:fill"] = _typst(colour)
    if looks.get("font-weight", "") in ("bold", "bolder", "600", "700", "800", "900"):
        tag["typst:text:weight"] = '"bold"'
    if looks.get("font-style", "") in ("italic", "oblique"):
        tag["typst:text:style"] = '"italic"'


def _colour(text: str) -> tuple[float, ...] | None:
    """Return red, green, blue and opacity, from 0 to 1."""
    found = color4.parse_color(text) if text else None
    if found is None or isinstance(found, str) or not found.alpha:
        return None
    red, green, blue = found.to("srgb").coordinates
    return red, green, blue, found.alpha


def _typst(colour: tuple[float, ...]) -> str:
    return f'rgb("#{"".join(f"{round(part * 255):02x}" for part in colour)}")'


def _bar(text: str, ground: tuple[float, ...] | None) -> str:
    """Return a bar behind a number, which pandas draws as a gradient with sharp ends, for Typst."""
    stops = [
        (_colour(c) or ground or (1.0, 1.0, 1.0, 1.0), float(p)) for c, p in _STOP.findall(text)
    ]
    if not text.startswith("linear-gradient(90deg") or not stops:
        return ""
    ends = [(stops[0][0], 0.0), *stops, (stops[-1][0], 100.0)]
    return f"gradient.linear({', '.join(f'({_typst(c)}, {p}%)' for c, p in ends)})"
