"""The page of a comparison: one file, the figures inside, nothing loaded from elsewhere."""

import base64
from html import escape
from pathlib import Path

from labflake.site.differences import Code, Differences, Figure, Row

_STYLE = Path(__file__).parent / "index.css"
_MORE = """
table { border-collapse: collapse; width: 100%; } td, th { padding: .3rem .8rem; text-align: left;
  vertical-align: top; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
h2 { margin: 2.5rem 0 .6rem; } td.number { font-variant-numeric: tabular-nums; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1.5rem; } .pair figure { margin: 0; }
.pair img { width: 100%; background: #fff; border: 1px solid var(--line); border-radius: 6px; }
pre { background: var(--shade); padding: .8rem; border-radius: 6px; overflow-x: auto; }
ins, del { display: block; text-decoration: none; }
ins { color: var(--good); } del { color: var(--bad); }
"""
_KINDS = {".svg": "svg+xml", ".jpg": "jpeg"}


def page(one: str, two: str, found: Differences) -> str:
    """Return the page.

    Args:
        one: how the first side is called.
        two: how the second one is.
        found: what differs.
    """
    names = escape(one), escape(two)
    head = f"<tr><th></th><th>{names[0]}</th><th>{names[1]}</th><th></th></tr>"
    parts = [
        _table("Metrics", head, found.metrics),
        _section("Figures", "".join(_figure(each, names) for each in found.figures)),
        _table("Settings", head, found.settings),
        _table("Data", head, found.data),
        _section("Code", "".join(map(_code, found.code))),
    ]
    style = _STYLE.read_text(encoding="utf-8") + _MORE
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{names[0]} and {names[1]}</title><style>{style}</style></head><body>"
        f'<header><h1>What differs</h1><p class="lead">{names[0]}<br>{names[1]}</p></header>'
        f"<main>{''.join(parts)}</main></body></html>\n"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body or '<p>no difference</p>'}</section>"


def _table(title: str, head: str, rows: list[Row]) -> str:
    cells = "".join(
        f'<tr><th scope="row">{escape(r.name)}</th><td class="number">{escape(r.one)}</td>'
        f'<td class="number">{escape(r.two)}</td><td class="number">{escape(r.change)}</td></tr>'
        for r in rows
    )
    return _section(title, f"<table>{head}{cells}</table>" if cells else "")


def _figure(figure: Figure, names: tuple[str, str]) -> str:
    said = " (the same)" if figure.same else ""
    pair = "".join(
        f"<figure>{_image(path, name)}<figcaption>{name}</figcaption></figure>"
        for path, name in zip((figure.one, figure.two), names, strict=True)
    )
    return f'<h3>{escape(figure.name)}{said}</h3><div class="pair">{pair}</div>'


def _image(path: Path | None, name: str) -> str:
    if not path:
        return "<p>not here</p>"
    kind = _KINDS.get(path.suffix, path.suffix[1:])
    content = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{escape(path.name)} of {name}" src="data:image/{kind};base64,{content}">'


def _code(code: Code) -> str:
    tags = {"+": "ins", "-": "del"}
    lines = []
    for line in code.lines:
        tag = tags.get(line[:1])
        lines.append(f"<{tag}>{escape(line)}</{tag}>" if tag else f"{escape(line)}\n")
    counts = f"+{code.added} \N{MINUS SIGN}{code.removed}"
    return f"<h3>{escape(code.name)} <small>{counts}</small></h3><pre>{''.join(lines)}</pre>"
