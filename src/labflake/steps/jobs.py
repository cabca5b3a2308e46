"""The files of jobs in the shared folder `.labflake/jobs`, and the end of those that a build left.

Each job has its `script`; `waiting`, which it renames to `started` before it does anything, so that
it runs at most once, and not after its build is gone; `id`, what the queue calls it; and `exit`,
its exit code. Whoever has to end jobs, the build, its keeper or the next build, finds them there.
"""

import json
import os
import shlex
import shutil
import time
from dataclasses import asdict
from pathlib import Path

from labflake.errors import LabError
from labflake.processes.determinism import MACHINE
from labflake.processes.processes import Command
from labflake.project.experiments import Experiment, relative
from labflake.steps.profiles import Profile
from labflake.steps.queues import Job, Queue, QueueError, first_word
from labflake.steps.slurm import Slurm

_SCRIPT = """#!/bin/bash
# step {name}
cd {generated} || exit 1
# This job runs once, and only while its build waits for it.
mv {job}.waiting {job}.started 2>/dev/null || exit 0
echo "${{SLURM_JOB_ID:-${{PBS_JOBID:-${{LSB_JOBID:-${{JOB_ID:-}}}}}}}}" > {job}.started
{unset}
{exports}
{trap}
code=0
(cd {folder} && exec {command}) & wait $! || code=$?
echo "$code" > {job}.exit.new
mv {job}.exit.new {job}.exit
exit "$code"
"""
# What a step may not depend on does not reach it, whatever the queue passes on.
_UNSET = """shopt -s nocasematch
for name in $(compgen -e); do [[ $name =~ ^({allowed})$ ]] || unset "$name"; done
shopt -u nocasematch"""
_CANCEL = """cd {folder} || exit
rm -f *.waiting
for i in 1 2 3 4 5; do  # what is being handed in now has no id yet
  [ -z "$(find . -name '*.id' -empty)" ] && break
  sleep 1
done
cat *.id *.started 2>/dev/null | sed 's/[; ].*//' | sort -u | xargs -r {cancel}
"""


def prepare(job: Job, command: Command, env: dict[str, str]) -> None:
    """Write the files of a job.

    Args:
        job: the job.
        command: what runs its step.
        env: variables that must be as they are here, however the queue sets others.
    """
    allowed = "|".join([MACHINE, *job.step.passed])
    hidden = {} if job.step.gpus else {"CUDA_VISIBLE_DEVICES": ""}
    exports = env | hidden | {"PATH": job.environment["PATH"]}
    text = _SCRIPT.format(
        name=job.step.name,
        generated=shlex.quote(os.getcwd()),
        job=shlex.quote(str(job.path)),
        unset="" if job.step.container else _UNSET.format(allowed=allowed),
        exports="\n".join(f"export {k}={shlex.quote(v)}" for k, v in exports.items()),
        trap=f"trap {shlex.quote(command.undo)} TERM" if command.undo else "",
        folder=shlex.quote(command.folder or "."),
        command=shlex.join(command.argv),
    )
    job.path.parent.mkdir(parents=True, exist_ok=True)
    job.file("script").write_text(text, encoding="utf-8")
    job.log.unlink(missing_ok=True)
    job.file("waiting").touch()


def remove(job: Job) -> None:
    """Remove the files of a job that is over; one that still waits does nothing then."""
    for path in job.path.parent.glob(f"{job.path.name}.*"):
        path.unlink(missing_ok=True)


def queue_of(profile: Profile) -> Queue:
    """Return the queue of a profile."""
    return Slurm(profile) if profile.queue == "slurm" else Queue(profile)


def open_folder(folder: Path, queue: Queue) -> str:
    """Note which queue has the jobs of a folder; return a shell command that ends them all."""
    (folder / "profile").write_text(json.dumps(asdict(queue.profile)), encoding="utf-8")
    return _CANCEL.format(folder=shlex.quote(str(folder)), cancel=queue.cancel)


def recover(experiment: Experiment, seconds: float = 120) -> None:
    """End the jobs that a killed build left, so that none writes beside those of this one.

    Raises:
        LabError: the queue does not say that they ended.
    """
    folder = experiment.state / "jobs"
    if not (folder / "profile").exists():
        return
    queue = queue_of(Profile(**json.loads((folder / "profile").read_text(encoding="utf-8"))))
    for path in folder.glob("*.waiting"):
        path.unlink(missing_ok=True)
    files = [*folder.glob("*.id"), *folder.glob("*.started")]
    ids = {first_word(path.read_text(encoding="utf-8")) for path in files} - {""}
    if ids:
        print(f"  ending {len(ids)} job{'s' * (len(ids) > 1)} of an interrupted build", flush=True)
        _end(queue, sorted(ids), folder, seconds)
    shutil.rmtree(folder, ignore_errors=True)


def _end(queue: Queue, ids: list[str], folder: Path, seconds: float) -> None:
    """Cancel jobs and wait until the queue says that they ended."""
    end = time.monotonic() + seconds
    while True:
        try:
            queue.ask(["bash", "-c", f"{queue.cancel} {shlex.join(ids)}; true"])
            states = queue.states()
            if not any(queue.runs(states.get(id_, "")) for id_ in ids):
                return
            text = "they still run"
        except QueueError as error:
            text = str(error)
        if time.monotonic() > end:
            raise LabError(
                f"jobs of an interrupted build may still write: {', '.join(ids)}\n"
                f"  {text}\n  when they are gone: rm -r {shlex.quote(relative(folder))}"
            )
        time.sleep(0.5)
