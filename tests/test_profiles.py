"""Profiles of clusters: mistakes are named; queues that are told by commands.

There is no Grid Engine and no Kubernetes here: small programs stand in for their commands. They
check what they are given and run the job.
"""

import os
import signal
import sys
from pathlib import Path

import building
import clustering
import pytest
import yaml


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
    known = "generic, kubernetes, slurm"
    assert f"there is no profiles/slrum/config.yaml\n  PROFILE can be: {known}" in done.stderr


QSUB = """#!/bin/bash
# Stands in for Grid Engine: checks what it is given, runs it now, in the background.
while [ $# -gt 1 ]; do
  case $1 in
    -terse | -V) shift ;;
    -S) [ "$2" = /bin/bash ] || exit 7; shift 2 ;;
    -j) [ "$2" = yes ] || exit 7; shift 2 ;;
    -N) name=$2; shift 2 ;;
    -o) log=$2; shift 2 ;;
    -l) limits="$limits $2"; shift 2 ;;
    -pe) threads="$2 $3"; shift 3 ;;
    *) echo "qsub: unknown option $1" >&2; exit 7 ;;
  esac
done
place=$(dirname "$0")
echo "$name $threads$limits" >> "$place/asked"
export CUDA_VISIBLE_DEVICES=8
setsid bash -c 'touch "$2/job.$$"; bash "$1"; rm "$2/job.$$"' bash "$1" "$place" > "$log" 2>&1 &
touch "$place/job.$!"
echo $!
"""
QSTAT = """#!/bin/sh
cd "$(dirname "$0")"
echo 'job-ID  prior   name'
ls | sed -n 's/^job[.]/   /p'
"""
QDEL = """#!/bin/sh
for job; do kill -- "-$job"; rm "$(dirname "$0")/job.$job"; done
"""


@pytest.fixture
def engine(tmp_path: Path) -> dict[str, str]:
    """Put the stand-in for Grid Engine on the PATH."""
    for name, text in {"qsub": QSUB, "qstat": QSTAT, "qdel": QDEL}.items():
        path = clustering.program(tmp_path / "bin", name, text)
    return path


def test_generic_profile(project: Path, tmp_path: Path, engine: dict[str, str]) -> None:
    """Its commands hand in what each step asks for; the results are the same."""
    clustering.settings(project, "generic", poll=1, steps="{sum: {memory: 1GB, time: 2}}")
    done = building.make(project, **clustering.variables(project, "generic", **engine))
    assert done.returncode == 0, done.stdout + done.stderr
    assert clustering.read(project)["sum.txt"] == clustering.RESULT
    assert sorted((tmp_path / "bin" / "asked").read_text().splitlines()) == [
        "square-0 smp 2 h_vmem=150M,h_rt=420 gpu=1",
        "square-1 smp 2 h_vmem=200M,h_rt=420 gpu=1",
        "square-2 smp 2 h_vmem=250M,h_rt=420 gpu=1",
        "sum smp 1 h_vmem=1000M,h_rt=120",
    ]
    assert (clustering.log(project, "square:0"), clustering.log(project, "sum")) == ("8\n", "[]\n")


def test_stopped_build_cancels_by_command(
    project: Path, tmp_path: Path, engine: dict[str, str]
) -> None:
    """Ctrl-C ends the jobs of any queue."""
    long = (
        'from labflake import step\nrule long:\n    output: "a.txt"\n    shell: step("sleep 300")\n'
    )
    clustering.write(project, long)
    make = clustering.start(project, clustering.variables(project, "generic", **engine))
    state = project / "generated" / clustering.NAME / ".labflake"
    clustering.wait_for(lambda: list(state.glob("jobs/*.started")))
    os.killpg(make.pid, signal.SIGINT)
    make.communicate(timeout=60)
    clustering.wait_for(lambda: not list((tmp_path / "bin").glob("job.*")))


def test_mistake_in_a_command_is_explained(project: Path, engine: dict[str, str]) -> None:
    """What a queue says about its options comes through; so does a place that does not exist."""
    for submit, message in {
        "qsub -x {script}": "qsub: unknown option -x",
        "qsub {memry}": "there is no {memry} for it; there are name, key, threads, memory",
        "'true'": "it gave no job id: true",
    }.items():
        path = project / "profiles" / "mine" / "config.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"queue: commands\nrunning: qstat\ncancel: qdel\nsubmit: {submit}\n")
        done = building.make(project, **clustering.variables(project, "mine", **engine))
        assert done.returncode == 2
        assert f"the cluster did not take it: {message}" in done.stderr


KUBECTL = """#!{python}
# Stands in for Kubernetes: keeps the manifests that it is given, and runs them as plain processes.
import os, pathlib, subprocess, sys, yaml

here, arguments = pathlib.Path(__file__).parent, sys.argv[1:]
if arguments == ["apply", "--output=name", "--filename=-"]:
    text = sys.stdin.read()
    job = yaml.safe_load(text)
    name = job["metadata"]["name"]
    (here / (name + ".yaml")).write_text(text)
    container = job["spec"]["template"]["spec"]["containers"][0]
    run = subprocess.Popen(
        ["sh", "-c", '"$@"; rm "$0"', here / (name + ".runs"), *container["command"]],
        env={{"PATH": os.defpath}}, cwd="/", start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    (here / (name + ".runs")).touch()
    print("job.batch/" + name)
elif arguments[:3] == ["get", "jobs", "--selector=app=lab"]:
    form = "--output=go-template={{{{range .items}}}}{{{{if not .status.conditions}}}}"
    form += 'job.batch/{{{{.metadata.name}}}}{{{{"\\\\n"}}}}{{{{end}}}}{{{{end}}}}'
    assert arguments[3:] == [form], arguments
    print("".join(f"job.batch/{{path.stem}}\\n" for path in here.glob("*.runs")), end="")
else:
    sys.exit(f"error: unknown command {{arguments}}")
"""


def test_kubernetes_profile(project: Path, tmp_path: Path) -> None:
    """Each step is a Job with what it asks for, on the shared volume, as the same user."""
    clustering.settings(project, "kubernetes", poll=1)
    text = KUBECTL.format(python=sys.executable)
    path = clustering.program(tmp_path / "bin", "kubectl", text)
    done = building.make(project, **clustering.variables(project, "kubernetes", **path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert clustering.read(project)["sum.txt"] == clustering.RESULT
    manifests = [yaml.safe_load(file.read_text()) for file in tmp_path.glob("bin/*.yaml")]
    jobs = {m["spec"]["template"]["metadata"]["annotations"]["step"]: m for m in manifests}
    pods = {name: job["spec"]["template"]["spec"] for name, job in jobs.items()}
    limits = {name: pod["containers"][0]["resources"]["limits"] for name, pod in pods.items()}
    assert limits == {
        "square-0": {"cpu": 2, "memory": "300M", "nvidia.com/gpu": 1},
        "square-1": {"cpu": 2, "memory": "400M", "nvidia.com/gpu": 1},
        "square-2": {"cpu": 2, "memory": "500M", "nvidia.com/gpu": 1},
        "sum": {"cpu": 1, "memory": "2000M"},
    }
    assert jobs["square-0"]["spec"]["activeDeadlineSeconds"] == 420
    assert pods["sum"]["securityContext"] == {"runAsUser": os.getuid(), "runAsGroup": os.getgid()}
    assert (
        pods["sum"]["volumes"][0]["name"] == pods["sum"]["containers"][0]["volumeMounts"][0]["name"]
    )
