"""Compare two experiments, or one at two commits (`make diff A=… B=…`): here, and as a page."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from labflake.content.atomic import replacing
from labflake.data_files.gate.wording import aligned, shown
from labflake.project.experiments import relative, root
from labflake.project.options import option
from labflake.site import side_by_side
from labflake.site.differences import Differences, Figure, Row, differences
from labflake.site.sides import Side, side

_WIDE = 48  # characters of a value in the terminal


def main(argv: list[str]) -> None:
    """Print what differs between A (else the last commit) and B (else what is here)."""
    with tempfile.TemporaryDirectory() as scratch:
        one = side(option("A") or "HEAD", Path(scratch, "one"))
        two = side(option("B"), Path(scratch, "two"))
        found = differences(one, two)
        path = root() / "generated" / "diff.html"
        with replacing(path) as part:
            text = side_by_side.page(one.called, two.called, found)
            part.write_text(text, encoding="utf-8", errors="replace", newline="")
    _print(one, two, found)
    print(relative(path))


def _print(one: Side, two: Side, found: Differences) -> None:
    print(f"A  {one.called}\nB  {two.called}")
    code = [(each.name, f"+{each.added}", f"-{each.removed}", "") for each in found.code]
    figures = [(f.name, _of_figure(f), "", "") for f in found.figures if not f.same]
    _section("settings", [*map(_row, found.settings)])
    _section("data", [(r.name, r.one[:12] or "none", r.two[:12] or "none", "") for r in found.data])
    _section("code", code)
    _section("metrics", [*map(_row, found.metrics)])
    _section("figures", figures)


def _section(title: str, rows: Sequence[tuple[str, ...]]) -> None:
    print(title if rows else f"{title}: no difference")
    for row in aligned([tuple(map(_cut, each)) for each in rows]) if rows else ():
        print(f"  {row}")


def _of_figure(figure: Figure) -> str:
    if figure.one and figure.two:
        return "differs"
    return f"only of {'A' if figure.one else 'B'} here"


def _row(row: Row) -> tuple[str, str, str, str]:
    return row.name, row.one or "none", row.two or "none", row.change


def _cut(text: str) -> str:
    text = shown(text)
    return text if len(text) <= _WIDE else text[: _WIDE - 1] + "…"
