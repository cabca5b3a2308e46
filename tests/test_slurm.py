"""Slurm: steps are jobs of a real cluster, with the same results and the same cache."""

import os
import shutil
import signal
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import building
import clustering
import pytest
from clustering import NAME, write
from servers import podman, slurm
from waiting import PATIENCE, until

pytestmark = pytest.mark.long


@pytest.fixture(scope="session")
def cluster() -> Iterator[slurm.Slurm]:
    """Start a cluster for all tests."""
    if absent := slurm.missing():
        pytest.skip(f"Slurm cannot run here: {absent}")
    with slurm.cluster() as running:
        yield running


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """Copy the project, with a small experiment in it."""
    project = clustering.copy(built, tmp_path)
    clustering.settings(project, "slurm", poll=1)
    return project


def environment(project: Path, cluster: slurm.Slurm) -> dict[str, str]:
    """Return the variables that build the experiment on the cluster."""
    return clustering.variables(project, "slurm", **cluster.environment)


def build(project: Path, cluster: slurm.Slurm, **options: str) -> subprocess.CompletedProcess[str]:
    """Run make on the cluster."""
    return building.make(project, **environment(project, cluster) | options)


def start(project: Path, cluster: slurm.Slurm, **options: str) -> subprocess.Popen[str]:
    """Start make on the cluster."""
    return clustering.start(project, environment(project, cluster) | options)


def new_jobs(cluster: slurm.Slurm, before: set[int]) -> dict[str, dict[str, str]]:
    """Return the jobs that came since, by name."""
    return {job["JobName"]: job for id_, job in cluster.jobs().items() if id_ not in before}


def queued(cluster: slurm.Slurm) -> list[str]:
    """Return the jobs that wait or run."""
    return cluster.run("squeue", "--noheader", "--format=%i").split()


def test_requests_reach_the_queue(project: Path, cluster: slurm.Slurm) -> None:
    """Memory, GPUs, threads, time and the settings of the profile are those of the jobs."""
    before = set(cluster.jobs())
    own = "{sum: {partition: main, time: 3}}"
    clustering.settings(project, "slurm", partition="other", memory="250MB", steps=own)
    done = build(project, cluster)
    assert done.returncode == 0, done.stdout + done.stderr
    jobs = new_jobs(cluster, before)
    assert sorted(jobs) == ["square-0", "square-1", "square-2", "sum"]
    fields = [
        (j["MinMemoryNode"], j["CPUs/Task"], j["TimeLimit"], j["Partition"]) for j in jobs.values()
    ]
    assert ("500M", "2", "00:07:00", "other") in fields
    assert ("250M", "1", "00:03:00", "main") in fields
    assert jobs["square-1"]["TresPerNode"] == "gres:gpu:1"
    assert "TresPerNode" not in jobs["sum"]


def test_results_are_those_of_this_machine_and_shared(project: Path, cluster: slurm.Slurm) -> None:
    """The bytes are the same, the log comes back, and what the cache has is no job."""
    before = set(cluster.jobs())
    local = build(project, cluster, PROFILE="local", GPUS="1", CUDA_VISIBLE_DEVICES="6")
    assert local.returncode == 0, local.stderr
    here = clustering.read(project)
    building.made(project, "clean", **environment(project, cluster))
    assert building.ran(build(project, cluster).stdout) == []
    assert new_jobs(cluster, before) == {}
    assert clustering.read(project) == here
    building.made(project, "clean", **environment(project, cluster))
    done = build(project, cluster, CACHE=str(project.parent / "another"))
    assert len(building.ran(done.stdout)) == 4
    assert clustering.read(project) == here
    assert clustering.log(project, "square:2").strip() in ("0", "1")
    assert clustering.log(project, "sum") == "[]\n"


def test_jobs_limits_what_is_in_the_queue(project: Path, cluster: slurm.Slurm) -> None:
    """With JOBS=1 the jobs come one after the other; threads do not count."""
    snakefile = """
        from labflake import step

        rule all:
            input: expand("assets/data/{i}.txt", i=range(3))

        rule one:
            output: "assets/data/{i}.txt"
            threads: 2
            shell: step("echo begins >> spans; sleep 1; echo ends >> spans; touch {output}")
    """
    generated = write(project, snakefile)
    assert build(project, cluster, JOBS="1").returncode == 0
    assert (generated / "spans").read_text().split() == ["begins", "ends"] * 3


def test_plan_is_that_of_the_cluster(project: Path, cluster: slurm.Slurm) -> None:
    """A plan asks for what the cluster has, not for what this machine has; nothing is handed in."""
    before = set(cluster.jobs())
    options = environment(project, cluster) | {"GPUS": "4", "CUDA_VISIBLE_DEVICES": ""}
    assert "4 to run, 0 from the cache, 0 complete" in building.made(project, "plan", **options)
    assert new_jobs(cluster, before) == {}


ONE = """
    from labflake import code, step

    rule one:
        output: "assets/data/one.txt"
        retries: {retries}
        {more}
        resources: mem_mb=lambda wildcards, attempt: attempt * 100
        shell: step({command!r})
"""


def one(project: Path, command: str, retries: int = 0, more: str = "") -> Path:
    """Write an experiment of one step."""
    text = ONE.format(command=command, retries=retries, more=more)
    return write(project, textwrap.dedent(text))


def test_failed_job_shows_its_log(project: Path, cluster: slurm.Slurm) -> None:
    """An error there looks like one here, and the other steps finish."""
    one(project, "echo the reason >&2; exit 3")
    done = build(project, cluster)
    assert done.returncode == 2
    assert "step one failed: exit code 3" in done.stderr
    assert "    the reason" in done.stderr
    assert list((project / "generated" / NAME / ".labflake" / "jobs").glob("*.*")) == []


def test_job_that_uses_too_much_memory_is_tried_again(project: Path, cluster: slurm.Slurm) -> None:
    """Slurm ends it, the message says why, and the next attempt has more."""
    use = "b = bytearray(150_000_000); b[::4096] = b'x' * len(b[::4096])"
    stay = "time.sleep(300 if {resources.mem_mb} == 100 else 0)"
    one(project, f'python -c "import time; {use}; {stay}" && touch {{output}}', retries=1)
    done = build(project, cluster)
    assert done.returncode == 0, done.stderr
    assert "one failed: it used more memory than the 100 MB that it may; tried again" in done.stderr


def until_marked(mark: Path) -> str:
    """Return a command that leaves a mark and sleeps; where the mark is, it writes its output."""
    return f"[ -e {mark} ] || {{{{ touch {mark}; sleep 100; }}}}; touch {{output}}"


def test_cancelled_job_is_tried_again(project: Path, cluster: slurm.Slurm, tmp_path: Path) -> None:
    """A job that somebody ends is a failure that `retries` answers."""
    mark = tmp_path / "mark"
    one(project, until_marked(mark), retries=1)
    make = start(project, cluster)
    until(mark.exists)
    cluster.run("scancel", "--name=one")
    output, errors = make.communicate(timeout=PATIENCE)
    assert make.returncode == 0, output + errors
    assert "one failed: it was cancelled; tried again (2 of 2)" in errors


def test_container_ends_with_its_job(project: Path, cluster: slurm.Slurm) -> None:
    """A job that is cancelled takes its container along."""
    with podman.storage() as engine:
        image = "localhost/labflake-cluster:1"
        podman.make_image(image, engine, {"etc/inside": "one\n"})
        one(project, "touch {output}; sleep 100", more=f'container: "{image}"')
        make = start(project, cluster, **engine)
        until(lambda: podman.containers(engine))
        cluster.run("scancel", "--name=one")
        _, errors = make.communicate(timeout=PATIENCE)
        assert "step one failed: it was cancelled" in errors
        until(lambda: not podman.containers(engine))


def test_refused_job_is_explained(project: Path, cluster: slurm.Slurm) -> None:
    """What sbatch does not take is an error with its reason, at once."""
    clustering.settings(project, "slurm", partition="nowhere")
    done = build(project, cluster)
    assert done.returncode == 2
    assert "the cluster did not take it: sbatch: error: invalid partition" in done.stderr
    assert "its settings are in profiles/slurm/config.yaml" in done.stderr


def test_cluster_that_is_not_there_is_named(project: Path) -> None:
    """Without Slurm on the machine, the first step says so."""
    path = clustering.without("squeue", project.parent / "bin")
    done = building.make(project, **clustering.variables(project, "slurm", PATH=path))
    assert done.returncode == 2
    assert "the cluster did not take it: squeue is not on this machine" in done.stderr


FOUR = """
    from labflake import step

    rule all:
        input: expand("assets/data/{i}.txt", i=range(4))

    rule one:
        output: "assets/data/{i}.txt"
        resources: gpu=1
        shell: step("echo 1 >> {output}; sleep {config[pause]}; echo 2 >> {output}")
"""


def start_four(project: Path, cluster: slurm.Slurm) -> subprocess.Popen[str]:
    """Start a build of four long steps, and wait until two run and two have to wait for a GPU."""
    generated = write(project, FOUR, config_yaml="pause: 300\n")
    make = start(project, cluster)
    until(lambda: len(list(generated.glob(".labflake/running/*/assets/data/*.txt"))) == 2)
    until(lambda: len(queued(cluster)) == 4)
    return make


def finish_four(project: Path, cluster: slurm.Slurm) -> str:
    """Build them without their pause; return what make printed."""
    (project / "scripts" / NAME / "config.yaml").write_text("pause: 0\n")
    done = build(project, cluster)
    assert done.returncode == 0, done.stderr
    assert list(clustering.read(project).values()) == [b"1\n2\n"] * 4
    return done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_build_cancels_its_jobs(
    project: Path, cluster: slurm.Slurm, number: signal.Signals
) -> None:
    """Jobs end with the build, waiting ones and running ones; a plain make goes on."""
    make = start_four(project, cluster)
    os.killpg(make.pid, number)
    make.communicate(timeout=PATIENCE)
    until(lambda: queued(cluster) == [])
    finish_four(project, cluster)


def test_jobs_of_a_machine_that_died_are_ended_first(project: Path, cluster: slurm.Slurm) -> None:
    """Where nothing was left to cancel the jobs, the next make does, before it runs its own."""
    make = start_four(project, cluster)
    state = str(project / "generated" / NAME / ".labflake")
    listed = subprocess.run(["pgrep", "--full", f"orphans.py {state}"], capture_output=True)
    for process in (int(listed.stdout), -make.pid):  # first the keeper of the build, then all of it
        os.kill(process, signal.SIGKILL)
    make.communicate(timeout=PATIENCE)
    assert len(queued(cluster)) == 4
    assert "ending 4 jobs of an interrupted build" in finish_four(project, cluster)


SBATCH = """#!/bin/sh
# The first time the answer of the controller is lost on its way.
[ -e "$0.asked" ] && exec @sbatch "$@"
touch "$0.asked"
@sbatch "$@" > /dev/null
echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2
exit 1
"""


def test_job_whose_answer_was_lost_runs_once(project: Path, cluster: slurm.Slurm) -> None:
    """A job that seemed not to be taken is handed in again; one of both does nothing."""
    before, ran = set(cluster.jobs()), project.parent / "ran"
    one(project, f"echo >> {ran.name}; sleep 3; touch {{output}}")
    text = SBATCH.replace("@sbatch", str(shutil.which("sbatch")))
    path = clustering.program(project.parent / "bin", "sbatch", text)
    done = build(project, cluster, **path)
    assert done.returncode == 0, done.stderr
    assert "it is asked again: sbatch: error" in done.stdout
    assert len(cluster.jobs().keys() - before) == 2
    assert (project / "generated" / NAME / ran.name).read_text() == "\n"


def test_controller_may_be_away_for_a_while(
    project: Path, cluster: slurm.Slurm, tmp_path: Path
) -> None:
    """While slurmctld restarts, jobs are handed in later and none is lost."""
    snakefile = """
        from labflake import step

        rule all:
            input: "assets/data/second.txt"

        rule first:
            output: "assets/data/first.txt"
            shell: step("echo 1 > {output}; until [ -e GO ]; do sleep 0.05; done")

        rule second:
            input: "assets/data/first.txt"
            output: "assets/data/second.txt"
            shell: step("cat {input} > {output}")
    """
    go = tmp_path / "go"
    generated = write(project, snakefile.replace("GO", str(go)))
    make = start(project, cluster)
    until(lambda: list(generated.glob(".labflake/running/*/assets/data/first.txt")), make)
    cluster.stop("controller.pid")
    go.touch()
    output = ""
    while "the queue does not answer, it is asked again" not in output:
        output += make.stdout.readline() or pytest.fail(output)
    cluster.start("slurmctld")
    more, errors = make.communicate(timeout=PATIENCE)
    assert make.returncode == 0, output + more + errors
    assert (generated / "assets" / "data" / "second.txt").read_text() == "1\n"
