"""Containers: a step runs in its image, with the project, its limits, and nothing left behind."""

import os
import shutil
import signal
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import building
import pytest
from servers import podman
from waiting import PATIENCE, until

pytestmark = pytest.mark.long

NAME = "2024-04-01-Containers"
IMAGE = "localhost/labflake-test"


@pytest.fixture(scope="session")
def engine() -> Iterator[dict[str, str]]:
    """Set podman up with two small images; yield the variables that choose it."""
    with podman.storage() as env:
        podman.make_image(f"{IMAGE}:1", env, {"etc/inside": "one\n"})
        podman.make_image(f"{IMAGE}:2", env, {"etc/inside": "two\n"})
        yield env


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """Copy the project to a place of its own."""
    return building.copy(built, tmp_path / "contained ö", generated=False)


def write(project: Path, command: str, rule: str = "", config: str = "", image: str = "") -> Path:
    """Write an experiment with one step in a container; return its generated folder."""
    text = f"""
        from labflake import code, step

        rule one:
            output: "assets/data/one.txt"
            container: "{image or IMAGE + ":1"}"
            {rule}
            shell: step({command!r})
    """
    files = {"config_yaml": config, "hashes_txt": ""}
    return building.experiment(project, NAME, Snakefile=textwrap.dedent(text), **files)


def build(project: Path, env: dict[str, str], **options: str) -> subprocess.CompletedProcess[str]:
    """Run make on the experiment."""
    return building.make(project, **settings(project), **env, **options)


def settings(project: Path) -> dict[str, str]:
    """Return the variables that choose the experiment and a cache of its own."""
    return {"EXPERIMENT": NAME, "CACHE": str(project.parent / "cache")}


def result(project: Path) -> str:
    """Return what the step wrote."""
    return (project / "generated" / NAME / "assets" / "data" / "one.txt").read_text()


def test_step_runs_in_its_image(project: Path, engine: dict[str, str]) -> None:
    """The command sees the files of the image, and writes into the project as the same user."""
    generated = write(project, "cat /etc/inside > {output}; id -u >> {output}; pwd >> {output}")
    done = build(project, engine)
    assert done.returncode == 0, done.stderr
    assert result(project) == f"one\n{os.getuid()}\n{generated}\n"
    assert (generated / "assets" / "data" / "one.txt").stat().st_uid == os.getuid()
    assert podman.containers(engine) == []


def test_another_image_is_another_result(project: Path, engine: dict[str, str]) -> None:
    """The image belongs to what decides the result: going back is free."""
    for image, text, ran in (("1", "one\n", 1), ("2", "two\n", 1), ("1", "one\n", 0)):
        write(project, "cat /etc/inside > {output}", image=f"{IMAGE}:{image}")
        done = build(project, engine)
        assert (result(project), len(building.ran(done.stdout))) == (text, ran)


def test_environment_inside(project: Path, engine: dict[str, str]) -> None:
    """What fixes the bytes gets in, and what config.yaml names; the rest stays outside."""
    config = "containers:\n  environment: [TOKEN]\n"
    write(project, "env > {output}", config=config)
    done = build(project, engine, TOKEN="secret of mine", OTHER="not for containers")
    assert done.returncode == 0, done.stderr
    found = dict(line.split("=", 1) for line in result(project).splitlines() if "=" in line)
    expected = {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "0", "TOKEN": "secret of mine"}
    assert expected.items() <= found.items()
    assert not {"OTHER", "MAKEFLAGS", "CACHE"} & found.keys()
    assert found["HOME"] == "/tmp"


def test_variable_that_is_not_set_is_named(project: Path, engine: dict[str, str]) -> None:
    """A setting that the container needs and nobody gave is an error before it starts."""
    write(project, "env > {output}", config="containers:\n  environment: [NO_SUCH_TOKEN]\n")
    done = build(project, engine)
    assert done.returncode == 2
    assert "config.yaml lets NO_SUCH_TOKEN into its container, and it is not set" in done.stderr


def test_memory_limit_holds_inside(project: Path, engine: dict[str, str]) -> None:
    """The engine stops a step that uses more than it declared; nothing stays."""
    write(project, "dd if=/dev/zero of={output} bs=200M count=1", rule="resources: mem_mb=64")
    done = build(project, engine)
    assert done.returncode == 2
    assert "used more memory than the 64 MB (mem_mb) that it declared" in done.stderr
    assert podman.containers(engine) == []


def test_failed_step_shows_its_log(project: Path, engine: dict[str, str]) -> None:
    """An error inside looks like one outside."""
    write(project, "echo the reason >&2; exit 3")
    done = build(project, engine)
    assert done.returncode == 2
    assert "step one failed: exit code 3" in done.stderr
    assert "the reason" in done.stderr
    assert podman.containers(engine) == []


def test_unknown_image_is_named(project: Path, engine: dict[str, str]) -> None:
    """An image that cannot be fetched is an error with the engine's reason."""
    write(project, "true", image="localhost:1/no/such:image")
    done = build(project, engine)
    assert done.returncode == 2
    assert "its image localhost:1/no/such:image could not be fetched by podman" in done.stderr


def test_image_file_is_an_input(project: Path, engine: dict[str, str]) -> None:
    """An image in a file works where it is an input, so that its content counts."""
    command = "cat /etc/inside > {output}"
    generated = write(project, command, image="assets/data/image.tar")
    file = generated / "assets" / "data" / "image.tar"
    file.parent.mkdir(parents=True)
    save = ["podman", "save", "--quiet", "--output", str(file), f"{IMAGE}:2"]
    subprocess.run(save, env=os.environ | engine, check=True, capture_output=True)
    refused = build(project, engine)
    assert "assets/data/image.tar is a file: name it among the inputs" in refused.stderr
    write(project, command, image="assets/data/image.tar", rule='input: "assets/data/image.tar"')
    done = build(project, engine)
    assert done.returncode == 0, done.stderr
    assert result(project) == "two\n"


def test_input_that_is_a_link_is_there(
    project: Path, engine: dict[str, str], tmp_path: Path
) -> None:
    """Data that lies elsewhere and is linked into the project can be read inside."""
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "data.txt").write_text("from afar")
    generated = write(project, "cat {input} > {output}", rule='input: "assets/data/data.txt"')
    (generated / "assets" / "data").mkdir(parents=True)
    (generated / "assets" / "data" / "data.txt").symlink_to(tmp_path / "far" / "data.txt")
    done = build(project, engine)
    assert done.returncode == 0, done.stderr
    assert result(project) == "from afar"


@pytest.mark.parametrize("part", ["", NAME, f"{NAME}/assets", f"{NAME}/assets/data"])
def test_generated_on_another_disk(
    project: Path, engine: dict[str, str], tmp_path: Path, part: str
) -> None:
    """Where a part of `generated` is a link, a container reads and writes where it leads to."""
    (tmp_path / "far.txt").write_text("from afar")
    config = f"data: {{far.txt: {{file: {tmp_path / 'far.txt'}}}}}\n"
    command = "cat {input} > assets/data/one.txt"
    write(project, command, rule='input: "assets/data/far.txt"', config=config)
    place = tmp_path / "other" / "disk"
    place.mkdir(parents=True)
    (tmp_path / "disk").symlink_to(place)
    (project / "generated" / part).parent.mkdir(parents=True, exist_ok=True)
    (project / "generated" / part).symlink_to(tmp_path / "disk")
    done = build(project, engine)
    assert done.returncode == 0, done.stderr
    assert result(project) == "from afar"
    assert [*place.rglob("one.txt")]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed_build_leaves_no_container(
    project: Path, engine: dict[str, str], number: signal.Signals
) -> None:
    """Whatever ends a build, its containers end with it and are removed."""
    write(project, "echo started > {output}; sleep 100")
    env = building.variables(**settings(project)) | engine
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    make = subprocess.Popen(["make"], cwd=project, env=env, start_new_session=True, **quiet)
    until(lambda: podman.containers(engine))
    os.killpg(make.pid, number)
    make.wait(timeout=PATIENCE)
    until(lambda: not podman.containers(engine))


def test_missing_engine_is_named(project: Path) -> None:
    """Without an engine the error says which would do."""
    absent = [e for e in ("singularity", "apptainer", "docker") if not shutil.which(e)]
    if not absent:
        pytest.skip("every engine is installed")
    write(project, "true", config=f"containers: {{engine: {absent[0]}}}\n")
    done = build(project, {})
    assert done.returncode == 2
    text = f"its container {IMAGE}:1 needs {absent[0]}, which this machine does not have"
    assert text in done.stderr


def test_docker_is_called_like_podman(
    project: Path, engine: dict[str, str], tmp_path: Path
) -> None:
    """Docker is not installed here; podman understands the same command under its name."""
    path = stand_in(tmp_path, "docker", 'exec podman "$@"')
    write(project, "cat /etc/inside > {output}", config="containers: {engine: docker}\n")
    done = build(project, engine, PATH=path)
    assert done.returncode == 0, done.stderr
    assert result(project) == "one\n"


APPTAINER = """
    printf '%s\\n' "$@" > "$CALLED"
    for name in $(env | sed -n 's/^APPTAINERENV_\\([A-Z_]*\\)=.*/\\1/p'); do
      eval "value=\\$APPTAINERENV_$name"
      set -- "$@" "$name=$value"
    done
    while [ "$1" != sh ]; do shift; done
    shift; flag=$1 shell=$2 text=$3; shift 3
    exec env -i PATH="$PATH" "$@" sh "$flag" "$shell" "$text"
"""


def test_apptainer_gets_the_project_and_the_environment(project: Path, tmp_path: Path) -> None:
    """Apptainer is not in Debian; a stand-in checks how it is called, and runs the command."""
    path = stand_in(tmp_path, "apptainer", textwrap.dedent(APPTAINER))
    config = "containers:\n  engine: apptainer\n  environment: [TOKEN]\n"
    generated = write(project, "env > {output}", config=config, image="docker://debian:12")
    called = tmp_path / "called"
    done = build(project, {}, PATH=path, TOKEN="a, b", CALLED=str(called))
    assert done.returncode == 0, done.stderr
    words = called.read_text().splitlines()
    assert words[words.index("--bind") + 1] == f"{project}:{project}"
    assert words[words.index("--pwd") + 1] == str(generated)
    assert words[words.index("sh") - 1] == "docker://debian:12"
    found = dict(line.split("=", 1) for line in result(project).splitlines() if "=" in line)
    assert {"TZ": "UTC", "TOKEN": "a, b"}.items() <= found.items()
    assert "CALLED" not in found


def stand_in(folder: Path, name: str, body: str) -> str:
    """Write a program under the name of another; return the PATH that finds it first."""
    place = folder / "bin"
    place.mkdir(exist_ok=True)
    (place / name).write_text(f"#!/bin/sh\n{body}\n")
    (place / name).chmod(0o755)
    return f"{place}{os.pathsep}{os.environ['PATH']}"
