"""Options of a cell: ours, and the same ones as Quarto and R Markdown spell them."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import yaml

from labflake.documents.problems import Problem, unknown

OPTIONS = ("label", "caption", "show", "width", "alt", "static", "layout-ncol")
SHOW = ("output", "none", "code", "all")
CAPTIONS = ("caption", "fig-cap", "tbl-cap", "lst-cap", "tab-cap")
_SAME = {**dict.fromkeys(CAPTIONS, "caption"), "fig-alt": "alt", "out-width": "width"}
_SAME |= {"message": "warning", "enabled": "eval"}
_OF = {"fig-cap": "fig", "tbl-cap": "tbl", "tab-cap": "tbl", "lst-cap": "lst"}
_ALSO = ("filename", "fig-align", "fig-pos", "cache")
_ADVICE = {
    "eval": "a listing that is not run is ```{.python}",
    "error": "a cell that fails stops the build; catch the exception in the code",
    "fig-width": "the size is told in the code, figsize=(6, 4), or by `width: 60%`",
    "fig-height": "the size is told in the code, figsize=(6, 4), or by `width: 60%`",
    "fig-subcap": "make each a cell with a caption, in ::: {#fig-name layout-ncol=2}",
    "layout": "write layout-ncol: 2",
    "layout-nrow": "write layout-ncol: 2",
    "code-fold": "write echo: true, or false",
    "results": "write output: false, or true; Markdown is shown by display(Markdown(…))",
    "comment": "what is printed is shown as it is",
    "file": "write the code itself, or a module in src/study, and import it",
}
_SHOWN = ("echo", "output", "include")
_TRUE, _FALSE = ("true", "yes", "t"), ("false", "no", "f")
# What is so anyway, where they have these values.
_USUAL = {"eval": True, "error": False, "results": "markup", "warning": True}
FOR_ALL = (*_SHOWN, "eval", "warning", "message", "error", "cache")  # in the header of Quarto
_FORMS = {
    "width": (r"[\d.]+ *(%|cm|mm|in|pt|em|px)?", "60%, 8cm, 3in or 300px"),
    "layout-ncol": (r"[1-9]\d?", "a number of columns, 2"),
}
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


def late(text: str, line: int) -> list[Problem]:
    """Return the problems of options that stand below the first line of the code."""
    first = len(of_code(text, line))
    what = "an option of a cell stands above its code: here it says nothing"
    found = enumerate(text.splitlines()[first:], line + first)
    return [Problem(n, what) for n, each in found if (m := _OPTION.fullmatch(each)) and m[1]]


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
    for line, key, written_value in written:
        theirs = key.replace(".", "-")  # fig.cap is how R Markdown spells it
        kind = kind or _OF.get(theirs, "")
        name = _SAME.get(theirs, theirs)
        value = _plain(written_value)
        if name in _SHOWN and (flag := _flag(value)) is not None:
            shown[name] = flag
        elif problem := _refused(name, key, value):
            problems.append(Problem(line, problem))
        elif name not in _USUAL or _flag(value) is not _USUAL[name]:
            found[name] = value
    if shown:
        found.setdefault("show", _show(**shown))
    return _named(found, kind)


def _flag(value: str) -> bool | None:
    """Return what YAML or R mean by a value; nothing if it is neither true nor false."""
    value = re.sub(r"\s+#.*", "", value).lower()
    return True if value in _TRUE else False if value in _FALSE else None


def _refused(name: str, key: str, value: str) -> str:
    """Return what is wrong with an option; "" if it means something here, or changes nothing."""
    if name in _USUAL and (_flag(value) is _USUAL[name] or value == "markup"):
        return ""
    if name == "warning" or name in _SHOWN:
        return "" if _flag(value) is False else f"{key}: {value} is neither true nor false"
    if name in _ADVICE:
        return f"{key} has no meaning here: {_ADVICE[name]}"
    if name not in (*OPTIONS, *_ALSO):
        return unknown("option of a cell", key, OPTIONS, (*_SAME, *_SHOWN, *_ALSO))
    if name in _FORMS and not re.fullmatch(_FORMS[name][0], value):
        return f"{key}: {value} is none: write {_FORMS[name][1]}"
    if name == "show" and value not in SHOW:
        return unknown("value of show", value, SHOW)
    return ""


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
