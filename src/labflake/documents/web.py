"""Makes one HTML file with everything inside: style, script, figures, fonts of formulas."""

import base64
import html
import re
from pathlib import Path

from labflake.documents import inline

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
_LETTERS = re.compile(  # alphabets: bold, script, Fraktur, double-struck, sans serif
    "[\u2102\u210a-\u210e\u2115\u2119-\u211d\u2124\u2128\u212c\u212d\u2130\u2131\u2133\u2134"
    "\U0001d400-\U0001d433\U0001d468-\U0001d6a3\U0001d6a8-\U0001d6e1\U0001d71c-\U0001d7ff]"
)
_SPACE = '<mspace width="0.167em"></mspace>'
_HERE = Path(__file__).parent / "web"


def embed(page: str) -> str:
    """Return the page with what it refers to, and the values of its formulas, put inside."""
    page = inline.text_of_formulas(page, html.escape)
    for name in ("report.css", "slides.css"):
        style = f"<style>\n{(_HERE / name).read_text(encoding='utf-8')}</style>"
        page = page.replace(f'<link rel="stylesheet" href="{name}">', style)
    page = page.replace("</style>", f"{_math_fonts(page)}</style>", 1)
    script = (_HERE / "report.js").read_text(encoding="utf-8")
    page = page.replace('<script src="report.js"></script>', f"<script>\n{script}</script>")
    page = _AFTER.sub(rf"\1{_SPACE}", _BEFORE.sub(_SPACE, page))
    return re.sub(r'(<img\b[^>]*?\bsrc=)"([^"]*)"', _image, page)


def _math_fonts(page: str) -> str:
    """Return the style with which formulas look the same where no font for them is installed."""
    formulas = "".join(re.findall(r"<math\b.*?</math>", page, re.S))
    wanted = {"Formula": formulas, "Formula Letters": _LETTERS.search(html.unescape(formulas))}
    return "".join(_font_face(family) for family, found in wanted.items() if found)


def _font_face(family: str) -> str:
    """Return the rule of a font of formulas; `maintenance/math_font.py` makes their files."""
    name = family.lower().replace("formula", "math").replace(" ", "-")
    content = base64.b64encode((_HERE / f"{name}.woff2").read_bytes()).decode("ascii")
    source = f'url("data:font/woff2;base64,{content}") format("woff2")'
    return f'@font-face {{ font-family: "{family}"; src: {source}; }}\n'


def _image(match: re.Match) -> str:
    """Return an image element whose source is the file's content."""
    path = Path(html.unescape(match[2]))
    kind = _TYPES.get(path.suffix.lower(), "application/octet-stream")
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'{match[1]}"data:{kind};base64,{content}"'
