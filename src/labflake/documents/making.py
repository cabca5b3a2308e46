"""A document that is being made: ordered, looked at, and published if nothing changed under it."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from labflake.content.atomic import move
from labflake.content.contents import Contents
from labflake.errors import LabError
from labflake.processes.again import ChangedError
from labflake.project.experiments import Experiment, relative
from labflake.project.options import flag

_OWN_INPUT = (
    "is what it is made from, and a cell writes to it\n  write to another file, or let a step do it"
)


@dataclass
class Built:
    """A document that is complete.

    `outputs` are its files, the PDF first. `reads` are the files that cells, pandoc and Typst read:
    the document is out of date when one of them changes; so it is when the names in one of the
    folders `listed` change. `warnings` are lines `scripts/…/report.md:LINE: …` for the author.
    """

    outputs: list[Path]
    reads: list[Path]
    warnings: list[str] = field(default_factory=list)
    listed: list[Path] = field(default_factory=list)


class Making:
    """One document that is being made: somebody fulfils the order, then it is finished here.

    All that is in the order's folder becomes the document only by `finish`, which is for those who
    hold the lock of the experiment.
    """

    def __init__(
        self, contents: Contents, source: Path, notebook: bool = False, alone: bool = False
    ) -> None:
        """Look at all that the document may be made from.

        Args:
            contents: the manifest of the experiment.
            source: the document.
            notebook: make its notebook only.
            alone: no step of the experiment is known; each artifact is taken as it is.
        """
        from labflake.documents import software
        from labflake.documents.building import Order
        from labflake.documents.evidence import Evidence
        from labflake.programs import pins
        from labflake.steps import variables

        self.source, self.experiment = source, Experiment(source.parent.name)
        self.contents, self.alone = contents, alone
        folder = self.experiment.state / "running" / f"{source.stem}-{os.getpid()}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.evidence = Evidence(self.experiment, contents, source)
        names = [str(path) for path in outputs(source)]
        asked = variables.of_cells(self.experiment, contents)
        steps = pins.noted(software.asked(self.experiment, {}, contents))
        remembered = self.evidence.remembered
        self.order = Order(str(source), str(folder), names, asked, remembered, steps, notebook)
        self.order.around = repr([self.evidence.around, self.evidence.variables])

    def finish(self, answer) -> Built:
        """Publish and record what was made, if it is right and nothing changed under it.

        Raises:
            LabError: the document has an error; none of its outputs is there then.
            ChangedError: something changed while it was made.
        """
        try:
            changed = self.evidence.changed(answer)
            if not answer.error:
                self.evidence.keep_cells(answer)
            if by_cells := [p for p in changed if p in self.evidence.overwritten(answer)]:
                self._discard()
                raise LabError(f"{relative(self.source)}: {by_cells[0]} {_OWN_INPUT}")
            if changed:
                raise ChangedError(_changed(self.source, changed))
            self._publish_notebook()
            self._refuse(answer)
            warnings = self._warnings(answer)
            made = [] if self.order.notebook else self._publish(answer)
        finally:
            shutil.rmtree(self.order.folder, ignore_errors=True)
        reads = [Path(p) for p in self.evidence.reads(answer)]
        return Built(made, reads, warnings, [Path(p) for p in self.evidence.listed(answer)])

    def _refuse(self, answer) -> None:
        """Refuse a document that is not right, or that reads what nothing makes.

        Raises:
            LabError: with the line of each problem.
        """
        from labflake.documents.problems import as_lines

        error = answer.error
        if not error and not self.alone:
            error = "\n".join(as_lines(self.source, self.evidence.made_by_nobody(answer)))
        if error:
            self._discard()
            raise LabError(error)

    def _warnings(self, answer) -> list[str]:
        """Return what the author should know.

        Raises:
            LabError: there is something, and `STRICT` is set.
        """
        from labflake.documents.numbers import lint

        warnings = [*lint(self.source), *answer.warnings]
        if warnings and flag("STRICT"):
            self._discard()
            raise LabError("\n".join(warnings))
        return warnings

    def _publish_notebook(self) -> None:
        """Give the notebook its name; it shows where a cell failed, too."""
        name = f"{self.source.stem}.ipynb"
        _move(Path(self.order.folder, name), notebook_path(self.source))

    def _publish(self, answer) -> list[Path]:
        """Give the outputs their names, and record what they were made from."""
        self.contents.documents.pop(self.source.name, None)
        every = outputs(self.source)
        made = [p for p in every if p.name.removeprefix(self.source.stem) in answer.files]
        for path in made:
            _move(Path(self.order.folder, path.name), path)
        for path in {*every} - {*made}:
            path.unlink(missing_ok=True)
        self.contents.documents[self.source.name] = self.evidence.record(answer, made)
        return made

    def _discard(self) -> None:
        """Remove the outputs of an earlier build: they are not of this source."""
        self.contents.documents.pop(self.source.name, None)
        for path in [] if self.order.notebook else outputs(self.source):
            path.unlink(missing_ok=True)


def outputs(source: Path) -> list[Path]:
    """Return the files that a document may have, the PDF first."""
    folder = Experiment(source.parent.name).generated / "outputs"
    kinds = (".pdf", ".html") if source.stem == "report" else (".pdf", ".html", "-notes.pdf")
    return [folder / f"{source.stem}{kind}" for kind in (*kinds, ".provenance.json")]


def notebook_path(source: Path) -> Path:
    """Return where the executed notebook of a document is kept."""
    folder = Experiment(source.parent.name).generated / "assets" / source.stem
    return folder / f"{source.stem}.ipynb"


def _changed(source: Path, changed: list[str]) -> str:
    """Say what changed, of many files the first ones."""
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    built = "it" if changed == [relative(source)] else relative(source)
    return f"{', '.join(changed[:3])}{more} changed while {built} was built"


def _move(path: Path, target: Path) -> None:
    if path.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        move(path, target)
