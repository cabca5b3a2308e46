"""Makes one HTML file with everything inside: style, script, figures, fonts of formulas."""

import base64
import html
import re
from pathlib import Path

from labflake.documents import formulas, inline

_TYPES = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}

_LETTERS = re.compile(  # alphabets: bold, script, Fraktur, double-struck, sans serif
    "[\u2102\u210a-\u210e\u2115\u2119-\u211d\u2124\u2128\u212c\u212d\u2130\u2131\u2133\u2134"
    "\U0001d400-\U0001d433\U0001d468-\U0001d6a3\U0001d6a8-\U0001d6e1\U0001d71c-\U0001d7ff]"
)
_HERE = Path(__file__).parent / "web"


def embed(page: str) -> str:
    """Return the page with what it refers to, and the values of its formulas, put inside."""
    page = inline.text_of_formulas(formulas.spaced(page), html.escape)
    for name in ("report.css", "slides.css"):
        style = f"<style>\n{(_HERE / name).read_text(encoding='utf-8')}</style>"
        page = page.replace(f'<link rel="stylesheet" href="{name}">', style)
    page = page.replace("</style>", f"{_math_fonts(page)}</style>", 1)
    script = (_HERE / "report.js").read_text(encoding="utf-8")
    page = page.replace('<script src="report.js"></script>', f"<script>\n{script}</script>")
    return re.sub(r'(<img\b[^>]*?\bsrc=)"([^"]*)"', _image, page)


def _math_fonts(page: str) -> str:
    """Return the style with which formulas look the same where no font for them is installed."""
    shown = "".join(re.findall(r"<math\b.*?</math>", page, re.S))
    wanted = {"Formula": shown, "Formula Letters": _LETTERS.search(html.unescape(shown))}
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
