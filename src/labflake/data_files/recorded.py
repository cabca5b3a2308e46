"""The record of an experiment's artifacts, `outputs.txt`, here or as a commit has it."""

import json
import re

from labflake.content.atomic import replacing
from labflake.content.digests import sha256
from labflake.data_files.gate import record
from labflake.data_files.gate.wording import shown
from labflake.errors import LabError
from labflake.project import uncommitted
from labflake.project.experiments import PULLED, RECORD, Experiment, relative
from labflake.project.git import run

LOCKS = ("poetry.lock", "pyproject.toml")
MADE = "# made at commit "


def of(experiment: Experiment) -> dict[str, str]:
    """Return the recorded hash of each artifact, as the working tree has it.

    Raises:
        LabError: a line is no record, or names what is no artifact.
    """
    known = record.read(experiment.scripts / RECORD)
    for name in known.digests:
        if not name.startswith(("assets/", "outputs/")):
            raise LabError(f"{relative(known.path)}: {shown(name)} is no artifact\n  make record")
    return known.digests


def commit_of(experiment: Experiment) -> str:
    """Return the commit at which the artifacts were recorded, "" where it is not known."""
    path = experiment.scripts / RECORD
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return _made_at(text)


def _made_at(text: str) -> str:
    lines = (line.strip() for line in text.split("\n") if line.startswith(MADE))
    return next((line.removeprefix(MADE) for line in lines), "")


def at(experiment: Experiment, commit: str) -> dict[str, str]:
    """Return what a commit records, or else what is recorded here of that commit."""
    code, text, _ = run("show", f"{commit}:./scripts/{experiment.name}/{RECORD}")
    if code:
        return of(experiment) if commit_of(experiment) == commit else {}
    lines = map(record.parsed, (line.removesuffix("\r") for line in text.split("\n")))
    return {name: digest for name, digest, problem in lines if not problem}


def standing(experiment: Experiment, commit: str) -> dict[str, str]:
    """Return what a commit records, if it is of this commit: nothing changed since it was made.

    Where git does not know the commit of the record any more, nobody can say that.
    """
    known = at(experiment, commit)
    made = _made_at(run("show", f"{commit}:./scripts/{experiment.name}/{RECORD}")[1])
    if not known or not made:
        return known if commit_of(experiment) == commit else {}
    settings = run("show", f"{commit}:./scripts/{experiment.name}/config.yaml")[1]
    paths = uncommitted.written(experiment)
    if re.search(r"\bexperiment\b", settings):  # and so it may hang on any other one
        paths = ["scripts", f":(exclude,glob)scripts/*/{RECORD}"]
    asked = ("diff", "--quiet", "--no-ext-diff", made, commit, "--", *paths, "src", *LOCKS)
    return {} if run(*asked)[0] else known


def pulled(experiment: Experiment) -> dict[str, str]:
    """Return the hash of each artifact here that was not built here, but pulled."""
    try:
        return dict(json.loads((experiment.generated / PULLED).read_bytes())["artifacts"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def note_pulled(experiment: Experiment, artifacts: dict[str, str], place: str) -> None:
    """Write down which artifacts came from where, and which commit's record vouches for them."""
    if not artifacts:
        return
    note = {
        "experiment": experiment.name,
        "recorded_at": commit_of(experiment),
        "pulled_from": place,
        "artifacts": pulled(experiment) | artifacts,
    }
    with replacing(experiment.generated / PULLED) as part:
        part.write_text(json.dumps(note, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def is_pulled(experiment: Experiment) -> bool:
    """Tell whether all that is recorded is here as it was pulled."""
    known = of(experiment)
    if not known or not pulled(experiment):
        return False
    places = {experiment.generated / name: digest for name, digest in known.items()}
    return all(path.is_file() and sha256(str(path)) == d for path, d in places.items())
