"""The engines that `pipeline.py` compares: the same steps, written as each of them wants it."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
ONE = "sha256sum {source} > {target}; echo >> ran"
ALL = "cat out/*.txt > merged.txt; echo >> ran"


class Engine:
    """An engine in an environment of its own; a workflow of N steps and one that merges."""

    name = ""
    packages: tuple[str, ...] = ()
    program = ""
    most = 1000  # steps, beyond which it is measured with --patient only

    def __init__(self, folder: Path) -> None:
        self.venv = folder / "environments" / ("-".join(self.packages) or self.name)
        self.cache = folder / "run" / "cache"

    def install(self) -> None:
        """Make the environment, if it is not there."""
        if not self.packages or (self.venv / "complete").exists():
            return
        env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        pip = [self.venv / "bin" / "pip", "install", "--quiet", *self.packages]
        subprocess.run([sys.executable, "-m", "venv", self.venv], check=True)
        subprocess.run(pip, check=True, env=env)
        (self.venv / "complete").touch()

    def version(self) -> str:
        """Return which version is measured."""
        return self.packages[0].partition("==")[2] if self.packages else ""

    def inputs(self, folder: Path) -> Path:
        """Return the folder of the inputs."""
        return folder / "in"

    def outputs(self, folder: Path) -> Path:
        """Return the folder in which the merged file and the count of steps are."""
        return folder

    def write(self, folder: Path, size: int) -> None:
        """Write inputs and workflow."""
        self.inputs(folder).mkdir(parents=True)
        (folder / "out").mkdir()
        for number in range(size):
            (self.inputs(folder) / f"{number}.txt").write_text(f"input {number}\n")
        for name, text in self.files(size).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(textwrap.dedent(text).lstrip())

    def files(self, size: int) -> dict[str, str]:
        """Return the files of the workflow by name."""
        raise AttributeError("each engine has its own")

    def clone(self, first: Path, second: Path, size: int) -> None:
        """Make a second clone with the same inputs, as git would: without results."""
        self.write(second, size)
        shutil.copytree(self.inputs(first), self.inputs(second), dirs_exist_ok=True)

    def command(self, folder: Path) -> list[str]:
        """Return the command that builds everything with two steps at once."""
        return [str(self.venv / "bin" / self.program.split()[0]), *self.program.split()[1:]]

    def restore(self, folder: Path) -> list[str]:
        """Return the command that brings the results into a second clone."""
        return self.command(folder)

    def variables(self, folder: Path) -> dict[str, str]:
        """Return what the environment of the command needs."""
        return {"PATH": f"{self.venv / 'bin'}{os.pathsep}{os.environ['PATH']}"}

    def steps_run(self, folder: Path) -> int:
        """Return how many steps have run in this folder so far."""
        counted = self.outputs(folder) / "ran"
        return counted.stat().st_size if counted.exists() else 0

    def check(self, folder: Path, size: int) -> None:
        """Stop if the result is not that of the present inputs."""
        command = "sha256sum *.txt | cut -c1-64 | LC_ALL=C sort"
        wanted = _shell(command, self.inputs(folder))
        found = _shell("cut -c1-64 merged.txt | LC_ALL=C sort", self.outputs(folder))
        if wanted != found or wanted.count("\n") != size:
            sys.exit(f"{self.name}: a wrong result with {size} steps in {folder}")


def _shell(command: str, folder: Path) -> str:
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


class Make(Engine):
    """GNU make: times decide."""

    name = "make"

    def version(self) -> str:
        """Return the version of make."""
        return _shell("make --version", REPOSITORY).split()[2]

    def files(self, size: int) -> dict[str, str]:
        """Return a Makefile with a pattern rule."""
        one = ONE.format(source="$<", target="$@")
        lines = ["merged.txt: $(patsubst in/%,out/%,$(wildcard in/*.txt))", f"\t@{ALL}"]
        return {"Makefile": "\n".join([*lines, "out/%.txt: in/%.txt", f"\t@{one}", ""])}

    def command(self, folder: Path) -> list[str]:
        """Return make with two jobs."""
        return ["make", "-j2"]


class Doit(Engine):
    """Doit: content decides, in its database."""

    name = "doit"
    packages = ("doit==0.37.0",)
    program = "doit -n 2 -P thread"

    def files(self, size: int) -> dict[str, str]:
        """Return a dodo.py."""
        one = ONE.format(source="in/{i}.txt", target="out/{i}.txt")
        return {
            "dodo.py": f"""
                DOIT_CONFIG = {{"backend": "sqlite3", "verbosity": 0, "default_tasks": ["merge"]}}
                PARTS = [f"out/{{i}}.txt" for i in range({size})]

                def task_one():
                    for i in range({size}):
                        yield {{
                            "name": str(i),
                            "file_dep": [f"in/{{i}}.txt"],
                            "targets": [f"out/{{i}}.txt"],
                            "actions": [f"{one}"],
                        }}

                def task_merge():
                    return {{"file_dep": PARTS, "targets": ["merged.txt"], "actions": ["{ALL}"]}}
            """
        }


class Pytask(Engine):
    """Pytask with its parallel plugin: content decides, in a lock file."""

    name = "pytask"
    packages = ("pytask==0.6.0", "pytask-parallel==0.5.5")
    program = "pytask -n 2 --parallel-backend threads -v 0"

    def files(self, size: int) -> dict[str, str]:
        """Return a module of tasks."""
        one = ONE.format(source="{source}", target="{produces}")
        return {
            "task_all.py": f"""
                import subprocess
                from pathlib import Path
                from pytask import task

                PARTS = [Path(f"out/{{i}}.txt") for i in range({size})]

                def shell(command):
                    subprocess.run(command, shell=True, check=True)

                for i in range({size}):
                    @task(id=str(i))
                    def task_one(source=Path(f"in/{{i}}.txt"), produces=Path(f"out/{{i}}.txt")):
                        shell(f"{one}")

                def task_merge(parts=PARTS, produces=Path("merged.txt")):
                    shell("{ALL}")
            """
        }


class Dvc(Engine):
    """DVC: content decides, results are in a cache that clones can share; one step at a time."""

    name = "DVC"
    most = 100
    packages = ("dvc==3.67.1",)
    program = "dvc repro --quiet"

    def files(self, size: int) -> dict[str, str]:
        """Return a dvc.yaml, and settings with a shared cache."""
        one = ONE.format(source="in/${item}.txt", target="out/${item}.txt")
        numbers = "".join(f"\n      - {i}" for i in range(size))
        parts = "".join(f"\n      - out/{i}.txt" for i in range(size))
        stages = (
            f"stages:\n  one:\n    foreach:{numbers}\n    do:\n      cmd: {one}\n"
            "      deps: ['in/${item}.txt']\n      outs: ['out/${item}.txt']\n"
            f"  merge:\n    cmd: {ALL}\n    deps:{parts}\n    outs: [merged.txt]\n"
        )
        settings = "[core]\n    no_scm = True\n    analytics = false\n    check_update = false\n"
        settings += f"[cache]\n    dir = {self.cache}\n"
        return {"dvc.yaml": stages, ".dvc/config": settings}

    def clone(self, first: Path, second: Path, size: int) -> None:
        """Take dvc.lock along: people commit it."""
        super().clone(first, second, size)
        shutil.copyfile(first / "dvc.lock", second / "dvc.lock")


class Checkout(Dvc):
    """DVC, whose second clone takes results as its lock names them, and does not ask the steps."""

    name = "DVC, checkout"

    def restore(self, folder: Path) -> list[str]:
        """Return the command that copies results out of the cache."""
        return [str(self.venv / "bin" / "dvc"), "checkout", "--quiet"]


class Snakemake(Engine):
    """Snakemake with the fastest profile that was found."""

    name = "Snakemake"
    packages = ("snakemake==9.27.1",)
    program = "snakemake"

    def files(self, size: int) -> dict[str, str]:
        """Return a Snakefile, and the profile that it takes by itself."""
        one = ONE.format(source="{input}", target="{output}")
        return {
            "Snakefile": f"""
                rule merge:
                    input: expand("out/{{i}}.txt", i=range({size})),
                    output: "merged.txt",
                    shell: "{ALL}"

                rule one:
                    input: "in/{{i}}.txt",
                    output: "out/{{i}}.txt",
                    shell: "{one}"
            """,
            "profiles/default/config.yaml": """
                cores: 2
                scheduler: greedy
                scheduler-subsample: 10
                max-jobs-per-timespan: 10000/1s
                max-checksum-file-size: 1TB
                rerun-incomplete: true
                quiet: [host, rules, progress]
            """,
        }


class Redun(Engine):
    """Redun with files by content, in its local database."""

    name = "redun"
    packages = ("redun==0.44.1",)
    program = "redun --config .redun run workflow.py main"

    def files(self, size: int) -> dict[str, str]:
        """Return tasks in Python, which run commands of the shell."""
        one = ONE.format(source="{source.path}", target="{target}")
        return {
            "workflow.py": f"""
                import subprocess
                from redun import task
                from redun.file import ContentFile

                redun_namespace = "bench"

                def shell(command):
                    subprocess.run(command, shell=True, check=True)

                @task(version="1")
                def one(source: ContentFile, target: str):
                    shell(f"{one}")
                    return ContentFile(target)

                def part(i):
                    return one(ContentFile(f"in/{{i}}.txt"), f"out/{{i}}.txt")

                @task(version="1")
                def merge(parts: list):
                    shell("{ALL}")
                    return ContentFile("merged.txt")

                @task(version="1")
                def main():
                    return merge([part(number) for number in range({size})])
            """,
            ".redun/redun.ini": """
                [backend]
                db_uri = sqlite:///redun.db

                [executors.default]
                type = local
                max_workers = 2
            """,
        }


class Labflake(Engine):
    """This project: the whole `make`, with its check of the data and its shared cache."""

    name = "labflake"
    experiment = "2024-02-29-Benchmark"
    repository = REPOSITORY

    def install(self) -> None:
        """Render a project and make its environment, which all copies of it use."""
        self.project = self.venv / "research-project"
        if not (self.project / ".venv" / "labflake-environment").exists():
            command = [sys.executable, "-m", "cookiecutter", "--no-input", "-f", "--output-dir"]
            subprocess.run([*command, self.venv, self.repository], check=True, capture_output=True)
            subprocess.run(["make", "env"], cwd=self.project, check=True)

    def inputs(self, folder: Path) -> Path:
        """Return the folder of the inputs: files in git, beside the Snakefile."""
        return folder / "scripts" / self.experiment / "in"

    def outputs(self, folder: Path) -> Path:
        """Return the folder in which the steps run."""
        return folder / "generated" / self.experiment

    def write(self, folder: Path, size: int) -> None:
        """Copy the project without its sample, and write an experiment."""
        folder.mkdir(parents=True)
        for name in ("Makefile", "pyproject.toml", "poetry.lock", "flake.lock"):
            shutil.copy2(self.project / name, folder / name)
        shutil.copytree(self.project / "src", folder / "src")
        (folder / ".venv").symlink_to(self.project / ".venv")
        super().write(folder, size)

    def files(self, size: int) -> dict[str, str]:
        """Return an experiment."""
        inputs = f"../../scripts/{self.experiment}/in/{{i}}.txt"
        one = ONE.format(source="{input}", target="{output}")
        return {
            f"scripts/{self.experiment}/hashes.txt": "",
            f"scripts/{self.experiment}/config.yaml": "",
            f"scripts/{self.experiment}/Snakefile": f"""
                from labflake import step

                rule merge:
                    input: expand("out/{{i}}.txt", i=range({size})),
                    output: "merged.txt",
                    shell: step("cat out/*.txt > {{output}}; echo >> ran")

                rule one:
                    input: "{inputs}",
                    output: "out/{{i}}.txt",
                    shell: step("{one}")
            """,
        }

    def command(self, folder: Path) -> list[str]:
        """Return what people type."""
        return ["make"]

    def variables(self, folder: Path) -> dict[str, str]:
        """Return two steps at once, and the cache of all clones."""
        options = {
            "LABFLAKE_JOBS": "2",
            "LABFLAKE_CACHE": str(self.cache),
            "LABFLAKE_EXPERIMENT": self.experiment,
        }
        return options | {"MAKEFLAGS": "", "MAKELEVEL": ""}


class Before(Labflake):
    """An older checkout of this project."""

    name = "labflake before"

    def __init__(self, folder: Path, repository: Path) -> None:
        super().__init__(folder)
        self.repository = repository


ENGINES = {
    "labflake": Labflake,
    "make": Make,
    "doit": Doit,
    "pytask": Pytask,
    "dvc": Dvc,
    "dvc-checkout": Checkout,
    "snakemake": Snakemake,
    "redun": Redun,
}
