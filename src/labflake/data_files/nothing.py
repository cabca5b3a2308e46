"""The quick answer that an experiment has no data: no declaration is read, and no record."""

import os

from labflake.project.experiments import Experiment, root

DATA = "assets/data"


def is_sure(experiment: Experiment) -> bool:
    """Tell whether an experiment certainly has no data: neither declared, recorded, nor there.

    Without the word, and without an escape that could spell it, no YAML has a key `data`.
    """
    config = _bytes(os.path.join(experiment.scripts, "config.yaml"))
    if b"data" in config or b"\\" in config or not config.isascii():
        return False
    if _bytes(os.path.join(experiment.scripts, "hashes.txt")).strip():
        return False
    places = (os.path.join(experiment.generated, DATA), os.path.join(root(), "data"))
    return not any(map(os.path.lexists, places))


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
