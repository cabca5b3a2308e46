"""The pages of this folder as templates: texts are escaped, all but those marked as HTML."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

_HERE = Path(__file__).parent


def template(name: str) -> Template:
    """Return a page, in which a name that nobody gives is an error."""
    found = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return found.get_template(name)


def as_it_is(name: str) -> Markup:
    """Return a style or a script of this folder."""
    return Markup((_HERE / name).read_text(encoding="utf-8"))
