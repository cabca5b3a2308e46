"""`make history`, and branches: many experiments at once, none in the way of another."""

import os
import random
import subprocess
from pathlib import Path

import pytest
from sharing import TINY, Project

HOSTILE = [
    "$(touch${IFS}PWNED)",
    "-rf",
    "a;touch${IFS}PWNED",
    "\u202eevil",
    "it's`id`",
    "--output=PWNED",
]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make a project with one experiment."""
    return Project.new(tmp_path)


def start(project: Project, title: str, base: str = "main") -> str:
    """Start an experiment on a branch of its own and commit it; return its name."""
    project.git("switch", "-q", base)
    project.made("new", NAME=title)
    project.commit(title)
    return project.git("branch", "--show-current")


def rows(project: Project) -> dict[str, str]:
    """Return the lines of `make history` by experiment."""
    lines = project.made("history").splitlines()[1:]
    return {line.split()[0]: " ".join(line.split()) for line in lines}


def test_main_branch_of_the_remote_alone(project: Project, tmp_path: Path) -> None:
    """A checkout of one branch, as CI makes it, knows the main branch by the remote's."""
    branch = start(project, "2024-04-02 Elsewhere")
    clone = project.clone(tmp_path / "ci")
    clone.git("switch", "-q", branch)
    clone.git("remote", "set-head", "origin", "--delete")
    if clone.git("branch", "--list", "main"):
        clone.git("branch", "-q", "-D", "main")
    found = rows(clone)
    assert f"branch {branch}" in found[branch]
    assert "main " in found[TINY]


def test_history_says_who_when_where_and_what(project: Project) -> None:
    """A merged experiment, one of another branch and a new one: each with what is known of it."""
    merged = start(project, "2024-04-01 Merged")
    project.git("switch", "-q", "main")
    project.git("merge", "-q", "--no-ff", "-m", "Merge it", merged)
    merge = project.git("rev-parse", "HEAD")
    other = start(project, "2024-04-02 Elsewhere")
    project.git("switch", "-q", "main")
    project.write(
        "2024-04-03-New", report_md="---\nmetrics: {gain: 0.25}\n---\n\nText.\n", Snakefile=""
    )
    found = rows(project)
    day = project.git("log", "-1", "--format=%as")
    assert list(found) == ["2024-04-03-New", other, merged, TINY]
    assert f"{day} Test Person merge {merge[:7]} not built" in found[merged]
    assert f"{day} Test Person branch {other}" in found[other]
    assert found[other].endswith("not checked out")
    assert f"main {project.git('rev-parse', 'main~1')[:7]}" in found[TINY]
    assert "not committed" in found["2024-04-03-New"]
    assert found["2024-04-03-New"].endswith("gain: 0.25")


def test_history_of_a_clone_has_the_branches_of_its_remote(
    project: Project, tmp_path: Path
) -> None:
    """What colleagues have pushed is in the list, without a branch here."""
    other = start(project, "2024-04-02 Elsewhere")
    project.git("switch", "-q", "main")
    clone = project.clone(tmp_path / "clone")
    assert f"branch {other}" in rows(clone)[other]


def test_history_without_git_or_commits(project: Project) -> None:
    """Where git knows nothing yet, experiments and their states are shown all the same."""
    (project.root / ".git").rename(project.root.parent / "away")
    assert rows(project)[TINY].split()[1:] == ["not", "committed", "not", "built"]
    subprocess.run(["git", "init", "-q"], cwd=project.root, check=True)
    assert "not committed" in rows(project)[TINY]


@pytest.mark.parametrize("command", ["history", "diff", "strict"])
def test_hostile_branches_and_remotes_do_nothing(project: Project, command: str) -> None:
    """Names of branches, remotes and authors are texts: nothing in them is run or drawn."""
    commit = project.commit_as("Mallory \x1b[31m $(touch PWNED)")
    for name in HOSTILE:
        project.git("update-ref", f"refs/heads/{name}", commit)
        project.git("update-ref", f"refs/remotes/ev;il/{name}", commit)
    project.git("update-ref", "-d", "refs/heads/main")
    project.git("symbolic-ref", "HEAD", f"refs/heads/{HOSTILE[0]}")
    project.git("config", "remote.origin.url", "ext::sh -c 'touch PWNED'")
    project.git("config", "core.pager", "touch PWNED")
    done = project.run(command)
    assert "Traceback" not in done.stderr
    assert not {"\x1b", "\u202e"} & {*done.stdout, *done.stderr}
    assert not [*project.root.parent.rglob("PWNED")]


@pytest.mark.long
def test_thirty_branches_merge_in_any_order(project: Project, tmp_path: Path) -> None:
    """Experiments that were written and recorded in parallel never conflict.

    They meet in a bare repository, merged in random order from clones.
    """
    names = [f"2024-05-{day:02d}-Parallel" for day in range(1, 31)]
    for name in names:
        project.git("switch", "-q", "-c", name, "main")
        folder = project.scripts(name=name)
        project.write(name, Snakefile=f'"""{name}"""\n', config_yaml=f"word: {name}\n")
        (folder / "report.md").write_text(f"---\ntitle: {name}\n---\n")
        (folder / "hashes.txt").write_text(f"{'0' * 64}  assets/data/{name}.csv\n")
        (folder / "outputs.txt").write_text(f"{'1' * 64}  outputs/report.pdf\n")
        project.commit(name)
    project.git("switch", "-q", "main")
    bare = tmp_path / "bare.git"
    project.git("clone", "-q", "--bare", ".", str(bare))
    clone = Project(tmp_path / "clone", project.cache)
    project.git("clone", "-q", str(bare), str(clone.root))
    order = random.Random(int(os.environ.get("EXACTNESS_SEED", 1))).sample(names, len(names))
    for name in order:
        clone.git("merge", "-q", "--no-ff", "--no-edit", f"origin/{name}")
    clone.git("push", "-q", "origin", "main")
    found = rows(clone)
    assert {*names} <= found.keys()
    assert all(" merge " in found[name] for name in names)


def test_experiments_started_in_parallel_merge(project: Project) -> None:
    """What `make experiment` writes lies in the folder of the experiment, and nowhere else."""
    one, two = start(project, "2024-05-01 One"), start(project, "2024-05-02 Two")
    three = start(project, "2024-05-03 Three")
    project.git("switch", "-q", "main")
    for name in (two, three, one):
        project.git("merge", "-q", "--no-edit", name)
        changed = project.git("diff", "--name-only", "HEAD^1", "HEAD").splitlines()
        assert {path.rpartition("/")[0] for path in changed} == {f"scripts/{name}"}
