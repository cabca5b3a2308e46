"""Make an artifact for another experiment, whose data it is: `data_files.sources.artifact` asks.

The working tree's is made as `make` does it; that of a commit in a clean copy, with its packages.
"""

import os
import shutil
import sys
from pathlib import Path

from labflake.commands import build
from labflake.content import temporary
from labflake.content.digests import sha256
from labflake.content.folders import walk
from labflake.errors import LabError
from labflake.project.experiments import Experiment, find, root
from labflake.project.options import PREFIX
from labflake.verify import builds, copies


def main(argv: list[str]) -> int:
    """Build EXPERIMENT's ARTIFACT at COMMIT ("": as it is), and copy it to TARGET."""
    name, artifact, commit, target = argv
    os.chdir(root())
    if commit:
        _at_commit(Experiment(name), artifact, commit, Path(target))
        return 0
    path = f"generated/{name}/{artifact}"
    find(name)
    os.environ[f"{PREFIX}EXPERIMENT"] = name
    if code := build.main([path]):
        return code
    _copy(root() / path, Path(target))
    return 0


def _at_commit(experiment: Experiment, artifact: str, commit: str, target: Path) -> None:
    """Build in a clean copy of a commit; its steps may come from the cache."""
    with temporary.folder("artifact") as folder:
        project, _ = copies.of_commit(folder / root().name, commit)
        if not (project / "scripts" / experiment.name).is_dir():
            raise LabError(f"commit {commit[:12]} has no experiment {experiment.name}")
        copies.bring_recorded(experiment, project)
        path = f"generated/{experiment.name}/{artifact}"
        log = experiment.state / "artifact.log"
        called, command = f"a copy of commit {commit[:12]}", ["make", path]
        builds.run(project, experiment.name, called, log, options={}, command=command)
        _copy(project / path, target)


def _copy(made: Path, target: Path) -> None:
    """Copy what was made, and only that.

    Raises:
        LabError: it changes just now.
    """
    if made.is_dir():
        shutil.copytree(made, target, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(made, target)
    pairs = _pairs(made, target)
    if any(sha256(one) != sha256(other) for one, other in pairs):
        raise LabError(f"{made.name} changed while it was copied\n  make again")


def _pairs(made: Path, target: Path) -> list[tuple[str, str]]:
    if not made.is_dir():
        return [(str(made), str(target))]
    return [(name, f"{target}{name.removeprefix(str(made))}") for name, _ in walk(str(made))]


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
