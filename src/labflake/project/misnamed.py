"""Texts that look like a document of an experiment, and are none by their name."""

import os
import sys
from pathlib import Path

from labflake.project.experiments import Experiment, relative

_SUFFIXES = (".md", ".markdown", ".qmd", ".rmd")


def warn(experiment: Experiment) -> None:
    """Name each text with a header and a title that no build makes a document of."""
    documents = {path.name for path in experiment.documents()}
    names = (name for name in os.listdir(experiment.scripts) if name not in documents)
    for name in sorted(name for name in names if name.lower().endswith(_SUFFIXES)):
        if _has_title(experiment.scripts / name):
            print(
                f"warning: {relative(experiment.scripts / name)} has a title, and nothing is made"
                " of it\n  a report is called report.md, slides are called <date>-<title>.md:"
                " 2024-05-31-group-meeting.md",
                file=sys.stderr,
            )


def _has_title(path: Path) -> bool:
    import re  # only where there is such a text

    header = rb"\A(?:\xef\xbb\xbf)?---[ \t]*\r?\n(?:(?!---|\.\.\.)[^\n]*\n)*?title:"
    try:
        return bool(re.match(header, path.read_bytes()))
    except OSError:
        return False
