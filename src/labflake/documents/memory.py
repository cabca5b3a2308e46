"""Remembers what the cells of a document gave, and tells when it still holds.

A cell's results hold as long as the code of all cells, the inline expressions, every file that the
cells read, all artifacts and data of the experiment and the packages that they can see are the
same. One change, and all cells run.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from labflake.content.atomic import replacing
from labflake.documents import software
from labflake.documents.results import Executed
from labflake.documents.source import Source
from labflake.processes import determinism
from labflake.programs import pins
from labflake.project.experiments import Experiment
from labflake.project.settings import overrides


def recall(saved: dict | None, source: Source, header_expressions: list[str]) -> Executed | None:
    """Return what the last run of the cells gave, if they are the same cells."""
    if not saved or saved.get("code") != _code_key(source, header_expressions):
        return None
    if pins.changed(saved["packages"]):
        return None
    return Executed(**saved["executed"])


def worth_keeping(source: Source, header_expressions: list[str], executed: Executed) -> dict | None:
    """Return what to keep of a run; nothing if it failed or started other programs."""
    if executed.problems or executed.notes.get("programs"):
        return None
    seen = pins.noted(software.asked(Experiment(source.path.parent.name), executed.notes))
    code = _code_key(source, header_expressions)
    return {"code": code, "packages": seen, "executed": asdict(executed)}


def load(source: Path) -> dict | None:
    """Return what was kept for a document."""
    try:
        return json.loads(_place(source).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def keep(source: Path, saved: dict) -> None:
    """Keep what the cells of a document gave."""
    with replacing(_place(source)) as part:
        part.write_text(json.dumps(saved), encoding="utf-8")


def forget(source: Path) -> None:
    """Forget what the cells of a document gave."""
    _place(source).unlink(missing_ok=True)


def _place(source: Path) -> Path:
    return Experiment(source.parent.name).state / "documents" / f"{source.stem}.json"


def _code_key(source: Source, header_expressions: list[str]) -> str:
    """Return the hash of all that is run, of the settings, and of what it runs on."""
    parts = [determinism.conditions_of_documents(), repr(overrides())]
    for cell in source.cells:
        language = [] if cell.language == "python" else [cell.language]
        code = cell.code if cell.kind == "code" else ""
        parts += [cell.kind, *language, code, *cell.expressions]
    return hashlib.sha256(json.dumps([parts, header_expressions]).encode()).hexdigest()
