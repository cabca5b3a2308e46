"""How long do short steps take on a cluster? On this machine, as jobs of Slurm, and by Snakemake.

    python benchmarks/cluster.py FOLDER [--steps 20] [--rounds 3]

FOLDER is a scratch folder. Slurm is a real one on this machine, started for the time of the
measurement: that needs root, and Debian's munge, slurmctld, slurmd and slurm-client.
"""

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import engines
from measuring import RESULTS, Command, compare, publish

sys.path.insert(0, str(engines.REPOSITORY / "tests"))
from servers import slurm


class Here(engines.Labflake):
    """The steps on this machine, eight at once: as many processors as the cluster counts."""

    name = "labflake, this machine"
    jobs, profile = "8", ""

    def write(self, folder: Path, size: int) -> None:
        """Write the experiment; the profile asks for little memory, so that eight jobs fit."""
        super().write(folder, size)
        source = self.project / "profiles" / "slurm" / "config.yaml"
        target = folder / "profiles" / "slurm" / "config.yaml"
        target.parent.mkdir(parents=True)
        target.write_text(source.read_text().replace("memory: 2GB", "memory: 500MB"))

    def variables(self, folder: Path) -> dict[str, str]:
        """Return how many steps at once, or where."""
        return super().variables(folder) | {
            "LABFLAKE_JOBS": self.jobs,
            "LABFLAKE_PROFILE": self.profile,
        }


class There(Here):
    """The same as jobs."""

    name = "labflake, PROFILE=slurm"
    jobs, profile = "", "slurm"


class Snakemake(engines.Snakemake):
    """Snakemake that hands jobs in with sbatch: faster than its plugin for Slurm."""

    name = "Snakemake, cluster-generic"
    packages = (*engines.Snakemake.packages, "snakemake-executor-plugin-cluster-generic==1.0.9")
    program = (
        "snakemake --executor cluster-generic --jobs 100 --default-resources mem_mb=500 "
        "--max-jobs-per-timespan 1000/1s --latency-wait 5"
    )

    def command(self, folder: Path) -> list[str]:
        """Return the command with the one that hands a job in."""
        submit = "sbatch --parsable --mem={resources.mem_mb} --output=/dev/null"
        return [*super().command(folder), "--cluster-generic-submit-cmd", submit]


def command(engine: engines.Engine, folder: Path, size: int, env: dict[str, str]) -> Command:
    """Return the build of the steps from nothing, by an engine."""
    engine.install()

    def prepare() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(engine.cache, ignore_errors=True)
        engine.write(folder, size)

    variables = engine.variables(folder) | env
    return Command(engine.name, engine.command(folder), folder, variables, prepare)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--table", type=Path, default=RESULTS / "cluster.md")
    asked = parser.parse_args()
    if absent := slurm.missing():
        sys.exit(f"Slurm cannot run here: {absent}")
    publish(asked.table, "On a cluster", tables(asked))


def tables(asked: argparse.Namespace) -> Iterator[str]:
    """Let the engines take turns on one cluster."""
    folder = asked.folder.resolve()
    with slurm.cluster() as cluster:
        commands = [
            command(
                engine(folder), folder / "run" / engine.__name__, asked.steps, cluster.environment
            )
            for engine in (Here, There, Snakemake)
        ]
        yield compare(f"{asked.steps} short steps and one that merges", commands, asked.rounds)


main()
