"""Write the hashes of all artifacts beside the code that makes them (`make record`).

`outputs.txt` is a list of sha256sum for the folder `generated/<experiment>`. Git keeps it, so that
`make reproduce` has something to judge against when the artifacts themselves are long gone.
"""

from labflake.commands import build
from labflake.data_files.gate.wording import shown
from labflake.errors import LabError
from labflake.project import git, uncommitted
from labflake.project.experiments import Experiment, current, head_commit, relative
from labflake.verify import records


def main(argv: list[str]) -> int:
    """Build what is not built, then write the record of the current experiment."""
    experiment = current()
    refuse_uncommitted(experiment, "record")
    if code := build.main([]):
        return code
    known = records.write(experiment)
    print(f"{relative(known.path)}: {len(known.digests)} artifacts; commit it")
    return 0


def refuse_uncommitted(experiment: Experiment, command: str) -> None:
    """Stop where no commit holds what artifacts are made from.

    Raises:
        LabError: files are not committed; the message names them.
    """
    if not git.is_here():
        return
    if not head_commit():
        raise LabError("there is no commit yet that a record could be of\n  git add, git commit")
    paths = [*uncommitted.written(experiment), "src", "fonts", "pyproject.toml", "poetry.lock"]
    if changed := [shown(name) for name in uncommitted.files(paths)]:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise LabError(
            f"these files are not committed: {', '.join(changed[:3])}{more}\n"
            "  a record would name artifacts that no commit makes\n"
            f"  git add, git commit, then make {command}"
        )
