"""Remove what the current experiment generated (`make clean`)."""

import shutil

from lab.experiments import current


def main(argv: list[str]) -> None:
    """Delete the generated folder of the experiment."""
    experiment = current()
    shutil.rmtree(experiment.generated, ignore_errors=True)
    print(f"removed generated/{experiment.name}")
