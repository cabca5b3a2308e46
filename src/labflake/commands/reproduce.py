"""Rebuild an experiment at a commit in a clean copy, and judge each artifact (`make reproduce`).

`COMMIT=` names the commit, else it is the one checked out. `AGAINST=` names what to compare with, a
folder of artifacts, a list of sha256sum, or a reproduction.json; else it is what was built here.
The cache is not used, unless `CACHED=1` allows it.
"""

import shutil
from pathlib import Path

from labflake.command_line import table as commands
from labflake.content import temporary
from labflake.content.meter import duration
from labflake.data_files import recorded
from labflake.data_files.gate import record
from labflake.data_files.gate.wording import aligned, shown
from labflake.errors import LabError
from labflake.project import uncommitted
from labflake.project.experiments import (
    RECORD,
    SNAKEFILES,
    Experiment,
    current,
    relative,
    root,
)
from labflake.project.git import git, is_here, run
from labflake.project.options import flag, option
from labflake.site.states import STALE, state
from labflake.verify import builds, copies, reproduction
from labflake.verify.artifacts import VERDICT, artifacts
from labflake.verify.reproduction import (
    DIFFERENT,
    EQUAL,
    EXTRA,
    IDENTICAL,
    MISSING,
    Expected,
    Result,
)


def main(argv: list[str]) -> int:
    """Rebuild, print the table and the verdict, keep it as JSON; 1 if it is not reproduced."""
    commit = _commit()
    experiment = _experiment(commit)
    data = set(record.read(experiment.scripts / "hashes.txt").digests)
    wanted = _wanted(experiment, commit, data)
    print(f"{experiment.name}: rebuilding commit {_described(commit)}", flush=True)
    _warn(experiment, commit, wanted)
    with temporary.folder("reproduce") as folder:
        project, shared = copies.of_commit(folder / root().name, commit)
        brought, names = copies.bring_recorded(experiment, project)
        facts = _facts(experiment, commit, shared)
        _say_how(facts, len(brought), len(names))
        seconds = _build(experiment, project, folder / "cache")
        print(f"  built in {duration(seconds)}\n", flush=True)
        generated = project / "generated" / experiment.name
        made = artifacts(generated, {*data, *names})
        results = list(reproduction.compare(wanted, made, experiment.config().get("tolerance")))
        _keep(experiment, [r for r in results if r.verdict in (DIFFERENT, EQUAL)], made)
    _print(results)
    reproduction.write(experiment.generated / VERDICT, facts, results)
    print(f"{reproduction.sentence(results)}\n  {relative(experiment.generated / VERDICT)}")
    return 0 if reproduction.reproduced(results) else 1


def _commit() -> str:
    """Return the full name of the commit that is meant: a hash, a short one, a tag or a branch."""
    wanted = option("COMMIT") or "HEAD"
    if not is_here():
        raise LabError("the project is not in git, so there is no commit to reproduce")
    git("rev-parse", "--git-dir")  # git says it if it refuses the repository
    code, found, why = run("rev-parse", "--verify", "--quiet", f"{wanted}^{{commit}}")
    if code and wanted == "HEAD":
        raise LabError("there is no commit to reproduce: git add, then git commit")
    if code or wanted.startswith("-"):
        hint = why.splitlines()[0] if why else "it may be elsewhere: git fetch --all"
        raise LabError(f"git knows no commit {wanted}\n  {hint}")
    return found.strip()


def _described(commit: str) -> str:
    return git("log", "-1", "--no-color", "--format=%h %cs %s", commit)


def _experiment(commit: str) -> Experiment:
    """Return the experiment that is meant, which that commit must have.

    Raises:
        LabError: the commit does not have it; the message lists what it has.
    """
    name = option("EXPERIMENT").rstrip("/").rpartition("/")[2] or current().name
    listed = git("ls-tree", "-r", "-z", "--name-only", commit, "scripts/").split("\0")
    parts = [path.split("/") for path in listed]
    there = list(dict.fromkeys(each[1] for each in parts if tuple(each[2:]) in SNAKEFILES))
    if name not in there:
        names = "".join(f"\n  {each}" for each in there[-5:]) or " none"
        raise LabError(f"commit {commit[:12]} has no experiment {name}; it has{names}")
    return Experiment(name)


def _wanted(experiment: Experiment, commit: str, data: set[str]) -> Expected:
    """Return what the artifacts should be: those that are here; of others, what is recorded.

    Raises:
        LabError: nothing is built here or recorded, and `AGAINST` is not given.
    """
    if place := option("AGAINST"):
        return reproduction.expected(Path(place).expanduser(), data)
    here = (
        reproduction.expected(experiment.generated, data) if experiment.generated.exists() else None
    )
    known = recorded.at(experiment, commit)
    gone = {n: d for n, d in known.items() if not here or n not in here.digests}
    if gone:
        print(f"  {len(gone)} artifacts that are not here: judged by {RECORD}")
        if not recorded.standing(experiment, commit):
            print("  note: it was not recorded at this commit, or nobody can tell: make record?")
    wanted = Expected("here", (here.digests if here else {}) | gone, here.files if here else {})
    if not wanted.digests:
        raise LabError(
            f"nothing of {experiment.name} is built here, so there is nothing to compare with\n"
            f"  build it first: make   or name artifacts or hashes of somebody else: AGAINST=…\n"
            f"  years later {RECORD} serves, where it was committed: make record"
        )
    return wanted


def _warn(experiment: Experiment, commit: str, wanted: Expected) -> None:
    """Say what will make artifacts differ that is no fault of the commit."""
    if wanted.files and not option("AGAINST"):
        now = state(experiment)
        if now.name == STALE:
            print(f"  note: what is here was built before a change: {now.why}; make first?")
    paths = [*uncommitted.written(experiment), "src", "vendor", "pyproject.toml", "poetry.lock"]
    changed = [shown(name) for name in uncommitted.files(paths, commit)]
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        print(f"  note: files here are not those of the commit: {', '.join(changed[:3])}{more}")


def _facts(experiment: Experiment, commit: str, shared: bool) -> dict:
    return {
        "experiment": experiment.name,
        "commit": commit,
        "packages": "shared" if shared else "installed",
        "cache": "allowed" if flag("CACHED") else "not used",
    }


def _say_how(facts: dict, brought: int, count: int) -> None:
    shared = facts["packages"] == "shared"
    how = "those of this copy: the lock is the same" if shared else "installed as its lock says"
    rows = [("packages", how), ("cache", facts["cache"])]
    if count:
        rows.append(("data", f"{brought} of {count} files copied, the others fetched; verified"))
    print("\n".join(f"  {row}" for row in aligned(rows)), flush=True)


def _build(experiment: Experiment, project: Path, cache: Path) -> float:
    given = commands.given("build") | ({} if flag("CACHED") else {"CACHE": str(cache)})
    log = experiment.state / "reproduced" / "build.log"
    shutil.rmtree(log.parent, ignore_errors=True)
    return builds.run(project, experiment.name, "the clean copy", log, options=given)


def _keep(experiment: Experiment, results: list[Result], made: dict[str, Path]) -> None:
    """Copy the rebuilt artifacts that are not identical to where they can be looked at."""
    for result in results:
        target = experiment.state / "reproduced" / result.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made[result.name], target)


def _print(results: list[Result]) -> None:
    """Print the table of all artifacts."""
    words = {
        IDENTICAL: "identical",
        EQUAL: "equal within tolerance",
        DIFFERENT: "DIFFERENT",
        MISSING: "MISSING",
        EXTRA: "rebuilt, not known before",
    }
    rows = [("artifact", "before", "rebuilt", "verdict")]
    for r in results:
        note = f": {r.note}" if r.note else ""
        rows.append((r.name, r.expected[:8], r.rebuilt[:8], words[r.verdict] + note))
    print("\n".join(f"  {row}" for row in aligned(rows)) + "\n")
