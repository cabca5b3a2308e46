"""Files that git could not merge: they hold two versions of some lines, with marks around them."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from labflake.errors import LabError
from labflake.project.experiments import Experiment, relative, root

MEND = "choose between <<<<<<< and >>>>>>>, and take the marks away"
_LARGEST = 1_000_000  # what people write by hand is smaller
_MARKS = re.compile(rb"^<{7} [^\n]*$(?s:.*?)^={7}\r?$(?s:.*?)^>{7} ", re.MULTILINE)


def line(content: bytes) -> int:
    """Return the line at which two versions begin; 0 where there is one."""
    found = _MARKS.search(content) if b"<<<<<<< " in content else None
    return content.count(b"\n", 0, found.start()) + 1 if found else 0


def refuse(experiment: Experiment, changed: Iterable[str], all_files: bool) -> None:
    """Refuse to work on text of which nobody has said which version counts.

    Args:
        experiment: its files, and those of `src`, are what people write.
        changed: what no build has used as it is, from the generated folder.
        all_files: look at all files of the experiment.

    Raises:
        LabError: there is such a file; the message names each, with its line.
    """
    own = (f"{root() / 'src'}{os.sep}", f"{root() / 'scripts'}{os.sep}")
    files = {os.path.normpath(experiment.generated / name) for name in changed}
    files = {name for name in files if name.startswith(own)}
    if all_files:
        files |= {os.path.join(at, n) for at, _, ns in os.walk(experiment.scripts) for n in ns}
    marked = [f"{relative(Path(name))}:{at}" for name in sorted(files) if (at := line(_text(name)))]
    if marked:
        raise LabError(
            "git could not merge this, and both versions stand there:\n  "
            + "\n  ".join(marked)
            + f"\n  {MEND}"
        )


def _text(name: str) -> bytes:
    try:
        return Path(name).read_bytes() if os.path.getsize(name) <= _LARGEST else b""
    except OSError:
        return b""
