"""Profiles of clusters: mistakes are named; queues that are told by commands.

The queue that is told by commands is a small one of its own: jobs wait in it, and it runs them.
"""

import os
import signal
from pathlib import Path

import building
import clustering
import pytest
from waiting import PATIENCE, until

pytestmark = pytest.mark.long


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """Copy the project, with a small experiment in it."""
    return clustering.copy(built, tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("partitoin: gpu", "there is no setting 'partitoin'\n  did you mean partition?"),
        ("time: abc", "time: abc is not understood\n  example: time: 90 (minutes)"),
        ("time: 2:30:00", "time: 2:30:00 is not understood\n  example: time: 90 (minutes)"),
        ("memory: lots", "memory=lots is no size\n  examples: 500MB, 16GB, 1.5GiB"),
        ("jobs: 0", "jobs: 0 is not understood\n  example: jobs: 100"),
        ("queue: slrum", "queue: slrum is not known\n  it can be slurm or commands"),
        ("queue: commands", "queue: commands needs a command for submit and running and cancel"),
        ("steps: {squrae: {time: 5}}", "steps: no experiment has a rule 'squrae'\n  did you mean"),
        ("steps: {sum: {time: -5}}", "steps: sum: time: -5 is not understood\n  example: time: 90"),
        ("steps: {sum: {poll: 5}}", "steps: sum: there is no setting 'poll'\n  known are"),
        ("steps: [sum]", "steps: ['sum'] is not understood\n  example: steps: {fit"),
        ("extra: {a: [", "while parsing a flow"),
    ],
)
def test_mistake_in_a_profile_is_named(project: Path, line: str, message: str) -> None:
    """What cannot be meant is an error before anything runs, with file and setting."""
    clustering.settings(project, "slurm", **dict([line.split(": ", 1)]))
    for command in ("build", "plan"):
        done = building.make(project, command, **clustering.variables(project, "slurm"))
        assert f"error: profiles/slurm/config.yaml: {message}" in done.stderr
        assert "Traceback" not in done.stderr


def test_unknown_profile_lists_those_there_are(project: Path) -> None:
    """A name without a file is an error that names the others."""
    done = building.make(project, **clustering.variables(project, "slrum"))
    assert "there is no profiles/slrum/config.yaml\n  PROFILE can be: slurm" in done.stderr


def test_unknown_profile_is_an_error_though_only_a_document_is_due(project: Path) -> None:
    """A misspelt profile is told, also where no step would have gone to the cluster."""
    name = "2024-05-02-Told"
    files = {"report_md": "---\ntitle: T\n---\n\nText.\n", "hashes_txt": ""}
    building.experiment(project, name, Snakefile="rule all:\n    input: []\n", **files)
    building.made(project, EXPERIMENT=name)
    (project / "scripts" / name / "report.md").write_text("---\ntitle: U\n---\n\nText.\n")
    done = building.make(project, EXPERIMENT=name, PROFILE="slrum")
    assert done.returncode == 2
    assert "PROFILE can be: slurm" in done.stderr


PROFILE = """
queue: commands
submit: queue submit {log} {script} {name} {threads} {memory} {minutes} {gpu}
gpu: "{gpus} GPU"
running: queue list
cancel: queue cancel
poll: 1
time: 60
memory: 2GB
"""
QUEUE = r"""#!/bin/bash
# A queue with one place: jobs wait for their turn in the background, each in a process group.
cd "$(dirname "$0")"
case $1 in
  submit)
    [ $# -ge 7 ] || { echo "queue submit LOG SCRIPT NAME THREADS MEMORY MINUTES" >&2; exit 7; }
    echo "${@:4}" >> asked
    export CUDA_VISIBLE_DEVICES=8
    setsid bash -c 'until [ -e job.$$ ]; do sleep 0.01; done; flock place bash "$1"; rm job.$$' \
      bash "$3" > "$2" 2>&1 &
    touch "job.$!"
    echo "$!" ;;
  list) ls | sed -n 's/^job[.]//p' ;;
  cancel) for job in "${@:2}"; do kill -- "-$job"; rm -f "job.$job"; done ;;
esac
"""


@pytest.fixture
def queue(project: Path, tmp_path: Path) -> dict[str, str]:
    """Put a small queue on the PATH, and a profile of its commands into the project."""
    profile(project, "queue", PROFILE)
    return clustering.program(tmp_path / "bin", "queue", QUEUE)


def profile(project: Path, name: str, text: str) -> None:
    """Write the profile of a cluster, as people do for one that is told by its commands."""
    path = project / "profiles" / name / "config.yaml"
    path.parent.mkdir()
    path.write_text(text.lstrip(), encoding="utf-8")


def test_queue_told_by_commands(project: Path, tmp_path: Path, queue: dict[str, str]) -> None:
    """Its commands hand in what each step asks for; the results are the same."""
    clustering.settings(project, "queue", steps="{sum: {memory: 1GB, time: 2}}")
    done = building.make(project, **clustering.variables(project, "queue", **queue))
    assert done.returncode == 0, done.stdout + done.stderr
    assert clustering.read(project)["sum.txt"] == clustering.RESULT
    assert sorted((tmp_path / "bin" / "asked").read_text().splitlines()) == [
        "square-0 2 300 7 1 GPU",
        "square-1 2 400 7 1 GPU",
        "square-2 2 500 7 1 GPU",
        "sum 1 1000 2",
    ]
    assert (clustering.log(project, "square:0"), clustering.log(project, "sum")) == ("8\n", "[]\n")


def test_stopped_build_cancels_by_command(
    project: Path, tmp_path: Path, queue: dict[str, str]
) -> None:
    """Ctrl-C ends the jobs of any queue."""
    long = (
        'from labflake import step\nrule long:\n    output: "a.txt"\n    shell: step("sleep 300")\n'
    )
    clustering.write(project, long)
    make = clustering.start(project, clustering.variables(project, "queue", **queue))
    state = project / "generated" / clustering.NAME / ".labflake"
    until(lambda: list(state.glob("jobs/*.started")))
    os.killpg(make.pid, signal.SIGINT)
    make.communicate(timeout=PATIENCE)
    until(lambda: not list((tmp_path / "bin").glob("job.*")))


def test_mistake_in_a_command_is_explained(project: Path, queue: dict[str, str]) -> None:
    """What a queue says about its options comes through; so does a place that does not exist."""
    for submit, message in {
        "queue submit {script}": "queue submit LOG SCRIPT NAME THREADS MEMORY MINUTES",
        "queue submit {memry}": "there is no {memry} for it; there are name, key, threads, memory",
        "'true'": "it gave no job id: true",
    }.items():
        clustering.settings(project, "queue", submit=submit)
        done = building.make(project, **clustering.variables(project, "queue", **queue))
        assert done.returncode == 2
        assert f"the cluster did not take it: {message}" in done.stderr


def test_local_rule_runs_here(project: Path, tmp_path: Path, queue: dict[str, str]) -> None:
    """What `localrules:` names is not handed to the queue; the others are."""
    snakefile = project / "scripts" / clustering.NAME / "Snakefile"
    text = snakefile.read_text(encoding="utf-8")
    snakefile.write_text(f"localrules: sum\n{text}", encoding="utf-8")
    done = building.make(project, **clustering.variables(project, "queue", **queue))
    assert done.returncode == 0, done.stdout + done.stderr
    asked = (tmp_path / "bin" / "asked").read_text().splitlines()
    assert [line for line in asked if line.startswith("sum")] == []
    assert len(asked) == 3
