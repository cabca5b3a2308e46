"""Where pandoc is: that of the lock, whatever version the machine has besides."""

import importlib.util
from pathlib import Path


def path() -> str:
    """Return the path of the pandoc that the package pypandoc-binary brings.

    Its own function takes the newest one that it finds, also in `PATH` and in the folder where it
    runs: the same text would become other bytes there.
    """
    found = importlib.util.find_spec("pypandoc")
    assert found, "the lock has pypandoc-binary"
    return str(Path(found.origin or "").parent / "files" / "pandoc")
