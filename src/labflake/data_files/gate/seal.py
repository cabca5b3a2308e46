"""The quick answer: nothing at all changed since all data was verified.

The seal is a digest of the record, of the declarations, and of the name and stamp of every
data file. It answers for 100,000 files in little more time than it takes to look at them.
"""

import json
from hashlib import blake2b
from pathlib import Path

from labflake.content.atomic import replacing
from labflake.data_files.gate.inventory import DATA, Inventory
from labflake.data_files.gate.tree import Tree, look
from labflake.data_files.sources.job import Source, identity_of
from labflake.project.experiments import Experiment


def holds(experiment: Experiment, declared: dict[str, Source]) -> Tree | None:
    """Return the data files if they are those that were verified, else None."""
    try:
        kept = json.loads(_path(experiment).read_bytes())
        same = kept["record"] == _record(experiment) and kept["declared"] == _declared(declared)
        tree = look(experiment.generated, kept["roots"]) if same else None
        return tree if tree and tree.seal() == kept["seal"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def put(experiment: Experiment, declared: dict[str, Source], found: Inventory) -> None:
    """Seal data that is verified, if its stamps alone will show the next change."""
    seal = found.tree.seal()
    if not found.settled or seal is None:
        return
    kept = {
        "record": _record(experiment),
        "declared": _declared(declared),
        "roots": list(found.tree.roots),
        "seal": seal,
    }
    with replacing(_path(experiment)) as part:
        part.write_text(json.dumps(kept), encoding="ascii")


def _path(experiment: Experiment) -> Path:
    return experiment.state / "seal.json"


def _record(experiment: Experiment) -> str:
    path = experiment.scripts / "hashes.txt"
    record = path.read_bytes() if path.exists() else b""
    return blake2b(record, digest_size=20).hexdigest()


def _declared(declared: dict[str, Source]) -> dict[str, list[str]]:
    """Return what decides where data comes from, and the digest that it should have."""
    return {
        DATA + name: [identity_of(source), getattr(source, "sha256", "")]
        for name, source in declared.items()
    }
