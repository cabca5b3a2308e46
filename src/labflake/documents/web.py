"""Makes one HTML file with everything inside: style, script and figures."""

import base64
import html
import re
from pathlib import Path

_TYPES = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}

# texmath writes no space beside the names of functions (log x), and browsers show none.
_NAME = '<mi mathvariant="normal">[^<]*</mi>'
_FUNCTION = f"<mrow>{_NAME}<mo>&#8289;</mo></mrow>"
_BASE = "".join(f"(?<!<{name}>)" for name in ("msup", "msub", "msubsup", "munder", "munderover"))
_BEFORE = re.compile(f"(?<=</m[in]>)(?={_FUNCTION})")
_AFTER = re.compile(
    rf"({_BASE}{_FUNCTION}|<(msup|msub|munder)>{_FUNCTION}<m[in]>[^<]*</m[in]></\2>"
    rf"|<munder>{_NAME}(?:(?!<munder>).)*?</munder>)(?=<m(?!o\b))"
)
_SPACE = '<mspace width="0.167em"></mspace>'
_HERE = Path(__file__).parent / "web"


def embed(page: str) -> str:
    """Return the page with what it refers to put inside."""
    for name in ("report.css", "slides.css"):
        style = f"<style>\n{(_HERE / name).read_text(encoding='utf-8')}</style>"
        page = page.replace(f'<link rel="stylesheet" href="{name}">', style)
    script = (_HERE / "report.js").read_text(encoding="utf-8")
    page = page.replace('<script src="report.js"></script>', f"<script>\n{script}</script>")
    page = _AFTER.sub(rf"\1{_SPACE}", _BEFORE.sub(_SPACE, page))
    return re.sub(r'(<img\b[^>]*?\bsrc=)"([^"]*)"', _image, page)


def _image(match: re.Match) -> str:
    """Return an image element whose source is the file's content."""
    path = Path(html.unescape(match[2]))
    kind = _TYPES.get(path.suffix.lower(), "application/octet-stream")
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'{match[1]}"data:{kind};base64,{content}"'
