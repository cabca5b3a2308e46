"""Run one step in this terminal, as it runs in a build, and keep nothing of what it makes."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from labflake.errors import LabError
from labflake.processes.determinism import environment, of_step
from labflake.processes.processes import described
from labflake.project.experiments import Experiment, relative
from labflake.steps import containers, own_names, runner
from labflake.steps.step import Step

_DEBUGGERS = re.compile(r"PYTHONBREAKPOINT|(DEBUGPY|PYDEVD)_\w+")


def run(experiment: Experiment, step: Step) -> int:
    """Run the command of a step with its inputs; return its exit code.

    What it writes is removed, and results that were there come back.

    Raises:
        LabError: an input is not there.
    """
    with contextlib.chdir(experiment.generated):
        for path in step.rules_inputs():
            if not os.path.lexists(path):
                name = relative(experiment.generated / path)
                raise LabError(f"step {step.name} needs {name}, which is not there\n  make {name}")
        shutil.rmtree(step.scratch, ignore_errors=True)
        step.scratch.mkdir(parents=True)
        try:
            with own_names.as_before([*step.outputs, *_logs(step)], step.scratch):
                return _in_the_terminal(experiment, step)
        finally:
            shutil.rmtree(step.scratch, ignore_errors=True)


def _logs(step: Step) -> list[str]:
    return [path for path in step.logs if not path.startswith(("/", "..", "~"))]


def _in_the_terminal(experiment: Experiment, step: Step) -> int:
    moved = [step.scratch / path for path in step.outputs] if step.files else step.outputs
    for path in [*map(Path, moved), *map(Path, _logs(step))]:
        path.parent.mkdir(parents=True, exist_ok=True)
    place = step.scratch if step.files else experiment.generated
    runner.declare(step, step.scratch, place)
    given = environment() if step.container else of_step(step.passed)
    debuggers = {name: v for name, v in os.environ.items() if _DEBUGGERS.fullmatch(name)}
    own = runner.own_environment(step, step.scratch)
    gpus = {} if step.gpus else {"CUDA_VISIBLE_DEVICES": ""}
    # A script is given its outputs in the scratch folder, by a file that is there, too.
    text = step.moved if step.files else step.command
    command = ["bash", "-euo", "pipefail", "-c", text]
    if step.container:
        names = [*own, *(name for name in step.passed if name in os.environ)]
        inside = containers.command(step, text, names, str(step.scratch), print)
        command = inside.argv
    with subprocess.Popen(command, env=given | debuggers | own | gpus) as process:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program
        try:
            code = process.wait()
        finally:
            signal.signal(signal.SIGINT, before)
    print(f"{step.name}: {described(code) if code else 'it ended well'}; nothing was stored")
    return code
