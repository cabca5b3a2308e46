"""The record of an experiment's artifacts, `outputs.txt`: written, and read at any commit."""

from pathlib import Path

from labflake.content.contents import sha256
from labflake.data_files.gate import record
from labflake.project.experiments import RECORD, Experiment, head_commit
from labflake.project.git import is_here, run
from labflake.verify.artifacts import last_made

_MADE = "# made at commit "


def write(experiment: Experiment) -> record.Record:
    """Write the hashes of all artifacts that are here; where they are as recorded, nothing."""
    data = record.read(experiment.scripts / "hashes.txt").digests
    known = record.Record(experiment.scripts / RECORD)
    for name, path in last_made(experiment.generated, data).items():
        known.set(name, sha256(str(path)))
    known.tail = [_MADE + head_commit()] if head_commit() else []
    if known.digests != record.read(known.path).digests:
        known.write()
    return known


def of(experiment: Experiment) -> dict[str, str]:
    """Return the recorded hash of each artifact, as the working tree has it."""
    return record.read(experiment.scripts / RECORD).digests


def at(experiment: Experiment, commit: str) -> str:
    """Return the text of the record that a commit holds, or else the one here that is of it."""
    name = f"scripts/{experiment.name}/{RECORD}"
    if is_here():
        code, text, _ = run("show", f"{commit}:./{name}")
        if not code:
            return text
    path: Path = experiment.scripts / RECORD
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return text if _MADE + commit in text.splitlines() else ""
