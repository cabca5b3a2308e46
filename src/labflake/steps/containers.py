"""Steps in containers: podman, docker or apptainer runs the command, whichever is there."""

import functools
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from labflake.content import patterns
from labflake.environment import bootstrap
from labflake.errors import LabError
from labflake.processes.determinism import HERE, pinned
from labflake.processes.processes import Command, described
from labflake.project.experiments import root

if TYPE_CHECKING:
    from labflake.steps.step import Step

ENGINES = ("podman", "docker", "apptainer", "singularity")
_BASH = (
    "if command -v bash >/dev/null 2>&1; "
    'then exec bash -euo pipefail -c "$0"; else exec sh -eu -c "$0"; fi'
)
_images = threading.Lock()


def command(
    step: "Step", text: str, variables: list[str], scratch: str, say: Callable[[str], None]
) -> Command:
    """Return what runs the command of a step in its image.

    The folder of the project is at the same place inside, and the files that the step writes belong
    to the person who runs it. Nothing of the container stays.

    Args:
        step: the step, with its image, memory and GPUs.
        text: its command.
        variables: those of the environment that get in, with the ones that `config.yaml` names
            under `containers: environment:`.
        scratch: the folder of its outputs before they are complete.
        say: told when an image has to be fetched.

    Raises:
        LabError: no engine, no such image, or a variable that is asked for is not set.
    """
    settings = step.containers
    engine = _engine(settings.get("engine"), step)
    variables = [*variables, *_asked(settings.get("environment") or [])]
    image = _image(engine, step, say)
    if engine in ("podman", "docker"):
        name = f"lab-{os.path.basename(scratch)}-{os.getpid()}"
        argv = [*_run(engine, step, variables, name), "--entrypoint", "sh", image]
        undo = f"{engine} kill {name}; {engine} rm --force {name}"
        return Command(
            [*argv, "-c", _BASH, text],
            undo=undo,
            explain=lambda code: _explain(code, engine, step),
            folder=scratch,  # conmon may leave a file `oom` where it is started
        )
    argv = [*_exec(engine, step, variables), image, "sh"]
    return Command([*argv, "-c", _BASH, text], step.memory)


def _run(engine: str, step: "Step", variables: list[str], name: str) -> list[str]:
    """Return the beginning of a command of podman or docker."""
    most = f"{step.memory * 1_000_000}b"
    every_gpu = ["--device", "nvidia.com/gpu=all"] if engine == "podman" else ["--gpus", "all"]
    return [
        *[engine, "run", "--rm", "--name", name, "--workdir", os.getcwd()],
        *["--security-opt", "label=disable", "--env", "HOME=/tmp", *_user(engine)],
        *_each("--volume", _places(step)),
        *_each("--env", variables),
        *(["--memory", most, "--memory-swap", most] if step.memory else []),
        *(every_gpu if step.gpus else []),  # CUDA_VISIBLE_DEVICES chooses among them
    ]


def _exec(engine: str, step: "Step", variables: list[str]) -> list[str]:
    """Return the beginning of a command of apptainer, which runs as its user's own process."""
    exports = "".join(f'export {engine.upper()}ENV_{name}="${name}"; ' for name in variables)
    return [
        *["sh", "-c", exports + 'exec "$0" "$@"'],
        *[engine, "--silent", "exec", "--cleanenv", "--no-home", "--pwd", os.getcwd()],
        *_each("--bind", _places(step)),
        *(["--nv"] if step.gpus else []),
    ]


def _each(option: str, values) -> list[str]:
    return [word for value in values for word in (option, value)]


def _explain(code: int, engine: str, step: "Step") -> str:
    """Say how a container ended; its memory limit ends it like `kill -9`."""
    if code == 137 and step.memory:
        return f"it used more memory than the {step.memory} MB (mem_mb) that it declared"
    if code == 125:
        return f"{engine} could not start a container of {step.container}"
    return described(code)


def _engine(chosen: str | None, step: "Step") -> str:
    """Return the engine that `config.yaml` names, else the first that is there."""
    if chosen and chosen not in ENGINES:
        raise LabError(f"containers: engine: {chosen} is none of {', '.join(ENGINES)}")
    found = next((e for e in ([chosen] if chosen else ENGINES) if shutil.which(e)), None)
    if not found:
        raise LabError(
            f"its container {step.container} needs {chosen or 'podman, docker or apptainer'}, "
            "which this machine does not have"
        )
    return found


def _asked(names: list[str]) -> list[str]:
    """Return the variables that `config.yaml` lets into containers."""
    missing = [n for n in names if n not in os.environ]
    if missing:
        raise LabError(f"config.yaml lets {missing[0]} into its container, and it is not set")
    return list(names)


def _places(step: "Step") -> list[str]:
    """Return what is bound at its own path: the project, and what links in it lead to.

    What only inputs lead to can be read, and not written.
    """
    written = _outside({p for p in step.declared if p not in step.inputs} | {*step.outputs})
    named = [each for path in step.inputs for each in _named(path)]
    read = {p for p in _outside(named) if not written.intersection((p, *p.parents))}
    read |= set() if HERE.is_relative_to(root()) else {HERE}
    bound = {root(), *written}
    return [*(f"{p}:{p}" for p in sorted(bound)), *(f"{p}:{p}:ro" for p in sorted(read))]


def _named(path: str) -> Iterable[str]:
    """Return the file or folder, or what a pattern outside the project means."""
    there = os.path.lexists(path) or not patterns.is_one(path)
    return [path] if there else patterns.meant(path)


def _outside(paths: Iterable[str]) -> set[Path]:
    """Return the folders outside the project that one has to enter on the way to these files."""
    found: set[Path] = set()
    for path in map(Path, map(os.path.abspath, paths)):
        inside = path.is_relative_to(root())
        found |= {*_on_the_way(root() if inside else path.parent, path)} - {root()}
    return found


def _on_the_way(start: Path, path: Path) -> Iterator[Path]:
    """Give the folder in which a way starts, and those in which it goes on after a link."""
    yield start
    parts = path.relative_to(start).parts
    here = start
    for number, part in enumerate(parts, 1):
        here /= part
        if here.is_symlink() and here.exists():
            end = Path(os.path.normpath(here.parent / here.readlink()))
            folder = end if end.is_dir() else end.parent
            again = root() if folder.is_relative_to(root()) else folder
            yield from _on_the_way(again, end.joinpath(*parts[number:]))
            return


def modules() -> dict[str, str]:
    """Return the variable by which programs in a container find modules: labflake's own, too.

    The packages of `.venv` are made for another Python than that of the container.
    """
    own = bootstrap.wheel(root())
    places = [pinned()["PYTHONPATH"], *([str(own)] if own else [])]
    return {"PYTHONPATH": os.pathsep.join(places)}


def _user(engine: str) -> list[str]:
    """Be the same user inside as outside."""
    if engine == "docker" and _rootless_docker():
        return []
    keep = ["--userns", "keep-id"] if engine == "podman" and os.getuid() else []
    return [*keep, "--user", f"{os.getuid()}:{os.getgid()}"]


@functools.cache
def _rootless_docker() -> bool:
    """Tell whether root inside is the user outside."""
    asked = ["docker", "info", "--format", "{{.SecurityOptions}}"]
    return "rootless" in subprocess.run(asked, capture_output=True, text=True).stdout


def _image(engine: str, step: "Step", say: Callable[[str], None]) -> str:
    """Return the image as the engine calls it, there and ready."""
    name, native = step.container, engine in ("podman", "docker")
    file = re.sub(r"^(docker|oci)-archive:", "", name)
    if os.path.exists(file):
        if file not in step.inputs:
            raise LabError(f"its image {file} is a file: name it among the inputs of the rule")
        with _images:
            return _load(engine, os.path.abspath(file)) if native else _archive(name, file)
    if not native:
        return name if "://" in name else f"docker://{name}"
    if name.startswith("docker://"):
        name = _on_docker_hub(name.removeprefix("docker://"))
    with _images:
        _fetch(engine, name, say)
    return name


def _archive(name: str, file: str) -> str:
    """Return an image file as apptainer calls it."""
    return name if ":" in name or file.endswith(".sif") else f"docker-archive:{file}"


def _on_docker_hub(name: str) -> str:
    """Return the full name of an image; a name without a registry is one of Docker Hub."""
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"


@functools.cache
def _fetch(engine: str, name: str, say: Callable[[str], None]) -> None:
    """Fetch the image if it is not there yet."""
    if subprocess.run([engine, "image", "inspect", name], capture_output=True).returncode == 0:
        return
    say(f"  fetching the image {name}")
    done = subprocess.run([engine, "pull", "--quiet", name], capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"its image {name} could not be fetched by {engine}{_last(done.stderr)}")


@functools.cache
def _load(engine: str, file: str) -> str:
    """Load an image archive; return the name or the id that it has then."""
    done = subprocess.run([engine, "load", "--input", file], capture_output=True, text=True)
    words = done.stdout.split()
    if done.returncode or not words:
        raise LabError(f"its image {file} could not be loaded by {engine}{_last(done.stderr)}")
    return words[-1]


def _last(text: str) -> str:
    return "".join(f"\n    {line}" for line in text.strip().splitlines()[-3:])
