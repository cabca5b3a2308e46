"""What decides the graph of the steps: all that a Snakefile opens while Snakemake reads it.

An audit hook sees every file that is opened and every folder that is listed on behalf of a
Snakefile, of what it includes and of the modules that it imports; also later, by functions that it
gives to Snakemake. Variables of the environment that it asks for, and whether files are there,
count in the same way, and so does what the words of programs name that a Snakefile starts.
"""

import os
import re
import shutil
import sys
import threading
from functools import cache
from pathlib import Path
from types import CodeType, FrameType

from labflake.content.contents import Contents
from labflake.data_files import sources
from labflake.data_files.sources.artifact import Artifact
from labflake.errors import LabError
from labflake.processes import orphans
from labflake.programs import asks_git, commands, pins
from labflake.project.experiments import Experiment
from labflake.steps import changed, events, questions
from labflake.steps.job import Graph

_OWN = str(Path(__file__).parent)
_LABFLAKE = str(Path(_OWN).parent)
_CODE = f"{_LABFLAKE}/programs/modules.py"  # reads the programs of steps: what do they import?
# Their own business:
_OTHERS = (f"{_OWN}/steps.py", f"{_OWN}/keys.py", f"{_LABFLAKE}/project/experiments.py")
_ELSEWHERE = (
    "/dev/",
    "/proc/",
    "/sys/",
    f"{sys.base_prefix}/lib",
    f"{sys.prefix}/lib",
    _LABFLAKE,
)
_CACHES = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
_COPIES = os.path.join(_CACHES, "snakemake")  # of scripts, which Snakemake makes
# Snakemake opens included files through a folder of links (`labflake.steps.snakemake.sources`).
_THROUGH_SOURCES = re.compile(r"^.*/labflake-sources-[^/]*/file(?=/)")
_IMPORTED = re.compile(r"^\s*(?:import|from)\s+([\w.]+)", re.MULTILINE)
_absolute = cache(os.path.abspath)
_hooked: list["Reading"] = []


class _Environment(os._Environ):
    """The variables of the environment; those that a Snakefile asks for decide."""

    def __getitem__(self, name: str) -> str:
        """Return the value of a variable, and note its name."""
        if isinstance(name, str):  # `subprocess` tries whether it may ask in bytes
            _hooked[-1].asked(name)
        return super().__getitem__(name)


class Reading:
    """The files and folders that were read, each as it was before that.

    Attributes:
        files: those that decide which steps there are, by path from the generated folder.
        others: those that may do so, though nothing was seen to read them.
        code: programs and modules of steps that were read to find what they import.
        folders: the names in each folder where a new one may change the steps.
        questions: what was asked of files that were not opened, with the answers.
    """

    def __init__(self, experiment: Experiment, contents: Contents) -> None:
        self.generated, self.contents = str(experiment.generated), contents
        self.experiment = experiment
        self.files: dict[str, str] = {}
        around = _of_others(experiment)
        self._always = {*around, *_by_snakemake(experiment)}
        own = [*changed.structure(experiment), *around]
        self.others = {path: contents.digest(path) for path in own}
        self.code: dict[str, str] = {}
        self.folders = changed.listings(experiment)
        self.variables: set[str] = set()
        self.questions: dict[str, str] = {}
        self._touched: set[str] = set()  # what the Snakefile made or removed itself
        self._sources = {str(experiment.snakefile)}
        notes = (f"{self.generated}/.labflake", f"{self.generated}/.snakemake", _COPIES)
        self._elsewhere = (*_ELSEWHERE, *notes)
        self._busy = threading.local()
        self._follow()

    def _follow(self) -> None:
        """Note from now on what is read, until this process ends; what it has loaded stays."""
        if _hooked:  # modules that were imported then are not opened again
            last = _hooked[-1]
            self.files, self.code, self.folders = last.files, last.code, last.folders
            self.variables, self.questions = last.variables, last.questions
            self._touched = last._touched
            self._sources |= last._sources
        else:
            sys.addaudithook(_see)
            os.environ.__class__ = _Environment
            questions.follow(_is_source, _note_question)
        _hooked.append(self)

    def see(self, event: str, name: str) -> None:
        """Note what is about to be read, if it is read on behalf of the Snakefile."""
        if getattr(self._busy, "now", False):
            return
        self._busy.now = True
        try:
            path = events.source_of(_THROUGH_SOURCES.sub("", os.path.abspath(name)))
            kind = None if path.startswith(self._elsewhere) else self._asker()
            if kind is not None:
                self._note(event, path, kind)
        finally:
            self._busy.now = False

    def started(self, command: str, folder: str) -> None:
        """Note what a program reads that is started on behalf of the Snakefile, by its words.

        Raises:
            LabError: it asks git for what is not committed.
        """
        if getattr(self._busy, "now", False) or self._asker() is not self.files:
            return
        self._busy.now = True
        try:
            if asked := asks_git.of_what_is_not_committed(command):
                raise LabError(asks_git.refusal(asked, "the Snakefile"))
            named = commands.files(command, [], self.generated, Path(os.path.abspath(folder)))
            git = asks_git.files(command).values()
            for path in [*named, *git, *commands.programs(command).values()]:
                self._note("open", os.path.join(self.generated, path), self.files)
        finally:
            self._busy.now = False

    def told(self, word: str, path: str, answer: str) -> None:
        """Note what the Snakefile asked of a file, and the answer."""
        if not getattr(self._busy, "now", False) and not path.startswith(self._elsewhere):
            self.questions[f"{word} {os.path.relpath(path, self.generated)}"] = answer

    def asked(self, variable: str) -> None:
        """Note a variable of the environment, if it is read on behalf of the Snakefile."""
        frame: FrameType | None = sys._getframe(2)
        while frame and frame.f_globals.get("__name__") in ("os", "collections.abc"):
            frame = frame.f_back
        asker = str(frame.f_globals.get("__name__")) if frame else ""
        if asker.partition(".")[0] != "labflake" and self._asker() is self.files:
            self.variables.add(variable)

    def _asker(self) -> dict | None:
        """Return where to note what is read now, by who reads it; None if it does not matter."""
        frame: FrameType | None = sys._getframe(3)
        while frame:
            file = frame.f_code.co_filename
            if file in _OTHERS or _is_cleaning(frame.f_code):
                return None
            if file == _CODE:
                return self.code
            if _absolute(file) in self._sources:
                return self.files
            frame = frame.f_back
        return None

    def _note(self, event: str, path: str, kind: dict) -> None:
        name = os.path.relpath(path, self.generated)
        if event in events.MAKES:
            self._touched |= {name} if kind is self.files else set()
            return
        if event.startswith("os."):
            # What a script may mean by a pattern among results is no matter of the graph.
            if kind is self.files or name.startswith(".."):
                self.folders |= changed.names(self.experiment, [name])
            return
        if kind is self.files:  # perhaps an included file, or a module
            self._sources.add(path)
        if name not in kind or not name.startswith(".."):  # what steps make is read again
            kind[name] = self.contents.digest(name)

    def differing(self, files: dict[str, str]) -> str:
        """Return the first of the files that was not read with the digest given; "" if none."""
        read = self.others | self.files
        return next((p for p, digest in files.items() if read.get(p, digest) != digest), "")

    def of(self, graph: Graph) -> dict:
        """Return what this graph of steps follows from, as it was read, and its steps.

        Where it is not certain what was read, "" stands for it: that is in no file.
        """
        inputs = {path for job in graph.jobs for path in job.inputs}
        inputs.update(*(step["inputs"] for step in self.contents.steps.values()))
        inputs -= self._always  # also where a step reads them
        others = {p: digest for p, digest in self.others.items() if p not in inputs}
        now = self.contents.digest
        files = {p: d if now(p) == d else "" for p, d in (others | self.files).items()}
        made = self.contents.made()
        return {
            "files": files | {path: made[path] for path in graph.deciding() if path in made},
            "listings": self.folders,
            "variables": changed.variables(graph.variables),
            "questions": self._answered(),
            "asked": changed.variables(self.variables - {orphans.MARK}),
            "packages": self.contents.know_packages(pins.noted(self._asked())),
            "steps": [first for first in graph.firsts() if first in self.contents.steps],
        }

    def _answered(self) -> dict[str, str]:
        """Return the answers to all questions; what it made itself is as it left it."""
        own = [q for q in self.questions if questions.path_of(q) in self._touched]
        return self.questions | questions.answers(self.generated, own)

    def _asked(self) -> pins.Asked:
        """Return what the graph asks for of the packages: Snakemake, and what the texts import."""
        texts = (_text(os.path.join(self.generated, path)) for path in self.files)
        names = {name for text in texts for name in _IMPORTED.findall(text)}
        return pins.Asked(frozenset({"snakemake", *names} - {pins.LABFLAKE}))


def _is_cleaning(code: CodeType) -> bool:
    """Tell whether code removes a folder, which may happen at any moment."""
    return code.co_filename == shutil.__file__ and "rmtree" in code.co_name


def listed() -> list[str]:
    """Return the folders that were listed on behalf of the Snakefile, from the generated one."""
    return [*_hooked[-1].folders] if _hooked else []


def missed() -> list[str]:
    """Return the files in the generated folder that the Snakefile looked for in vain."""
    asked = _hooked[-1].questions if _hooked else {}
    paths = {questions.path_of(question) for question, answer in asked.items() if not answer}
    return sorted(path for path in paths if not path.startswith(".."))


def _is_source(file: str) -> bool:
    return _absolute(file) in _hooked[-1]._sources


def _note_question(word: str, path: str, answer: str) -> None:
    _hooked[-1].told(word, path, answer)


def _by_snakemake(experiment: Experiment) -> list[str]:
    """Return what Snakemake reads by itself, so that no Snakefile is seen to read it."""
    names = (experiment.snakefile, experiment.scripts / "config.yaml")
    return [os.path.relpath(path, experiment.generated) for path in names]


def _of_others(experiment: Experiment) -> list[str]:
    """Return the files of other experiments from which data of this one follows."""
    declared = sources.declared(experiment).values()
    found = {
        path for source in declared if isinstance(source, Artifact) for path in source.made_of()
    }
    return [os.path.relpath(path, experiment.generated) for path in sorted(found)]


def _text(path: str) -> str:
    """Return the text of a file; what is no text imports nothing."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _see(event: str, arguments: tuple) -> None:
    if event in events.STARTS:
        _hooked[-1].started(*events.command(event, arguments))
    elif event in events.ALL:
        for kind, name in events.files(event, arguments):
            _hooked[-1].see(kind, name)
