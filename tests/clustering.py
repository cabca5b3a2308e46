"""An experiment for clusters, what its build needs, and what it made."""

import os
import subprocess
from pathlib import Path

import building

NAME = "2024-05-01-Cluster"
SNAKEFILE = """
    from labflake import code, step

    rule all:
        input: "assets/data/sum.txt"

    rule square:
        input: code=code("square.py")
        output: "assets/data/{i}.txt"
        threads: 2
        resources: mem_mb=lambda wildcards: 300 + 100 * int(wildcards.i), gpu=1, runtime=7
        shell: step("python {input.code} {wildcards.i} > {output}")

    rule sum:
        input: expand("assets/data/{i}.txt", i=range(3))
        output: "assets/data/sum.txt"
        shell: step("cat {input} | sort > {output}; echo [$CUDA_VISIBLE_DEVICES] >&2")
"""
SQUARE = """
    import os
    import sys

    print(int(sys.argv[1]) ** 2, os.environ["TZ"], os.environ["PYTHONHASHSEED"])
    print(os.environ.get("CUDA_VISIBLE_DEVICES", ""), file=sys.stderr)
"""
RESULT = b"0 UTC 0\n1 UTC 0\n4 UTC 0\n"


def copy(built: Path, folder: Path) -> Path:
    """Copy the project to a path with a blank, with a small experiment in it."""
    project = building.copy(built, folder / "clustered ö", generated=False)
    write(project, SNAKEFILE, square_py=SQUARE)
    return project


def write(project: Path, snakefile: str, **files: str) -> Path:
    """Write the experiment; return its generated folder."""
    return building.experiment(project, NAME, Snakefile=snakefile, hashes_txt="", **files)


def settings(project: Path, profile: str, **changes: object) -> None:
    """Change settings of a cluster in the one file where they are."""
    path = project / "profiles" / profile / "config.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    for name, value in changes.items():
        place = [i for i, line in enumerate(lines) if line.startswith(f"{name}:")]
        for i in place or [len(lines)]:
            lines[i : i + 1] = [f"{name}: {value}"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def variables(project: Path, profile: str, **more: str) -> dict[str, str]:
    """Return the variables that build the experiment on a cluster, with a cache of its own."""
    cache = str(project.parent / "cache")
    return {"EXPERIMENT": NAME, "CACHE": cache, "PROFILE": profile, **more}


def start(project: Path, variables: dict[str, str]) -> subprocess.Popen[str]:
    """Start make in a process group of its own."""
    env = building.variables(**variables)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(["make"], cwd=project, env=env, start_new_session=True, **pipes)


def read(project: Path) -> dict[str, bytes]:
    """Return all results of the experiment."""
    folder = project / "generated" / NAME / "assets" / "data"
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def log(project: Path, step: str) -> str:
    """Return what a step said."""
    folder = project / "generated" / NAME / ".labflake" / "logs"
    return (folder / f"{step.replace(':', '-')}.log").read_text(encoding="utf-8")


def program(folder: Path, name: str, text: str) -> dict[str, str]:
    """Write a program into a folder; return the PATH that finds it first."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    (folder / name).chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def without(name: str, folder: Path) -> str:
    """Return a PATH that has everything but one program."""
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for path in Path(place).glob("*"):
            if path.name != name and not (folder / path.name).exists():
                (folder / path.name).symlink_to(path)
    return str(folder)
