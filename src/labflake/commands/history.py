"""Show all experiments, of every branch: who, when, how they came, their state and key number."""

from labflake.data_files.gate.wording import aligned, shown
from labflake.project.experiments import Experiment, every
from labflake.site import beginnings, entries
from labflake.site.beginnings import Beginning
from labflake.site.headers import UNKNOWN

_WIDE = 40  # characters of a name of a person or of a branch


def main(argv: list[str]) -> None:
    """Print one line for each experiment, the newest first; nothing is built for it."""
    known = beginnings.beginnings()
    here = {experiment.name: experiment for experiment in every()}
    names = sorted({*known, *here}, reverse=True)
    if not names:
        print("no experiment yet: make experiment NAME=…")
        return
    rows = [_row(name, here.get(name), known.get(name, Beginning())) for name in names]
    print("\n".join(aligned([("experiment", "begun", "by", "where", "state", ""), *rows])))


def _row(name: str, experiment: Experiment | None, began: Beginning) -> tuple[str, ...]:
    state, number = "not checked out", ""
    if experiment:
        entry = entries.entry(experiment)
        state = entry.state.name
        first = next((m for m in entry.metrics if m.text != UNKNOWN), None)
        number = f"{first.name}: {first.text}" if first else ""
    where = began.where or "not committed"
    return shown(name), began.day, _cut(began.author), _cut(where), state, shown(number)


def _cut(text: str) -> str:
    text = shown(text)
    return text if len(text) <= _WIDE else text[: _WIDE - 1] + "…"
