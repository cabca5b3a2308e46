"""Figures that move, of Altair, Plotly and Bokeh, in a page that loads nothing."""

import html
import importlib
import importlib.util
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

_NETWORK = re.compile(
    r"""<(?:script|img|iframe|video|audio|source|embed)\b[^>]*\ssrc=["']?\s*(?:https?:)?//[^"'\s>]+"""
    r"""|<link\b[^>]*\shref=["']?\s*(?:https?:)?//[^"'\s>]+"""
    r"""|(?:url\(|@import|\bimport)\s*["'(]*\s*(?:https?:)?//[^"')\s]+"""
    r"""|["']https?://[^"']+\.(?:js|mjs|css)["']""",
    re.I,
)
_FILE = re.compile(r"<!--file (output-\d+\.html)-->")
_NEEDS = re.compile(r'<div class="moving" data-library="(\w+)"')
_DRAW = {
    "plotly": "Plotly.newPlot(place, it.data, it.layout, {responsive: true, ...it.config})",
    "vega": "vegaEmbed(place, it, {actions: {source: false, compiled: false, editor: false}})",
    "bokeh": "Bokeh.embed.embed_item(it, place)",
}
_FILES = {
    "plotly": ["package_data/plotly.min.js"],
    "bokeh": [
        f"server/static/js/bokeh{part}.min.js" for part in ("", "-widgets", "-tables", "-gl")
    ],
}
PICTURE = (
    "give the cell a picture for the PDF, `#| static: assets/figures/NAME.svg`,\n"
    "    or draw it with Altair or Matplotlib"
)
_VEGA = "make add PACKAGE=vl-convert-python, which draws figures of Altair without a browser"


class UnshownError(Exception):
    """An output that page or PDF cannot show; the text says why and what to do."""


class Piece(NamedTuple):
    """A figure for the page, what it is called, and what to do where the PDF has none."""

    html: str
    name: str
    advice: str


def piece(data: dict[str, Any]) -> Piece | None:
    """Return the figure for the page, if an output is one that a known library draws."""
    for kind, value in data.items():
        if kind.startswith("application/vnd.plotly.v1"):
            return Piece(_drawn("plotly", value), "a figure of Plotly", PICTURE)
        if re.match(r"application/vnd\.vega(lite)?\.v", kind):
            return Piece(_drawn("vega", value), "this figure of Altair", _VEGA)
        if kind.startswith("application/vnd.bokehjs.v"):
            return Piece(_drawn("bokeh", value), "a figure of Bokeh", PICTURE)
    return None


def _drawn(library: str, value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False).replace("</", "<\\/")  # Bokeh needs the order
    text = text.replace("<!--", "<\\u0021--")
    return (
        f'<div class="moving" data-library="{library}"><script type="application/json">{text}'
        "</script></div>"
    )


def refuse_network(text: str) -> None:
    """Refuse HTML that loads something: a page is whole by itself.

    Raises:
        UnshownError: with what it loads.
    """
    if found := _NETWORK.search(text):
        address = re.sub(r"^.*?((?:https?:)?//)", r"\1", found[0], flags=re.S)
        raise UnshownError(
            f"this output loads {html.unescape(address)[:80]} when it is shown\n"
            "    a page has to be whole without a network: let the library put its script inside,\n"
            "    or show a picture"
        )


def embed(page: str, folder: Path) -> str:
    """Return a page with the figures that move, and with the libraries that draw them."""
    page = _FILE.sub(lambda m: (folder / m[1]).read_text(encoding="utf-8"), page)
    used = sorted(set(_NEEDS.findall(page)))
    if not used:
        return page
    scripts = [f"<script>{_library(name)}</script>" for name in used]
    scripts += [f"<script>{_script(name)}</script>" for name in used]
    head, body = page.rsplit("</body>", 1)
    return "\n".join([head, *scripts, f"</body>{body}"])


def _script(library: str) -> str:
    """Return what draws all figures of a library."""
    return (
        f'for (const place of document.querySelectorAll("[data-library={library}]")) {{\n'
        "  const it = JSON.parse(place.firstChild.textContent);\n"
        f"  {_DRAW[library]};\n}}\n"
    )


def _library(name: str) -> str:
    """Return the script of a library, of the package that also drew the figure."""
    if name == "vega":
        bundle: Any = importlib.import_module("vl_convert").javascript_bundle
        script = f"(() => {{{bundle()}}})();"
    else:
        spec = importlib.util.find_spec(name)
        places = [Path(place) for place in (spec and spec.submodule_search_locations) or []]
        files = [place / file for place in places[:1] for file in _FILES[name]]
        script = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return re.sub(r"</(?=script)", r"<\\/", script, flags=re.I)
