"""What to say when a step failed: why, its command, the end of its log, and what to do."""

from pathlib import Path

from labflake.content.printed import last_lines
from labflake.errors import LabError
from labflake.project.experiments import relative
from labflake.steps import beside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labflake.steps.session import Session
    from labflake.steps.step import Step

_END = 20  # lines of a log to show


class StepError(LabError):
    """The command of a step ended with an error, or did not write its outputs."""

    def __init__(
        self, step: "Step", why: str, log: Path | None = None, scratch: Path | None = None
    ) -> None:
        from labflake.command_line.table import as_make_line

        command = step.moved if scratch and not step.files else step.command.split("\n#")[0]
        lines = [f"error: step {step.name} failed: {why}", f"  {_one_line(command)}"]
        if log and log.exists():
            end = [beside.as_written(line, step) for line in last_lines(log, _END)]
            lines += [f"    {line}" for line in end]
            lines += [f"  its whole log: {relative(log)}"]
            lines += [f"  to look into it: {as_make_line('debug', step.name)}"]
            lines += _package(step, "\n".join(end))
        super().__init__("\n".join(lines))
        self.why = why


def _package(step: "Step", log: str) -> list[str]:
    """Return the line about a module that was not found; a container has packages of its own."""
    from labflake.environment import missing

    line = "" if step.container else missing.advice(log, Path.cwd().name)
    return [f"  {line}"] if line else []


def failed(step: "Step", why: str, session: "Session") -> StepError:
    """Say what is wrong with a step that ended; return the error to raise."""
    failure = StepError(step, why)
    session.progress.failed(step.name, str(failure))
    return failure


def report(failure: StepError, step: "Step", session: "Session") -> None:
    """Say what went wrong: in full at the last attempt, in a line before."""
    text = str(failure)
    if step.attempt < step.attempts:
        first, again = failure.why.splitlines()[0], step.attempt + 1
        text = f"  {step.name} failed: {first}; tried again ({again} of {step.attempts})"
    session.progress.failed(step.name, text)
    raise failure


def _one_line(command: str) -> str:
    line = " ".join(command.split())
    return line if len(line) < 200 else line[:197] + "…"
