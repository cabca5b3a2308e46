"""Where the data on disk came from: what it was fetched by, and what was recorded of it then."""

import hashlib
import json

from labflake.content.atomic import replacing
from labflake.data_files.gate import record
from labflake.data_files.gate.inventory import DATA
from labflake.data_files.sources.job import Source, identity_of
from labflake.data_files.sources.local import Manual
from labflake.project.experiments import Experiment


def note(experiment: Experiment, declared: dict[str, Source], known: record.Record) -> None:
    """Remember where the data came from, and what is recorded of it."""
    fetched = Fetched(experiment)
    for name, source in declared.items():
        fetched.note(name, source, known)


class Fetched:
    """What the data on disk was fetched from, so that a changed declaration is noticed."""

    def __init__(self, experiment: Experiment) -> None:
        self.path = experiment.state / "sources.json"
        try:
            text = json.loads(self.path.read_bytes())
            self.notes = dict(text["sources"]) if text["check"] == _check(text["sources"]) else {}
        except (OSError, ValueError, TypeError, KeyError):
            self.notes = {}

    def differs(self, name: str, source: Source, known: record.Record) -> bool:
        """Return whether the data came from another declaration than this one.

        Where the record changed together with the declaration, git brought both: the data, which
        is what the record says, is not asked of its source again; if nothing is recorded, it is.
        A person decides about theirs.
        """
        note = self.notes.get(name)
        if not note or isinstance(source, Manual) or note[0] == identity_of(source):
            return False
        return note[1] == _recorded(name, known) or not known.below(DATA + name)

    def knows(self, name: str, source: Source) -> bool:
        """Return whether the data is known to have come from this declaration."""
        note = self.notes.get(name)
        return note is not None and note[0] == identity_of(source)

    def note(self, name: str, source: Source, known: record.Record) -> None:
        """Remember where the data came from, and what is recorded of it."""
        now = [identity_of(source), _recorded(name, known)]
        if self.notes.get(name) != now:
            self.notes[name] = now
            text = {"sources": self.notes, "check": _check(self.notes)}
            with replacing(self.path) as part:
                part.write_text(json.dumps(text, sort_keys=True), encoding="utf-8")


def _check(notes: object) -> str:
    """Return a digest of the notes: damaged ones are as good as none."""
    return hashlib.sha256(json.dumps(notes, sort_keys=True).encode()).hexdigest()


def _recorded(name: str, known: record.Record) -> str:
    """Return a digest of what is recorded of one source."""
    return _check(sorted(known.below(DATA + name).items()))
