"""The page of a comparison: one file, the figures inside, nothing loaded from elsewhere."""

import base64
from pathlib import Path

from markupsafe import Markup

from labflake.site.differences import Differences
from labflake.site.templates import as_it_is, template

_MORE = Markup("""
main table { border-collapse: collapse; width: 100%; table-layout: fixed; }
main td, main th { padding: .3rem .8rem; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); white-space: normal; overflow-wrap: anywhere; }
main th:last-child, main td:last-child { width: 6rem; }
main td.number { text-align: left; font-variant-numeric: tabular-nums; }
h2 { margin: 2.5rem 0 .6rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1.5rem; } .pair figure { margin: 0; }
.pair img { width: 100%; background: #fff; border: 1px solid var(--line); border-radius: 6px; }
pre { background: var(--shade); padding: .8rem; border-radius: 6px; overflow-x: auto; }
ins, del { display: block; text-decoration: none; }
ins { color: var(--good); } del { color: var(--bad); }
""")
_KINDS = {".svg": "svg+xml", ".jpg": "jpeg"}


def page(one: str, two: str, found: Differences) -> str:
    """Return the page.

    Args:
        one: how the first side is called.
        two: how the second one is.
        found: what differs.
    """
    return template("differences.html").render(
        one=one, two=two, found=found, content=_content, style=as_it_is("index.css") + _MORE
    )


def _content(path: Path) -> str:
    """Return the address of a figure that is the figure itself."""
    kind = _KINDS.get(path.suffix, path.suffix[1:])
    return f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
