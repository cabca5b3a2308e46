"""The spaces of formulas in the page: TeX sets the names of functions (log, max) apart.

pandoc writes no space beside them in MathML, and browsers show none.
"""

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

_FORMULA = re.compile(r"<math\b.*?</math>", re.S)
_XMLNS = re.compile(r' xmlns="[^"]*"')
_WITH_SCRIPTS = ("msub", "msup", "msubsup", "munder", "mover", "munderover")
_ROWS = ("mrow", "mtd", "msqrt", "mstyle", "mpadded", "mphantom", "menclose")  # of any length
_CLOSING = (")", "]", "}", "⟩", "⌋", "⌉")
_INVISIBLE = "\u2061"  # that a function is applied


def spaced(page: str) -> str:
    """Return the page with thin spaces beside the names of functions in its formulas."""
    return _FORMULA.sub(_with_spaces, page)


def _with_spaces(match: re.Match) -> str:
    namespace = _XMLNS.search(match[0])
    formula = ElementTree.fromstring(_XMLNS.sub("", match[0], count=1))
    for row in [each for each in formula.iter() if each.tag in _ROWS]:
        _set_apart(row)
    text = ElementTree.tostring(formula, encoding="unicode", short_empty_elements=False)
    return text.replace("<math", f"<math{namespace[0] if namespace else ''}", 1)


def _set_apart(row: Element) -> None:
    """Put a space between a name and what stands beside it, where TeX does."""
    parts = [*row]
    for number in range(len(parts) - 1, 0, -1):
        before, after = parts[number - 1], parts[number]
        if "mspace" not in (before.tag, after.tag) and _are_apart(before, after):
            row.insert(number, Element("mspace", width="0.167em"))


def _are_apart(before: Element, after: Element) -> bool:
    """Tell whether one of two neighbours is a name, and the other no sign or opening bracket."""
    first, second = _is_name(before), _is_name(after)
    if not (first or second):
        return False
    return (first or _is_operand(before)) and (second or after.tag != "mo")


def _is_name(part: Element) -> bool:
    """Tell whether an element is the name of a function, perhaps with scripts."""
    while part.tag in _WITH_SCRIPTS:
        part = part[0]
    if part.tag == "mrow" and len(part) == 2 and part[1].text == _INVISIBLE:
        part = part[0]
    word = part.text or ""
    return (
        part.tag == "mi"
        and part.get("mathvariant") == "normal"
        and len(word) > 1
        and word.isalpha()
    )


def _is_operand(part: Element) -> bool:
    """Tell whether a name that follows stands apart: not behind a sign or an opening bracket."""
    if part.tag == "mi" and part.text == "−":  # the sign of a number
        return False
    return part.tag != "mo" or part.text in _CLOSING
