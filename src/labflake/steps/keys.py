"""The key of a step: the sha256 of all that decides its result."""

import hashlib
import json

from labflake.programs import pins
from labflake.steps import found, names
from labflake.steps.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from labflake.steps.step import Known

    class Circumstances(Protocol):
        """What the key of a step holds besides the step."""

        @property
        def contents(self) -> Known:
            """Return what knows the contents of its inputs."""

        environment: str


def key_of(step: Step, session: "Circumstances") -> str:
    """Return the sha256 of all that decides the result: nothing else does.

    The command as it will run carries parameters, wildcards and the names of inputs and outputs;
    the contents of the inputs carry data and code; the pins stand for the packages that the step
    can see, the environment for Python, the kind of machine, and how `save` writes. The folder of
    the experiment's own programs has no name here, so a copy of it computes nothing.
    """
    used = _AsUsed(step, session.contents)
    folder = names.scripts_of(used.generated)
    inputs = [(_in(folder, path), used.digest(path)) for path in step.inputs]
    command = _in(folder, step.command)
    outputs = [path for path in step.outputs if path not in step.notes]
    parts = [3, command, inputs, outputs, step.container, session.environment]
    parts += [step.pins, step.deciding, found.part_of_key(step.found, used, step.inputs)]
    parts += [step.notes] if step.notes else []  # they come back with the result
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def seen_packages(step: Step) -> dict:
    """Return what the step asks for of the packages, and the pins of those that it gets."""
    return pins.noted(step.asked | found.asked(step.found))


class _AsUsed:
    """The contents of files as one step was told about them, however they are now."""

    def __init__(self, step: Step, contents: "Known") -> None:
        self.step, self.contents, self.generated = step, contents, contents.generated

    def digest(self, path: str) -> str:
        return self.step.digest(path, self.contents)


def _in(folder: str, text: str) -> str:
    """Return a text with the names in this folder relative to it; no text has a zero by itself."""
    return text.replace(folder, "\0/")
