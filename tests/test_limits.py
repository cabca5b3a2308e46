"""Limits: never more promised than given, and whoever takes more than declared is stopped."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import building
import pytest
from waiting import PATIENCE, until

from labflake.processes import orphans

NAME = "2024-03-01-Limits"
USE = """
    import argparse
    import time
    from pathlib import Path

    parser = argparse.ArgumentParser()
    parser.add_argument("megabytes", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    block = bytearray(options.megabytes * 1_000_000)
    block[::4096] = b"x" * len(block[::4096])
    time.sleep(options.seconds)
    options.output.write_text("done")
"""
# Each step notes when it runs; `{{` and `}}` are for Snakemake.
SPAN = 'echo "+ $CUDA_VISIBLE_DEVICES" >> spans; {command}; echo "- $CUDA_VISIBLE_DEVICES" >> spans'
# The first one waits for another one, however slow that is to start; the others take a moment.
TWO_AT_ONCE = "until [ $(grep -c + spans) -ge 2 ]; do sleep 0.02; done; sleep 0.3; touch {output}"


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """Copy the project to a place of its own."""
    return building.copy(built, tmp_path / "limited ö", generated=False)


def build(project: Path, snakefile: str, **options: str) -> subprocess.CompletedProcess[str]:
    """Write a small experiment and run make on it."""
    write(project, snakefile)
    return building.make(project, **environment(project), **options)


def write(project: Path, snakefile: str) -> Path:
    """Write a small experiment whose Snakefile uses `step` and `code`."""
    head = "from labflake import code, step\n\n"
    files = {"use_py": USE, "hashes_txt": ""}
    generated = building.experiment(project, NAME, **files)
    text = head + building.textwrap.dedent(snakefile)
    (project / "scripts" / NAME / "Snakefile").write_text(text, encoding="utf-8")
    return generated


def environment(project: Path) -> dict[str, str]:
    """Return the variables that choose the small experiment and a cache of its own."""
    return {"EXPERIMENT": NAME, "CACHE": str(project.parent / "cache")}


def peaks(generated: Path) -> tuple[int, list[set[str]]]:
    """Return how many steps ran at once at most, and the GPU ids in use at each moment."""
    running, most, moments, ids = 0, 0, [], []
    for line in (generated / "spans").read_text().splitlines():
        sign, _, id_ = line.partition(" ")
        running += 1 if sign == "+" else -1
        ids.append(id_) if sign == "+" else ids.remove(id_)
        moments.append(list(ids))
        most = max(most, running)
    return most, moments


def alive(mark: str) -> list[int]:
    """Return the processes whose command line holds a text."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        found += [int(folder.name)] if mark.encode() in line else []
    return found


@pytest.mark.long
def test_no_more_memory_is_promised_than_given(project: Path) -> None:
    """Of steps that declare 300 MB each, 700 MB let two run at once."""
    span = SPAN.format(command=TWO_AT_ONCE)
    snakefile = f"""
        rule all:
            input: expand("assets/data/{{i}}.txt", i=range(5))

        rule one:
            output: "assets/data/{{i}}.txt"
            resources: mem_mb=300
            shell: step('{span}')
    """
    done = build(project, snakefile, JOBS="5", MEMORY="700MB")
    assert done.returncode == 0, done.stderr
    assert peaks(project / "generated" / NAME)[0] == 2


@pytest.mark.long
@pytest.mark.parametrize(
    ("resource", "option", "numbers"),
    [
        ("mem_mb=3000", {"MEMORY": "2GB"}, ("mem_mb=3000", "MEMORY allows 2000")),
        ("mem_mb=lambda wildcards: 3000", {"MEMORY": "2GB"}, ("mem_mb=3000", "2000")),
        ('mem="3GB"', {"MEMORY": "2GB"}, ("mem_mb=3000", "MEMORY allows 2000")),
        ("gpu=2", {"GPUS": "1"}, ("gpu=2", "GPUS allows 1")),
    ],
)
def test_step_that_asks_for_too_much_is_refused(
    project: Path, resource: str, option: dict[str, str], numbers: tuple[str, str]
) -> None:
    """Nothing runs; the error names the step, what it asks for and the limit."""
    snakefile = f"""
        rule all:
            input: "assets/data/other.txt", "assets/data/greedy.txt"

        rule other:
            output: "assets/data/other.txt"
            shell: step("touch {{output}}")

        rule greedy:
            output: "assets/data/greedy.txt"
            resources: {resource}
            shell: step("touch {{output}}")
    """
    done = build(project, snakefile, **option)
    assert done.returncode == 2
    assert "error: step greedy asks for" in done.stderr
    assert all(number in done.stderr for number in numbers)
    assert not (project / "generated" / NAME / "assets" / "data" / "other.txt").exists()


def test_threads_never_exceed_jobs(project: Path) -> None:
    """A step with more threads than JOBS is told as many as there are."""
    snakefile = """
        rule one:
            output: "assets/data/threads.txt"
            threads: 16
            shell: step("echo {threads} > {output}")
    """
    assert build(project, snakefile, JOBS="3").returncode == 0
    threads = project / "generated" / NAME / "assets" / "data" / "threads.txt"
    assert threads.read_text() == "3\n"


USES = """
    rule one:
        input: code=code("use.py")
        output: "assets/data/one.txt"
        resources: mem_mb={declared}
        retries: {retries}
        shell: step("{prefix}python {{input.code[0]}} {used} {seconds} {{output}}{suffix}")
"""


def using(declared: object, used: int, retries: int = 0, **changes: object) -> str:
    """Return a Snakefile with one step that uses some memory."""
    values = {"seconds": 600, "prefix": "", "suffix": ""} | changes
    return USES.format(declared=declared, used=used, retries=retries, **values)


def test_step_that_uses_more_than_declared_is_stopped(project: Path) -> None:
    """The message names what was declared and what was used."""
    done = build(project, using(100, 250))
    assert done.returncode == 2
    found = re.search(r"step one failed: it used (\d+) MB of memory and declared 100", done.stderr)
    assert 100 < int(found[1]) < 270


@pytest.mark.long
def test_memory_of_a_whole_step_counts(project: Path) -> None:
    """Processes that the step starts in the background count, too; shared pages count once."""
    two = using(200, 120, suffix=" & python {input.code[0]} 120 600 {output}.2; wait")
    assert "declared 200" in build(project, two).stderr
    fork = "import os, time; b = bytearray(120_000_000); p = os.fork(); time.sleep(1)"
    shared = f"""
        rule one:
            output: "assets/data/one.txt"
            resources: mem_mb=200
            shell: step("python -c '{fork}; p and os.wait()' && touch {{output}}")
    """
    assert build(project, shared).returncode == 0


@pytest.mark.long
def test_mapped_file_is_no_memory_of_the_step(project: Path, tmp_path: Path) -> None:
    """A file that a step only maps and reads is the system's cache, not the step's memory."""
    with (tmp_path / "large").open("wb") as file:
        file.write(b"x" * 200_000_000)
    read = f'import mmap, time; f = open("{tmp_path}/large"); m = mmap.mmap(f.fileno(), 0, prot=1)'
    snakefile = f"""
        rule one:
            output: "assets/data/one.txt"
            resources: mem_mb=100
            shell: step('''python -c '{read}; sum(m[::4096]); time.sleep(1)' && touch {{output}}''')
    """
    done = build(project, snakefile)
    assert done.returncode == 0, done.stderr


def test_retries_with_growing_memory(project: Path) -> None:
    """A step that was stopped is tried again with what it declares for that attempt."""
    until_stopped = "$(({resources.mem_mb} < 300 ? 600 : 0))"
    asked = "lambda wildcards, attempt: attempt * 100"
    snakefile = using(asked, 220, retries=3, seconds=until_stopped)
    done = build(project, snakefile)
    assert done.returncode == 0
    assert "declared 100 MB (mem_mb); tried again (2 of 4)" in done.stderr
    assert "declared 200 MB (mem_mb); tried again (3 of 4)" in done.stderr
    assert building.ran(done.stdout) == ["one"]


def test_a_command_that_names_what_an_attempt_asks_for(project: Path) -> None:
    """A step that succeeded at its second attempt is done, for `make` and for the plan."""
    snakefile = """
        rule one:
            output: "assets/data/one.txt"
            retries: 1
            resources: mem_mb=lambda wildcards, attempt: attempt * 100
            shell: "test {resources.mem_mb} -eq 200 && echo done > {output}"
    """
    assert building.ran(build(project, snakefile).stdout) == ["one"]
    assert "0 to run" in building.made(project, "plan", **environment(project))
    more = """
        rule two:
            input: "assets/data/one.txt"
            output: "assets/data/two.txt"
            shell: "cp {input} {output}"
    """
    assert building.ran(build(project, more + snakefile).stdout) == ["two"]


def test_attempt_that_asks_for_too_much_fails_with_the_numbers(project: Path) -> None:
    """A later attempt does not silently get less than it asks for."""
    snakefile = using("lambda wildcards, attempt: attempt * 100", 500, retries=5)
    done = build(project, snakefile, MEMORY="150MB")
    assert done.returncode == 2
    assert "asks for mem_mb=200 at attempt 2, and MEMORY allows 150" in done.stderr


def test_step_without_its_output_fails(project: Path) -> None:
    """A command that ends well and writes nothing is an error that names the output."""
    done = build(project, 'rule one:\n    output: "a.txt"\n    shell: step("true")\n')
    assert done.returncode == 2
    assert "ended without an error but did not write a.txt" in done.stderr


def test_step_ended_by_a_signal_says_so(project: Path) -> None:
    """A crash is told from an ordinary error."""
    command = "python -c 'import os; os.kill(os.getpid(), 11)'"
    done = build(project, f'rule one:\n    output: "a.txt"\n    shell: step("{command}")\n')
    assert done.returncode == 2
    assert "step one failed: it was ended by SIGSEGV" in done.stderr


GPUS = """
    rule all:
        input: expand("assets/data/{i}.txt", i=range(6)), "assets/data/none.txt"

    rule one:
        output: "assets/data/{i}.txt"
        resources: gpu=1
        shell: step('SPAN')

    rule none:
        output: "assets/data/none.txt"
        shell: step("echo [$CUDA_VISIBLE_DEVICES] > {output}")
"""


def test_each_gpu_step_has_ids_of_its_own(project: Path) -> None:
    """Two GPUs serve two steps at once; the ids are of those that may be seen; others see none."""
    snakefile = GPUS.replace("SPAN", SPAN.format(command=TWO_AT_ONCE))
    done = build(project, snakefile, JOBS="6", GPUS="2", CUDA_VISIBLE_DEVICES="3,5,7")
    assert done.returncode == 0, done.stderr
    most, moments = peaks(project / "generated" / NAME)
    assert most == 2
    assert all(len(set(ids)) == len(ids) for ids in moments)
    assert {id_ for ids in moments for id_ in ids} <= {"3", "5", "7"}
    none = project / "generated" / NAME / "assets" / "data" / "none.txt"
    assert none.read_text() == "[]\n"


def test_more_gpus_than_there_are_is_refused(project: Path) -> None:
    """GPUS cannot be more than can be seen."""
    done = build(project, GPUS, GPUS="2", CUDA_VISIBLE_DEVICES="0")
    assert done.returncode == 2
    assert "GPUS=2, and 1 can be seen here: 0" in done.stderr


@pytest.mark.long
def test_two_builds_share_no_gpu(project: Path, tmp_path: Path) -> None:
    """Builds of two projects on one machine take turns on the one GPU."""
    other = building.copy(project, tmp_path / "other", generated=False)
    (tmp_path / "spans").touch()
    for place in (project, other):
        span = SPAN.format(command="sleep 0.4; touch {output}")
        generated = write(place, GPUS.replace("SPAN", span))
        generated.mkdir(parents=True)
        (generated / "spans").symlink_to(tmp_path / "spans")  # a file named outside would be read
    env = {"GPUS": "1", "CUDA_VISIBLE_DEVICES": str(uuid.uuid4()), "CACHE": str(tmp_path / "none")}
    builds = [start(place, **env | {"CACHE": str(place / "cache")}) for place in (project, other)]
    assert [b.wait(timeout=PATIENCE) for b in builds] == [0, 0]
    assert peaks(tmp_path)[0] == 1


def start(project: Path, **options: str) -> subprocess.Popen:
    """Start make in a process group of its own."""
    command = ["make", "--no-print-directory"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    env = building.variables(**environment(project) | options)
    return subprocess.Popen(command, cwd=project, env=env, start_new_session=True, **quiet)


SLOW = """
    rule all:
        input: "assets/data/slow.txt", "assets/data/gpu.txt"

    rule slow:
        output: "assets/data/slow.txt"
        shell: step("for i in 1 2 3 4 5 6; do echo $i >> {output}; sleep {config[pause]}; done")

    rule gpu:
        output: "assets/data/gpu.txt"
        resources: gpu=1
        shell: step("setsid sleep {config[mark]} & touch {output}; wait")
"""


def engines(make: subprocess.Popen) -> list[int]:
    """Return the Python processes in the process group of make."""
    found = []
    for process in alive("labflake\0--make\0build"):
        with contextlib.suppress(ProcessLookupError):  # of another build, which has just ended
            found += [process] if os.getpgid(process) == make.pid else []
    return found


@pytest.mark.long
@pytest.mark.parametrize("how", ["engine", "group", "interrupt", "terminate"])
def test_killed_build_leaves_nothing_running(project: Path, how: str) -> None:
    """Whatever ends a build, its steps end with it, GPUs are free, and a plain make goes on."""
    generated = write(project, SLOW)
    config = project / "scripts" / NAME / "config.yaml"
    mark = f"60.{os.getpid()}"
    config.write_text(f"pause: 60\nmark: '{mark}'\n")  # a text: a number would lose a last 0
    gpu = str(uuid.uuid4())
    build = start(project, GPUS="1", CUDA_VISIBLE_DEVICES=gpu)
    until(lambda: alive(mark) and list(generated.glob(".labflake/running/*/assets/data/slow*")))
    if how == "engine":
        for process in engines(build):
            os.kill(process, signal.SIGKILL)
    else:
        numbers = {"group": signal.SIGKILL, "interrupt": signal.SIGINT, "terminate": signal.SIGTERM}
        os.killpg(build.pid, numbers[how])
    assert build.wait(timeout=PATIENCE) != 0
    until(lambda: not alive(mark))
    config.write_text("pause: 0\nmark: 0\n")
    done = building.make(
        project, **environment(project), GPUS="1", CUDA_VISIBLE_DEVICES=gpu, JOBS="2"
    )
    assert done.returncode == 0, done.stderr
    assert (generated / "assets" / "data" / "slow.txt").read_text() == "1\n2\n3\n4\n5\n6\n"


def test_what_runs_elsewhere_is_ended_by_its_command_however_it_is_written(tmp_path: Path) -> None:
    """The keeper of a build that is gone runs the commands of what did not end, and no other."""
    odd, other, state = tmp_path / "a\tü \\n.txt", tmp_path / "b.txt", tmp_path / "state"
    told = [
        orphans.message("a step", 0, f"echo 'two\nlines' > '{odd}'"),
        orphans.message("another", 0, f"touch '{other}'"),
        orphans.message("another"),
        orphans.message("a third", 0, f"touch '{other}'")[:-9],  # the build was killed here
    ]
    command = [sys.executable, "-I", "-S", orphans.__file__, str(state)]
    subprocess.run(command, input=b"".join(told), check=True)
    assert odd.read_text() == "two\nlines\n"
    assert not other.exists()


LANGUAGES = """
    rule all:
        input: "assets/data/mean.txt", "assets/data/r.txt"

    rule table:
        output: "assets/data/table.csv"
        shell: step("for i in 1 2 3 4; do echo \\"$i,$((i * i))\\"; done > {output}")

    rule mean:
        input: code=code("mean.awk"), table="assets/data/table.csv"
        output: "assets/data/mean.txt"
        shell: step("awk -F, -f {input.code} {input.table} > {output}")

    rule r:
        input: code=code("sum.R"), table="assets/data/table.csv"
        output: "assets/data/r.txt"
        shell: step("Rscript {input.code} {input.table} {output}")
"""


def test_steps_in_any_language(project: Path) -> None:
    """Bash, awk and R programs are steps like those in Python."""
    if not shutil.which("Rscript"):
        pytest.skip("Rscript is not installed (Debian: r-base-core)")
    generated = write(project, LANGUAGES)
    scripts = project / "scripts" / NAME
    (scripts / "mean.awk").write_text("{ sum += $2 } END { print sum / NR }\n")
    (scripts / "sum.R").write_text(
        "args <- commandArgs(trailingOnly = TRUE)\n"
        "table <- read.csv(args[1], header = FALSE)\n"
        "writeLines(format(sum(table$V2)), args[2])\n"
    )
    building.made(project, **environment(project))
    found = {n: (generated / "assets" / "data" / n).read_text() for n in ("mean.txt", "r.txt")}
    assert found == {"mean.txt": "7.5\n", "r.txt": "30\n"}


def test_sizes_are_read_as_people_write_them(project: Path) -> None:
    """Sizes are decimal unless the unit says binary; a number alone is refused."""
    sizes = {"500MB": 500, "16GB": 16_000, "1.5g": 1_500, "1GiB": 1074, "2 TB": 2_000_000}
    program = "import sys; from labflake.steps.limits import megabytes\n"
    program += "print([megabytes(s, 'MEMORY') for s in sys.argv[1:]])"
    command = [project / ".venv" / "bin" / "python", "-c", program]
    done = subprocess.run(
        [*command, *sizes], cwd=project, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(list(sizes.values()))
    refused = build(
        project, 'rule one:\n    output: "a"\n    shell: step("touch {output}")', MEMORY="16"
    )
    assert "MEMORY=16 is no size" in refused.stderr
