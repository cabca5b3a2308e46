"""Makes the files of one document in a folder that nobody else knows.

It runs in a process of its own (`python -m labflake.documents.building ORDER`). What was made
becomes the document only by the build that ordered it: see `labflake.steps.publishing`.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import unquote

from labflake.content.folders import names as names_in
from labflake.documents import checks, formats, header, prose, provenance
from labflake.documents.executing import execute, text_of
from labflake.documents.looks import Look, look
from labflake.documents.pandoc import Text
from labflake.documents.pdf import font_folders
from labflake.documents.problems import as_lines, refuse
from labflake.documents.source import Source, read
from labflake.errors import LabError
from labflake.project.experiments import Experiment, root
from labflake.project.surroundings import explained

ANSWER = "answer.json"


@dataclass
class Order:
    """What to make: of which source, in which folder, with what the cells gave last time."""

    source: str
    folder: str
    outputs: list[str]  # the final places of all files, for the line that rebuilds them
    variables: list[str]  # of the environment, for the cells
    remembered: dict | None = None
    packages: dict | None = None  # that the steps ask for, and the pins of these
    notebook: bool = False  # and nothing else
    around: str = ""  # what of the experiment cells can read without being seen to


@dataclass
class Answer:
    """What was made from what; each file that was read is there as it was when it was read."""

    error: str = ""
    files: list[str] = field(default_factory=list)
    stamp: str = ""
    reads: dict[str, Look] = field(default_factory=dict)
    notes: dict = field(default_factory=dict)
    memory: dict | None = None
    warnings: list[str] = field(default_factory=list)
    listed: dict[str, list[str]] = field(default_factory=dict)  # what folders had in them


def fulfil(order: Order) -> Answer:
    """Make what is ordered; an error of the document is part of the answer."""
    try:
        return _notebook(order) if order.notebook else _document(order)
    except LabError as error:
        return Answer(error=str(error))
    except OSError as error:
        if told := explained(error):
            return Answer(error=told)
        raise


def _notebook(order: Order) -> Answer:
    source = read(Path(order.source))
    cells = execute(source, Experiment(source.path.parent.name), order)
    return Answer(notes=cells.executed.notes, memory=cells.memory)


def _document(order: Order) -> Answer:
    path, folder = Path(order.source), Path(order.folder)
    experiment = Experiment(path.parent.name)
    reads = _looks(experiment.scripts / "hashes.txt", path)
    listed = {str(place): names_in(place) for place in font_folders()}
    source = read(path)
    reads |= _looks(*_named(source), *_fonts())
    text, cells = text_of(source, experiment, order, folder / "build")
    reads |= _looks(*_shown(text)) | cells.executed.notes.get("read", {})
    made, problems = formats.every(text, folder / "build")
    refuse(path, problems)
    reads = _looks(*(_normal(root() / p) for p in made.figures)) | reads
    warnings = as_lines(path, [*header.warnings(source), *checks.warnings(text, made.figures)])
    stamp = provenance.stamp(experiment, text.metadata["origin"]["packages"])
    origin = json.dumps(text.metadata["origin"], indent=1, ensure_ascii=False) + "\n"
    contents = made.contents | {".provenance.json": origin.encode()}
    for ending, content in contents.items():
        (folder / f"{path.stem}{ending}").write_bytes(content)
    kept = {p: seen for p, seen in reads.items() if seen and not Path(p).is_relative_to(folder)}
    notes, memory = cells.executed.notes, cells.memory
    return Answer("", [*contents], stamp, kept, notes, memory, warnings, listed)


def _looks(*paths: Path) -> dict[str, Look]:
    return {str(path): look(path) for path in paths}


def _named(source: Source) -> list[Path]:
    """Return the files that the header names."""
    values = (source.header.get(key) or [] for key in ("bibliography", "csl"))
    names = [n for v in values for n in (v if isinstance(v, list) else [v])]
    return [source.path.parent / str(name) for name in names]


def _fonts() -> list[Path]:
    """Return the fonts of the project."""
    every = [folder / name for folder in font_folders() for name in names_in(folder)]
    return [path for path in every if path.is_file()]


def _shown(text: Text) -> list[Path]:
    """Return where the figures of the text may be: pandoc and Typst read them next."""
    written = {match["path"] for match in prose.FIGURE.finditer(text.markdown)}
    names = {each for name in written for each in (name, unquote(name))}
    return [_normal(place / name) for name in names for place in text.places]


def _normal(path: Path) -> Path:
    """Return the path without `..`, its links not followed."""
    return Path(os.path.normpath(path))


def main(argv: list[str]) -> None:
    """Fulfil the order in a file, and write the answer beside it."""
    order = Order(**json.loads(Path(argv[0]).read_text(encoding="utf-8")))
    answer = json.dumps(asdict(fulfil(order)))
    Path(order.folder, ANSWER).write_text(answer, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
