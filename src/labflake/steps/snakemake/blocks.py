"""What a rule with `run:` does: its block of Python runs in a process of its own.

The step belongs to the code of the block and of the functions of the Snakefile that it calls, to
the values of the Snakefile that it uses, and to the local modules among them; an edit of another
rule is none of its business. In the process of its own the Snakefile is read again.
"""

import hashlib
import inspect
import io
import json
import os
import pickle
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from labflake.errors import LabError
from labflake.processes import scripted
from labflake.processes.handed import named
from labflake.programs import handed_names, modules
from labflake.project.experiments import root
from labflake.steps.snakemake import places, sources
from labflake.steps.snakemake.given import available, lists_of, plain_text, resources_of
from labflake.steps.snakemake.scripts import Command

_FILE = ".script/block"
_MODE = re.compile("[abrtwx+]{1,3}")  # of `open`; there is a program called w


def of(job, moved, scratch: str) -> Command:
    """Return the command of a job whose rule has a block of Python.

    Args:
        job: the job.
        moved: its outputs, in the scratch folder.
        scratch: that folder.

    Raises:
        LabError: the rule has a container, where Snakemake and the Snakefile are not.
    """
    if job.rule.container_img:
        place = places.place(job.rule, "run:")
        raise LabError(
            f"{place}: rule {job.rule.name}: `run:` cannot run in a container\n"
            "  write a program, and start it by `shell:` or `script:`"
        )
    given = {
        "input": named(job.input, lambda path: sources.own(str(path))),
        "output": moved,
        "params": named(job.params, sources.own),
        "wildcards": job.wildcards,
        "threads": job.threads,
        "resources": available(job),
        "log": named(job.log),
        "rule": job.rule.name,
    }
    experiment = os.path.basename(os.getcwd())
    note = pickle.dumps((experiment, job.rule.name, given), protocol=4).hex()
    file = shlex.quote(f"{scratch}/{_FILE}")
    start = f"{scripted.UNWATCHED} python -m labflake.steps.snakemake.block {file}"
    code = _Content(job.rule.run_func, job.rule.workflow)
    deciding: dict[str, list[str]] = {}
    for path in code.sources:
        deciding |= handed_names.deciding(path, os.getcwd())
    return Command(_said(job, code), start, {_FILE: note}, deciding)


def arguments(function: FunctionType, given: dict) -> dict:
    """Return the arguments for the function that Snakemake makes of a block."""
    return dict.fromkeys(inspect.signature(function).parameters) | given


def _said(job, code: "_Content") -> str:
    """Return what decides the result, as a text that is the same for the same block."""
    given = lists_of(job) | {"resources": resources_of(job), "threads": job.threads}
    files = [shlex.quote(os.path.relpath(path)) for path in sorted(code.files)]
    texts = [text for text in code.texts if not _MODE.fullmatch(text)]
    lines = [f"# code: {code.digest()}", f"# given: {plain_text(given)}", *files, *texts]
    return "\n".join([f"run: of rule {job.rule.name}", *lines])


class _Content:
    """The code of a block, with all of the Snakefile that it uses.

    Attributes:
        texts: the texts that stand in the code.
        sources: local modules that it uses.
        files: these, and what they import or name.
    """

    def __init__(self, function: FunctionType, workflow) -> None:
        self.texts: list[str] = []
        self.sources: set[Path] = set()
        self.files: set[Path] = set()
        self._parts: list = []
        self._done: set[int] = set()
        self._of_snakemake = workflow.vanilla_globals
        self._snakefiles = sorted({str(rule.snakefile) for rule in workflow.rules})
        self._visit(function)

    def digest(self) -> str:
        """Return the digest of all of it but for the files."""
        return hashlib.sha256(plain_text(self._parts).encode()).hexdigest()

    def _visit(self, function: FunctionType) -> None:
        """Take in a function of the Snakefile, and what it names there."""
        if id(function) in self._done:
            return
        self._done.add(id(function))
        names: set[str] = set()
        for code in _codes(function.__code__):
            constants = [each for each in code.co_consts if not isinstance(each, CodeType)]
            self.texts += [c for c in constants if isinstance(c, str) and c not in self.texts]
            kept = [repr(sorted(c, key=repr) if isinstance(c, frozenset) else c) for c in constants]
            self._parts.append([code.co_code.hex(), kept, code.co_names, code.co_varnames])
            names.update(code.co_names)
        self._add_modules(names)
        defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).items()]
        self._parts += [self._value(each) for each in defaults]
        used = names | _in_braces(self.texts)
        for name in sorted(used & function.__globals__.keys()):
            self._add(name, function.__globals__[name])

    def _add(self, name: str, value: object) -> None:
        """Take in a value of the Snakefile; what Snakemake puts there decides nothing."""
        if name != "config" and self._of_snakemake.get(name, self) is value:
            return
        if isinstance(value, FunctionType) and _is_of_a_snakefile(value):
            self._visit(value)
        elif isinstance(value, ModuleType):
            self._add_file(getattr(value, "__file__", None))
        elif isinstance(value, type | FunctionType) and value.__module__ in sys.modules:
            self._add_file(getattr(sys.modules[value.__module__], "__file__", None))
        else:
            self._parts.append([name, self._value(value)])

    def _value(self, value: object) -> str:
        """Return a value as a text; for what cannot be written down stand the Snakefiles."""
        try:
            json.dumps(value)
            return plain_text(value)
        except (TypeError, ValueError):
            pass
        try:
            with io.BytesIO() as text:
                _Pickler(self, text, protocol=4).dump(value)
                return text.getvalue().hex()
        except Exception:
            return "".join(Path(path).read_text(encoding="utf-8") for path in self._snakefiles)

    def take_in(self, value: object) -> bool:
        """Take in what a value names by its place alone: functions, classes, and their code."""
        own = getattr(value, "__wrapped__", value)  # of `functools.cache`
        if isinstance(own, FunctionType) and _is_of_a_snakefile(own):
            self._visit(own)
        elif isinstance(own, type) and own.__module__ is None:  # of a Snakefile
            self._visit_class(own)
        elif isinstance(own, type | FunctionType):
            self._add_file(getattr(sys.modules.get(own.__module__), "__file__", None))
            return False
        else:
            return False
        return True

    def _visit_class(self, kind: type) -> None:
        """Take in a class of the Snakefile: its attributes, and the code of its methods."""
        if id(kind) in self._done:
            return
        self._done.add(id(kind))
        for name, value in sorted(vars(kind).items()):
            if name not in ("__dict__", "__weakref__"):
                parts = [getattr(value, part, None) for part in ("__func__", "fget", "fset")]
                for each in [*filter(None, parts)] or [value]:
                    self._parts.append([name, self._value(each)])
        self._parts.append([self._value(base) for base in kind.__bases__])

    def _add_modules(self, names: Iterable[str]) -> None:
        """Add the local modules that have these names: the code may import them."""
        folder = Path(os.path.dirname(self._snakefiles[0]))
        for file in {f for n in names for f in modules.files(n, (folder, root() / "src", root()))}:
            self._add_file(str(file))

    def _add_file(self, file: str | None) -> None:
        if not file or not _is_local(file) or Path(file) in self.sources:
            return
        self.sources.add(Path(file))
        self.files.update(modules.programs(Path(file), also=tuple(filter(_is_local, sys.path))))
        folder = Path(file).parents[Path(file).name == "__init__.py"]
        if (folder / "__init__.py").is_file():  # of its package, and so of those above
            self._add_file(str(folder / "__init__.py"))


class _Pickler(pickle.Pickler):
    """Writes values down; what has its code in a Snakefile or module is taken in by its name."""

    def __init__(self, content: _Content, *given, **named) -> None:
        super().__init__(*given, **named)
        self.content = content

    def persistent_id(self, value: object) -> str | None:
        """Return the name of what is not written down with the value."""
        return getattr(value, "__qualname__", "") if self.content.take_in(value) else None


def _is_local(path: str) -> bool:
    """Tell whether a path is one of the project, and no package's."""
    return Path(path).is_relative_to(root()) and "/.venv/" not in f"{path}/"


def _in_braces(texts: list[str]) -> set[str]:
    """Return the words of texts: `shell("… {NAME}")` looks a name up, too."""
    marks = str.maketrans("{}[].:!\"'", " " * 9)
    return {word for text in texts if "{" in text for word in text.translate(marks).split()}


def _is_of_a_snakefile(function: FunctionType) -> bool:
    """Tell whether a function was defined in a Snakefile, and in no module."""
    module = sys.modules.get(function.__module__)
    return getattr(module, "__dict__", None) is not function.__globals__


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
