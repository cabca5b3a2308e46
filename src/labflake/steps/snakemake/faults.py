"""What went wrong with a Snakefile or a job, as a person can act on it."""

import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from labflake.errors import LabError
from labflake.project.experiments import Experiment, relative
from labflake.project.surroundings import explained
from labflake.steps import beside
from labflake.steps.failures import StepError
from labflake.steps.snakemake import missing

_CONFIGFILE = re.compile(r"configfile (\S+) but it is not present")
_PLACE = re.compile(r" \((?:rule \w+, )?line \d+, .*\)$", re.M)  # in the Python made of it
_BLOCK = str(Path(__file__).with_name("block.py"))
_Kind = TypeVar("_Kind", bound=BaseException)


def own(error: BaseException | None) -> LabError | None:
    """Return the error of this project that Snakemake wrapped, if it did."""
    return _cause(error, LabError)


def _cause(error: BaseException | None, kind: type[_Kind]) -> _Kind | None:
    """Return the error of a kind that another one was made of, or that one itself."""
    while error and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error if isinstance(error, kind) else None


def _is_snakemakes(error: BaseException) -> bool:
    return "snakemake" in type(error).__module__


def as_ours(experiment: Experiment, workflow, error: BaseException) -> LabError:
    """Return the error to raise; it knows which files are missing."""
    if lacking := _cause(error, beside.MissingError):
        return lacking
    files = missing.files_of(error) or [*_missing_files(error)]
    return beside.MissingError(explain(experiment, workflow, error), files)


def _missing_files(error: BaseException) -> Iterator[str]:
    """Give the file that a Snakefile opens or takes as settings, and that is not there."""
    found = _cause(error, FileNotFoundError)
    if found and isinstance(found.filename, str):
        yield found.filename
    if named := _CONFIGFILE.search(str(error)):
        yield named[1]


def explain(experiment: Experiment, workflow, error: BaseException) -> str:
    """Say what Snakemake found wrong, and where, without its traceback."""
    if ours := own(error):
        file, line = _origin(ours, workflow.linemaps if workflow else {})
        name = relative(Path(file)) if file and line else ""
        is_told = not name or str(ours).startswith(name)
        return str(ours) if is_told else f"{name}:{line}: {ours}"
    if missing.files_of(error):
        return missing.explain(experiment, workflow, error)
    if told := _machines(error):
        return told
    file, line = _origin(error, workflow.linemaps if workflow else {})
    place = Path(file) if file else _file_of(error, experiment)
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    lines = [line for line in _PLACE.sub("", said).strip().splitlines() if line.strip()]
    text = "\n  ".join(lines) or type(error).__name__
    if type(error).__name__ == "ProtectedOutputException":
        text += "\n  protected, or of another user: chmod u+w (or sudo chown), then make"
    if isinstance(error, ImportError) and error.name == "lab":
        text += "\n  that is called labflake now; make env renames it in all you wrote"
    if isinstance(error, NameError) and error.name in ("code", "data", "step"):
        text += f"\n  write above the first rule: from labflake import {error.name}"
    kind = "" if _is_snakemakes(error) else f"{type(error).__name__}: "
    return f"{relative(place)}{f':{line}' if line else ''}: {kind}{text}"


def _origin(error: BaseException, maps: dict) -> tuple[str, int | None]:
    """Return the innermost Snakefile that an error comes from, and the line in it."""
    if isinstance(error, SyntaxError) and error.filename and error.filename[0] != "<":
        known = maps.get(error.filename, {})
        return error.filename, known.get(error.lineno, error.lineno)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename in maps:  # with the lines of the Python that Snakemake made of it
            return frame.filename, maps[frame.filename].get(frame.lineno)
    line = getattr(error, "lineno", None)
    for file in (getattr(error, "snakefile", None), getattr(error, "filename", None)):
        if isinstance(file, str) and file in maps:
            return file, maps[file].get(line)
    return "", line


def _file_of(error: BaseException, experiment: Experiment) -> Path:
    """Return the file of the experiment that has the line of an error, else its Snakefile."""
    if isinstance(error, SyntaxError) and error.lineno and error.text:
        for path in sorted(experiment.scripts.rglob("*.smk")):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            if [error.text.strip()] == [line.strip() for line in lines[error.lineno - 1 :][:1]]:
                return path
    return experiment.snakefile


def traced(workflow, error: BaseException) -> str:
    """Return the traceback of an error in a Snakefile, with its own lines and no frame of ours."""
    told = traceback.TracebackException.from_exception(error)
    part: traceback.TracebackException | None = told
    while part:
        frames = [frame for frame in part.stack if frame.filename != _BLOCK]
        part.stack = traceback.StackSummary.from_list(_in_file(workflow, f) for f in frames)
        part = part.__cause__ or part.__context__
    return "".join(told.format())


def _in_file(workflow, frame: traceback.FrameSummary) -> traceback.FrameSummary:
    """Return a frame with the line that was written, not that of the Python made of it."""
    lines = workflow.linemaps.get(frame.filename)
    if lines is None:
        return frame
    block = re.sub(r"^__rule_", "run: of rule ", frame.name)
    return traceback.FrameSummary(frame.filename, lines.get(frame.lineno), block)


def _machines(error: BaseException | None) -> str | None:
    """Say it if not the Snakefile is wrong, but a disk or a permission."""
    found = _cause(error, OSError)
    return explained(found) if found else None


def say(errors: Iterable[BaseException]) -> None:
    """Print the errors of steps that have not been said already."""
    for error in errors:
        if not isinstance(own(error), StepError):
            text = str(own(error) or _machines(error) or f"{type(error).__name__}: {error}")
            print(f"error: {text}", file=sys.stderr)


def say_of_jobs(experiment: Experiment, workflow, errors: list[BaseException]) -> None:
    """Say what went wrong and has not been said by a step."""
    for each in errors:
        if isinstance(each, KeyboardInterrupt) or isinstance(own(each), StepError):
            continue
        inner = each.__context__ if _is_snakemakes(each) else None
        print(f"error: {explain(experiment, workflow, inner or each)}", file=sys.stderr)
