"""Runs inside the kernel of a document: fixes how tables and figures look, and what ends a cell."""

import sys

from labflake.documents import frames, kernel_streams, kernel_threads, kernel_unaudited, showing

_MAX_ROWS = 200


def prepare() -> None:
    """Show tables whole, let `exit()` end the cell, then begin to note what the cells read."""
    _tables()
    _exits()
    showing.send_any_text()
    kernel_streams.prepare()
    kernel_threads.prepare()
    kernel_unaudited.begin()


def text(value: object) -> str:
    """Return how a value of an inline expression reads in the text."""
    return str(value)


def _tables() -> None:
    """Show the whole of a DataFrame, up to a length that a report can bear."""
    from IPython import get_ipython

    html = get_ipython().display_formatter.formatters["text/html"]
    html.for_type_by_name("pandas", "DataFrame", _frame)
    showing.register(get_ipython().display_formatter)


def _frame(frame) -> str:
    shown = {"max_rows": _MAX_ROWS, "show_dimensions": False, "border": 0}
    return frame.to_html(**shown, **frames.looks(frame, _MAX_ROWS))


def _exits() -> None:
    """Let `exit()` and `quit()` stop here as in a program; IPython's would run what follows."""
    from IPython import get_ipython

    get_ipython().user_ns |= {"exit": sys.exit, "quit": sys.exit}
