"""Run the command of a step: what it is told, where it runs, whether it did as its rule says."""

import contextlib
import os
import re
import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from labflake.errors import LabError
from labflake.processes import orphans, processes
from labflake.processes.determinism import pinned
from labflake.programs import asks_git, commands
from labflake.programs.pins import Asked
from labflake.project.declared import VARIABLE, Declared
from labflake.project.experiments import Experiment, relative
from labflake.project.settings import told
from labflake.steps import (
    beside,
    demands,
    failures,
    here,
    logs,
    own_names,
    results,
    seen,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labflake.steps.session import Session
    from labflake.steps.step import Step

_NOTES = ".step"  # in the scratch folder: what its programs are told, and note
_AUDIT = "LAB_AUDIT"  # where Python finds what notes its reads, for commands
_PATH = re.compile(r"\bPYTHONPATH=(?=[^\s;&|)])")
_LONGEST = 100_000  # bytes of one argument of a program: systems take 131,072
_LATE = 60  # s until files that another machine wrote are seen here


def run(
    step: "Step", scratch: Path, session: "Session", confirm: Callable[[], None] = lambda: None
) -> None:
    """Run the command with its outputs under the scratch folder; stdout and stderr go to the log.

    Args:
        step: the step.
        scratch: a folder of its own.
        session: what the steps of this build share.
        confirm: called when the outputs are there; if it raises, all is as it was before.

    Raises:
        StepError: it asks for more than there is, ended with another exit code than 0, used more
            memory than declared, or did not write an output.
    """
    log = logs.of(Experiment(Path.cwd().name), step.name)
    for path in [scratch / path for path in step.outputs] + [log]:
        path.parent.mkdir(parents=True, exist_ok=True)
    declare(step, scratch, scratch)
    with own_names.writable(step.outputs, scratch):
        excess = _settings() or _stray(step, session) or _asks_git(step)
        excess = excess or demands.excess(step.wanted, step.attempt, session.limits)
        why = excess or _attempt(step, scratch, log, session)
        logs.hide(log)
        if session.running.stopped:
            raise KeyboardInterrupt
        why = why or _fault(step, scratch, session)
        session.confirm_packages(bool(why) or _sees_packages(step, scratch))
        if why:
            why += _full(scratch)
            failure = failures.StepError(step, why, None if excess else log.resolve(), scratch)
            failures.report(failure, step, session)
        confirm()
    _note(commands.unseen(step.command, os.getcwd()), session)
    for name in step.seen.undeclared():
        _note(f"{step.rule} reads {seen.shown(name)} undeclared; it counts as an input", session)
    if others := own_names.others(step.outputs, scratch):
        session.progress.say(
            f"  {step.name} wrote {', '.join(others)}, too, which is not kept:"
            f" `output:` of rule {step.rule} does not name it"
        )


def _sees_packages(step: "Step", scratch: Path) -> bool:
    """Tell whether a step asks for packages, or was seen to run a program of Python."""
    return step.asked != Asked() or any((scratch / _NOTES).glob("*.notes"))


def _note(text: str, session: "Session") -> None:
    """Say once what cannot be noticed."""
    if text and text not in session.said:
        session.said.add(text)
        session.progress.say(f"  note: {text}")


def _full(scratch: Path) -> str:
    """Say that the disk is full, where it is: a log has no room either."""
    if shutil.disk_usage(scratch).free > 4096:
        return ""
    return f": no space left on device: {relative(scratch.parent.parent)}"


def declare(step: "Step", scratch: Path, place: Path) -> None:
    """Tell the programs of a step what its rule declares, and in which place it writes that."""
    places = {path: os.path.abspath(place / path) for path in step.outputs}
    inputs = [path for path in step.inputs if path not in step.programs.values()]
    declared = Declared(step.name, step.rule, os.getcwd(), inputs, places)
    folder = scratch / _NOTES
    folder.mkdir(exist_ok=True)
    declared.written(str(folder))
    beside.for_command(step)
    for name, text in step.files.items():
        (scratch / name).parent.mkdir(exist_ok=True)
        (scratch / name).write_text(text, encoding="utf-8")


def _fault(step: "Step", scratch: Path, session: "Session") -> str | None:
    """Return what is wrong with a step whose command ended well, or None."""
    own_names.take(step.outputs, scratch)
    results.make_empty(step, scratch)
    for path in step.notes:
        logs.hide(scratch / path)
    missing = _missing(step, scratch, _LATE if session.cluster else 0)
    step.seen = seen.by(step, scratch / _NOTES, scratch)
    if missing:
        instead = f"; it wrote {step.seen.written[0]}" if step.seen.written else ""
        return f"it ended without an error but did not write {', '.join(missing)}{instead}"
    return results.settle(step, scratch) or step.seen.fault(step.rule)


def _missing(step: "Step", scratch: Path, seconds: float) -> list[str]:
    """Return the outputs that are not there; a network drive may show them late."""
    end = time.monotonic() + seconds
    while True:
        missing = [
            p for p in step.outputs if not any(os.path.lexists(at) for at in (scratch / p, p))
        ]
        if not missing or time.monotonic() >= end:
            return missing
        for path in missing:
            with contextlib.suppress(OSError):
                os.listdir((scratch / path).parent)
        time.sleep(0.2)


def _attempt(step: "Step", scratch: Path, log: Path, session: "Session") -> str | None:
    """Run the command here or on the cluster; return why it failed, or None."""
    try:
        command = _command(step, scratch, session)
    except LabError as error:
        return str(error)
    own = own_environment(step, scratch)
    if session.cluster and not step.is_local:
        del own[orphans.MARK]  # what runs there is none of this machine's business
        return session.cluster.run(step, command, own, log)
    return here.run(step, command, own, scratch, log, session)


def _command(step: "Step", scratch: Path, session: "Session") -> processes.Command:
    """Return what runs the step, in its container if it has one."""
    command = _short(step, scratch)
    if not step.container:
        return processes.Command(["bash", "-euo", "pipefail", "-c", command], step.memory)
    from labflake.steps import containers

    asked = [name for name in step.passed if name in os.environ]
    names = [*pinned(), *own_environment(step, scratch), *asked, "CUDA_VISIBLE_DEVICES"]
    return containers.command(step, command, names, str(scratch), session.progress.say)


def _short(step: "Step", scratch: Path) -> str:
    """Return the command; one that is too long for an argument is read from a file.

    Python that is given a path of modules by the command is seen all the same.
    """
    text = _PATH.sub(f"PYTHONPATH=${_AUDIT}:", step.moved)
    if len(os.fsencode(text)) < _LONGEST:
        return text
    file = scratch / _NOTES / "command"
    file.write_bytes(os.fsencode(text))
    return f". {shlex.quote(str(file))}"


def _settings() -> str | None:
    """Return why a file must not be there: Matplotlib reads it first, and git does not hold it."""
    if not os.path.lexists("matplotlibrc"):
        return None
    name = relative(Path("matplotlibrc").absolute())
    return f"{name} would change its figures; remove it (a style belongs in src/study)"


def _stray(step: "Step", session: "Session") -> str | None:
    """Return why a step may not run whose command names a result that its rule does not."""
    path = commands.stray(step.command, step.declared, os.getcwd(), session.made)
    return path and (
        f"its command names {path}, which its rule does not declare\n"
        f'  add it to `input:`, `output:` or `log:` of rule {step.rule}: "{path}"'
    )


def _asks_git(step: "Step") -> str | None:
    """Return why a step may not run that asks git for what is not committed, itself or a script."""
    asked = asks_git.of_what_is_not_committed(step.command) or commands.asks_git_in(step.inputs)
    return asked and asks_git.refusal(asked, f"rule {step.rule}")


def own_environment(step: "Step", scratch: Path) -> dict[str, str]:
    """Return the variables that tell a step, and others about it, where its experiment is."""
    state = os.path.abspath(".labflake")
    return {
        **_modules_in_a_container(step),
        "MPLCONFIGDIR": os.path.join(state, "fonts"),
        orphans.MARK: state,
        _AUDIT: pinned()["PYTHONPATH"].partition(os.pathsep)[0],
        VARIABLE: os.path.abspath(scratch / _NOTES),
        **told(),
    }


def _modules_in_a_container(step: "Step") -> dict[str, str]:
    if not step.container:
        return {}
    from labflake.steps import containers

    return containers.modules()
