"""Turn many short texts from Markdown into HTML with one run of pandoc."""

import json
import re
import subprocess
import tempfile
from pathlib import Path

from labflake.errors import LabError
from labflake.processes.determinism import environment
from labflake.programs import pandoc

_READER = "markdown-raw_html-raw_tex-raw_attribute-markdown_in_html_blocks+smart"
_MARK = "\u241e"  # the symbol for a record separator: no text has it
_TEMPLATE = f"$for(texts)$$texts${_MARK}$endfor$"


def to_html(texts: list[str]) -> list[str]:
    """Return each text as HTML with formulas in MathML, without a paragraph around a single line.

    Raises:
        LabError: pandoc failed.
    """
    if not texts:
        return []
    with tempfile.TemporaryDirectory() as folder:
        template, metadata = Path(folder, "texts.html"), Path(folder, "texts.json")
        template.write_text(_TEMPLATE, encoding="utf-8")
        metadata.write_text(json.dumps({"texts": [_block(t) for t in texts]}), encoding="utf-8")
        command = [pandoc.path(), "--from", _READER, "--to", "html5", "--mathml"]
        command += ["--metadata-file", str(metadata), "--template", str(template), "--wrap=none"]
        done = subprocess.run(
            [*command, "--quiet"], input="", text=True, encoding="utf-8",
            capture_output=True, env=environment(),
        )  # fmt: skip
    parts = done.stdout.split(_MARK)[:-1]
    if done.returncode or len(parts) != len(texts):
        raise LabError(f"pandoc could not read the headers\n  {done.stderr.strip()[:500]}")
    return [_plain(part) for part in parts]


def _block(text: str) -> str:
    """Return the text as pandoc reads it as paragraphs: with a line break at the end."""
    return text.replace(_MARK, "") + "\n"


def _plain(html: str) -> str:
    """Return the HTML without links, without TeX beside its MathML, one paragraph unwrapped."""
    html = re.sub(r"<annotation\b.*?</annotation>|</?semantics>|</?a\b[^>]*>", "", html, flags=re.S)
    html = html.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "").strip()
    single = re.fullmatch(r"<p>((?:(?!</?p>).)*)</p>", html, re.S)
    return (single[1] if single else html).strip()
