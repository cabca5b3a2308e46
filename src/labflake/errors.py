"""The error that a person can act on, and the names that may have been meant."""

from collections.abc import Callable, Iterable


class LabError(Exception):
    """What happened, why it matters and what to do, in about three short lines.

    The command line prints it after `error: ` and ends with exit code 1; no traceback.
    """


def nearest(name: object, known: Iterable[object], most: int = 3, cutoff: float = 0.6) -> list[str]:
    """Return the known names that are nearly like another one, the nearest first.

    Args:
        name: what was asked for.
        known: what there is.
        most: how many of them.
        cutoff: how like they are at least, from 0 to 1.
    """
    import difflib

    return difflib.get_close_matches(str(name), [*map(str, known)], n=most, cutoff=cutoff)


def meant(
    name: object,
    known: Iterable[object],
    most: int = 3,
    cutoff: float = 0.6,
    show: Callable[[str], str] = str,
) -> str:
    """Return the question that ends an error about an unknown name; "" if none is like it."""
    like = nearest(name, known, most, cutoff)
    return f"did you mean {' or '.join(map(show, like))}?" if like else ""


def choice(name: object, known: Iterable[object], most: int = 5) -> str:
    """Return what ends an error about an unknown name: what was meant, else what there is."""
    there = [*map(str, known)]
    text = str(name).casefold()
    like = [each for each in there if text and text in each.casefold()][:most]
    if like := like or nearest(name, there, most):
        return f"did you mean {' or '.join(like)}?"
    more = f" and {len(there) - most} more" if len(there) > most else ""
    return f"there are: {', '.join(there[:most])}{more}" if there else "there are none yet"
