"""What is published of an experiment: what its last build made, and how to make it again."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from labflake.content.digests import sha256
from labflake.data_files.gate import record
from labflake.documents import prose
from labflake.documents.making import notebook_path, outputs
from labflake.errors import LabError
from labflake.project.experiments import Experiment, head_commit, relative
from labflake.project.settings import as_words, overrides
from labflake.publish.files import File, file
from labflake.publish.pictures import FIGURES, picture
from labflake.site.entries import entry
from labflake.site.metrics import Metric
from labflake.verify.artifacts import last_made

_MOST = 24  # figures that one comment shows
_ALT = re.compile(r'[^)\n]*\)\{[^}]*?\balt="([^"]*)"')


@dataclass(frozen=True)
class Figure:
    """A figure: its picture, its caption in the report as Markdown, and what it shows in words."""

    file: File
    caption: str
    alt: str = ""


@dataclass(frozen=True)
class Result:
    """What is published.

    Attributes:
        experiment: its name.
        commit: the commit that builds it.
        title: the title of the report, Markdown; so are question and abstract.
        question: what was asked.
        abstract: what came out.
        metrics: the key numbers.
        figures: those of the report, in its order.
        documents: report and slides, by what they are called.
        data: the digest of each file of data.
        artifacts: the digest of each file that the build made, documents and figures first.
        command: what follows `make` and the name of an artifact: other settings.
        problems: of the header of the report.
    """

    experiment: str
    commit: str
    title: str
    question: str
    abstract: str
    metrics: list[Metric]
    figures: list[Figure]
    documents: dict[str, File]
    data: dict[str, str]
    artifacts: dict[str, str]
    command: str = ""
    problems: list[str] = field(default_factory=list)

    def files(self) -> list[File]:
        """Return all files that go with the comment."""
        return [each.file for each in self.figures] + list(self.documents.values())


def gather(experiment: Experiment) -> Result:
    """Return what there is to publish of an experiment.

    Raises:
        LabError: a figure cannot be shown.
    """
    said = entry(experiment)
    places, documents = _figures(experiment), _documents(experiment)
    figures = [_figure(experiment, path, places[path]) for path in list(places)[:_MOST]]
    more = len(places) - _MOST
    left_out = [f"{more} figures are left out: one comment shows {_MOST}"] if more > 0 else []
    data = record.read(experiment.scripts / "hashes.txt").digests
    made = last_made(experiment.generated, data)
    first = [f.artifact for f in documents.values()] + [f.file.artifact for f in figures]
    order = [n for n in first if n in made] + [n for n in sorted(made) if n not in first]
    return Result(
        experiment=experiment.name,
        commit=head_commit(),
        title=said.title,
        question=said.question,
        abstract=said.abstract,
        metrics=said.metrics,
        figures=figures,
        documents=documents,
        data=data,
        artifacts={name: sha256(str(made[name])) for name in dict.fromkeys(order)},
        command=as_words(overrides()),
        problems=[*said.problems, *left_out],
    )


def _documents(experiment: Experiment) -> dict[str, File]:
    """Return the document of each source, the PDF where there is one, by what it is called."""
    found = {}
    for source in experiment.documents():
        there = [path for path in outputs(source)[:2] if path.is_file()]
        if there:
            name = source.stem if source.stem == "report" else f"slides {source.stem[:10]}"
            name = source.stem if name in found else name
            artifact = there[0].relative_to(experiment.generated).as_posix()
            found[name] = file(artifact, there[0].read_bytes(), there[0].suffix)
    return found


def _figures(experiment: Experiment) -> dict[Path, tuple[str, str]]:
    """Return caption and words of each figure of the report, by its file.

    Where it has none, all count that are among the artifacts.
    """
    places = (experiment.scripts, experiment.generated, experiment.generated / "assets" / "figures")
    found: dict[Path, tuple[str, str]] = {}
    for name, *texts in _in_report(experiment):
        paths = [Path(place, name).resolve() for place in places]
        there = (
            p for p in paths if p.is_file() and p.is_relative_to(experiment.generated.resolve())
        )
        if (path := next(there, None)) and path.suffix.lower() in FIGURES:
            found.setdefault(path, (texts[0], texts[1]))
    if not found:
        folder = (experiment.generated / "assets" / "figures").resolve()
        found = {p: ("", "") for p in sorted(folder.glob("*")) if p.suffix.lower() in FIGURES}
    return found


def _figure(experiment: Experiment, path: Path, texts: tuple[str, str]) -> Figure:
    try:
        content, suffix = picture(path)
    except LabError as error:
        raise LabError(f"{relative(path)}: {error}") from None
    artifact = path.relative_to(experiment.generated.resolve()).as_posix()
    return Figure(file(artifact, content, suffix), *texts)


def _in_report(experiment: Experiment) -> list[tuple[str, str, str]]:
    """Return path, caption and words for each figure, as the executed notebook has them."""
    found = []
    for text in _texts(experiment):
        for match in prose.FIGURE.finditer(prose.blank(text, prose.FENCE, prose.COMMENT)):
            caption = text[match.start() + 2 : match.start() + match[0].rindex("](")]
            alt = _ALT.match(text, match.end())
            found.append((match["path"], _plain(caption), alt[1] if alt else ""))
    return found


def _texts(experiment: Experiment) -> list[str]:
    """Return the Markdown of the report, its expressions filled in where it was built."""
    source = experiment.scripts / "report.md"
    try:
        cells = json.loads(notebook_path(source).read_bytes())["cells"]
        return ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
    except (OSError, ValueError, KeyError, TypeError):
        return [source.read_text(encoding="utf-8", errors="replace")] if source.is_file() else []


def _plain(caption: str) -> str:
    """Return a caption without what only the report can resolve: citations and references."""
    caption = re.sub(
        r"\s*\(@(?:fig|tbl|eq|sec|lst)[:-][\w-]+\)|\s*\[[^\[\]]*@[\w:-]+[^\[\]]*\]", "", caption
    )
    caption = re.sub(r"[^.!?]*(?<!\w)@(?:fig|tbl|eq|sec|lst)[:-][\w-]+[^.!?]*[.!?]?", "", caption)
    return re.sub(r"\s+", " ", prose.EXPRESSION.sub("…", caption)).strip()
