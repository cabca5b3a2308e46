"""Options of a cell: ours, and the same ones as Quarto and R Markdown spell them."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import yaml

from labflake.documents.problems import Problem, unknown

OPTIONS = ("label", "caption", "show", "width", "alt", "static", "layout-ncol")
SHOW = ("output", "none", "code", "all")
CAPTIONS = ("caption", "fig-cap", "tbl-cap", "lst-cap", "tab-cap")
_SAME = {**dict.fromkeys(CAPTIONS, "caption"), "fig-alt": "alt", "out-width": "width"}
_OF = {"fig-cap": "fig", "tbl-cap": "tbl", "tab-cap": "tbl", "lst-cap": "lst"}
_LOOKS = ("fig-align", "fig-pos")  # how a page looks, and nothing that is shown
_ADVICE = {
    "eval": "a listing that is not run is ```{.python}",
    "warning": "silence a warning in the code: warnings.simplefilter('ignore')",
    "error": "a cell that fails stops the build; catch the exception in the code",
    "fig-width": "the size is told in the code, figsize=(6, 4), or by `width: 60%`",
    "fig-height": "the size is told in the code, figsize=(6, 4), or by `width: 60%`",
    "fig-subcap": "make each a cell with a caption, in ::: {#fig-name layout-ncol=2}",
    "layout": "write layout-ncol: 2",
    "layout-nrow": "write layout-ncol: 2",
    "code-fold": "write echo: true, or false",
    "results": "write output: false, or true",
    "cache": "cells run again only if something changed",
}
_SHOWN = ("echo", "output", "include")
_OPTION = re.compile(r"#\|(?: +([\w.-]+):)?(.*)")
_KIND = re.compile(r"(fig|tbl|eq|sec|lst)[:-]", re.I)  # of a label; Quarto writes fig-scores


class Option(NamedTuple):
    """One option as it is written."""

    line: int
    key: str
    value: str


def of_code(text: str, line: int) -> list[Option]:
    """Return the `#| key: value` lines at the top of a cell; without key, a line continues."""
    found: list[Option] = []
    for number, each in enumerate(text.splitlines(), line):
        match = _OPTION.fullmatch(each)
        if not match:
            break
        value = match[2].strip()
        if match[1] or not found:
            found.append(Option(number, match[1] or "", value))
        else:
            found[-1] = found[-1]._replace(value=f"{found[-1].value} {value}".strip())
    return found


def _plain(value: str) -> str:
    """Return a value without the quotation marks or the block mark of YAML."""
    value = re.sub(r"^[|>][+-]?\s+", "", value)
    if value[:1] not in ("'", '"') or value[-1:] != value[:1]:
        return value
    try:
        read = yaml.safe_load(value)
    except yaml.YAMLError:
        return value
    return read if isinstance(read, str) else value


def known(written: Iterable[Option], problems: list[Problem]) -> dict[str, str]:
    """Return the options by our names; what is not known is added to the problems."""
    found, shown, kind = {}, {}, ""
    for line, key, value in written:
        theirs = key.replace(".", "-")  # fig.cap is how R Markdown spells it
        kind = kind or _OF.get(theirs, "")
        name = _SAME.get(theirs, theirs)
        if name in _SHOWN:
            shown[name] = value.lower() in ("true", "yes", "t")
            problems += _no_flag(line, key, value)
        elif name in _ADVICE:
            problems.append(Problem(line, f"{key} has no meaning here: {_ADVICE[name]}"))
        elif name not in OPTIONS and name not in _LOOKS:
            problems.append(Problem(line, unknown("option of a cell", key, OPTIONS)))
        elif name == "show" and value not in SHOW:
            problems.append(Problem(line, unknown("value of show", value, SHOW)))
        else:
            found[name] = _plain(value)
    if shown:
        found.setdefault("show", _show(**shown))
    return _named(found, kind)


def _no_flag(line: int, key: str, value: str) -> Iterator[Problem]:
    if value.lower() not in ("true", "yes", "t", "false", "no", "f"):
        yield Problem(line, f"{key}: {value} is neither true nor false")


def _show(echo: bool = False, output: bool = True, include: bool = True) -> str:
    """Return what Quarto's options show, in our word."""
    if not include or not (echo or output):
        return "none"
    return "all" if echo and output else "code" if echo else "output"


def _named(found: dict[str, str], kind: str) -> dict[str, str]:
    """Return the options with a label that has its kind, or without one that names a cell only."""
    label = found.get("label", "")
    if not label or _KIND.match(label) or ("caption" in found and not kind):
        return found
    others = {name: value for name, value in found.items() if name != "label"}
    return others | {"label": f"{kind}:{label}"} if kind else others
