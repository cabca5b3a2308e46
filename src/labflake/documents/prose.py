"""What in a Markdown text is prose, and what is code, comment, formula or address."""

import re

FENCE = re.compile(
    r"^(?P<before>[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)*)(?P<fence>`{3,}|~{3,})(?P<info>[^`\n]*)\n"
    r"(?P<code>(?:.*?\n)??)[ \t>]*(?P=fence)[`~]*[ \t]*$",
    re.M | re.S,
)
COMMENT = re.compile(r"<!--.*?-->", re.S)
SPAN = re.compile(  # within a paragraph
    r"(?<![\\`])(?P<ticks>`+)(?!`)(?P<code>(?:(?!\n[ \t>]*(?:\n|```|~~~)).)+?)(?<!`)(?P=ticks)(?!`)"
    r"(\{[^}\n]*\})?",
    re.S,
)
# Whichever begins first hides the others: a comment in a listing is code, a fence in one is not.
UNITS = re.compile(
    f"{FENCE.pattern}|{COMMENT.pattern}|{SPAN.pattern.replace('<code>', '<span>')}", re.M | re.S
)
EXPRESSION = re.compile(r"(?<!`)`\{python\}\s+(?P<code>[^`]+?)\s*`(?!`)")
HEADER = re.compile(r"\A---[ \t]*\n(?P<yaml>.*?)^(?:---|\.\.\.)[ \t]*$", re.M | re.S)
FORMULA = re.compile(r"(?<!\\)\$(?=\S)(?:[^$\\\n]|\\.|\n(?!\s*\n))*?(?<=\S)\$(?!\d)")
FIGURE = re.compile(r"!\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(<?(?P<path>[^)>\s]+)")

_LONG = re.compile(SPAN.pattern.replace("(?P<ticks>`+)", "(?P<ticks>``+)"), re.S)
_FIRST = re.compile(r"^[ \t>]*@(?P<label>(?:fig|tbl|eq|sec|lst)-[\w-]+)(?=[.)]\s)", re.M | re.I)


def blank(text: str, *patterns: re.Pattern) -> str:
    """Return the text with everything that matches replaced by spaces, so that positions stay."""
    for pattern in patterns:
        text = pattern.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    return text


def end_of_header(text: str) -> int:
    """Return the position where the header of a document ends."""
    match = HEADER.match(text)
    return match.end() if match else 0


def without_code(text: str) -> str:
    """Return the text without fenced code, code spans and comments, at the same positions."""
    return blank(text, FENCE, COMMENT, SPAN)


def expressions(text: str) -> list[re.Match]:
    """Return the inline expressions `{python} …` of the text, in order, outside of listings."""
    return list(EXPRESSION.finditer(blank(text, FENCE, COMMENT, _LONG)))


def fill(text: str, values: list[str], found: list[re.Match] | None = None) -> str:
    """Return the text with its inline expressions replaced by values, as Markdown."""
    parts, last = [], 0
    found = expressions(text) if found is None else found
    for match, value in zip(found, values, strict=True):
        written = in_formula(value) if is_in_formula(text, match.start()) else escape(value)
        parts += [text[last : match.start()], written]
        last = match.end()
    return "".join(parts) + text[last:]


def in_formula(value: str) -> str:
    """Return the value as TeX: a number as it is, anything else as a text."""
    if re.fullmatch(r"[-+]?\d[\d,]*\.?\d*", value):
        return value.replace(",", "{,}")
    special = {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
    text = re.sub(r"[\\^~{}$&#_%]", lambda m: special.get(m[0], f"\\{m[0]}"), value)
    return f"\\text{{{text}}}"


def escape(value: str) -> str:
    """Return the value as Markdown that shows exactly these characters."""
    value = re.sub(r"\s+", " ", value)
    value = re.sub(r"[\\`*_{}\[\]<>#|$@^~!\"']", r"\\\g<0>", value)
    value = value.replace("--", r"\-\-").replace("...", r"\.\.\.")
    return re.sub(r"^(\d*)([-+.)])(?=\s)", r"\1\\\2", value)


def braced(text: str) -> str:
    """Return the text with references in braces where a line begins with them.

    pandoc takes `@eq-one. Then` for an item of a list of examples that is called eq-one.
    """
    found = [m.span("label") for m in _FIRST.finditer(without_code(text))]
    for start, end in reversed(found):
        text = f"{text[:start]}{{{text[start:end]}}}{text[end:]}"
    return text


def is_in_formula(text: str, position: int) -> bool:
    """Tell whether the position is between dollar signs, in the same paragraph."""
    start = text.rfind("\n\n", 0, position) + 1
    before = blank(text[start:position], FENCE, COMMENT, SPAN)
    return len(re.findall(r"(?<!\\)\$\$|(?<!\\)\$", before)) % 2 == 1


def line_of(text: str, position: int) -> int:
    """Return the number of the line, from 1, at a position of the text."""
    return text.count("\n", 0, position) + 1


def find_line(text: str, needle: str, *, again: bool = False) -> int | None:
    """Return the first line that holds the needle, or the second, whatever the white space."""
    words = needle.split()
    if not words:
        return None
    end = r"(?![\w-])" if needle[0] in "#@" else ""  # labels end where a word ends
    found = list(re.finditer(r"[\s>]+".join(map(re.escape, words)) + end, text))
    match = found[min(int(again), len(found) - 1)] if found else None
    return line_of(text, match.start()) if match else None
