"""The page that shows what would be sent, as a forge would show it."""

import base64
import re
import subprocess
from html import escape
from pathlib import Path
from string import Template

from labflake.content.atomic import replacing
from labflake.content.meter import size
from labflake.errors import LabError
from labflake.processes.determinism import environment
from labflake.programs import pandoc
from labflake.publish.comment import comment, opening
from labflake.publish.posting import title
from labflake.publish.result import Result

_HERE = Path(__file__).parent
_READER = "gfm-raw_html-smart+tex_math_dollars"  # what forges read; HTML is shown as text


def write(path: Path, result: Result, where: str, notes: list[str]) -> None:
    """Write the page.

    Args:
        path: its file.
        result: what would be published.
        where: on which pull request.
        notes: what stands in the way of it.
    """
    files = {each.name: each for each in result.files()}
    inside = {
        n: f"data:{f.kind};base64,{base64.b64encode(f.content).decode()}" for n, f in files.items()
    }
    text = comment(result, {name: f"file-{name}" for name in files}, {}, "")
    shown = with_files(html(text), inside)
    rows = [
        f"<tr><td>{escape(name)}</td><td>{size(len(f.content))}</td></tr>"
        for name, f in files.items()
    ]
    parts = {
        "title": escape(title(result)),
        "where": escape(where),
        "opening": html(opening(result)),
        "notes": "".join(f"<p class=note>In the way: {escape(note)}</p>" for note in notes),
        "comment": shown,
        "files": "".join(rows),
        "markdown": escape(text),
    }
    made = Template((_HERE / "page.html").read_text(encoding="utf-8")).substitute(parts)
    with replacing(path) as part:
        part.write_text(made, encoding="utf-8", newline="")


def with_files(text: str, inside: dict[str, str]) -> str:
    """Return HTML with the files themselves in the place of their addresses."""
    return re.sub(r'(?<=")file-([^"]+)(?=")', lambda m: inside.get(m[1], m[0]), text)


def html(markdown: str) -> str:
    """Return Markdown as forges read it as HTML.

    Raises:
        LabError: pandoc failed.
    """
    command = [pandoc.path(), "--from", _READER, "--to", "html5", "--mathml"]
    done = subprocess.run(
        [*command, "--wrap=none"],
        input=markdown,
        text=True,
        encoding="utf-8",
        capture_output=True,
        env=environment(),
    )
    if done.returncode:
        raise LabError(f"pandoc could not read the comment\n  {done.stderr.strip()[:500]}")
    return done.stdout
