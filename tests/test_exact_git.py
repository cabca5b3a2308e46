"""Git as it really is: whatever a person, a hook or a repository has set, answers are right."""

import ast
import json
import os
import shutil
import subprocess
from pathlib import Path

import building
import pytest
import random_steps
import rendering
from building import TINY
from rendering import git

from labflake.programs import asks_git

OTHER = "2024-03-01-Other"
SNAKEFILE = """
    from labflake import code, step

    rule one:
        input: code=code("one.py"),
        output: "assets/data/one.txt",
        shell: step("python {input.code[0]} > {output}")
"""
REPORT = "---\ntitle: One\n---\n\nText.\n"
ASK = f"""
import json
from pathlib import Path
from labflake.documents.provenance import provenance
from labflake.project.experiments import Experiment, current, head_commit
experiment = Experiment({TINY!r})
found = provenance(experiment, [experiment.generated / "outputs" / "report.pdf"], {{}})
print(json.dumps(found | {{"head": head_commit(), "current": current().name}}))
"""


@pytest.fixture(scope="module")
def small(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the project with two tiny experiments instead of its sample, in one commit."""
    project = building.copy(built, tmp_path_factory.mktemp("git") / "p", generated=False)
    shutil.rmtree(project / "scripts" / building.SAMPLE)
    for name in (TINY, OTHER):
        files = {"Snakefile": SNAKEFILE, "one_py": "print(1)\n", "report_md": REPORT}
        building.experiment(project, name, **files)
    commit(project, "Two experiments")
    return project


@pytest.fixture
def project(small: Path, tmp_path: Path) -> Path:
    """Copy the small project to change it."""
    return building.copy(small, tmp_path / "p")


@pytest.fixture
def inner(small: Path, tmp_path: Path) -> Path:
    """Put the project into a folder of a larger repository."""
    larger = tmp_path / "larger"
    inner = building.copy(small, larger / "studies" / "p")
    shutil.rmtree(inner / ".git")
    (larger / "README").write_text("larger\n", encoding="utf-8")
    rendering.commit_all(larger, "Everything")
    return inner


def commit(project: Path, message: str) -> str:
    """Commit everything, and return the name of the commit."""
    git(project, "add", "--all")
    git(project, "commit", "-q", "-m", message)
    return git(project, "rev-parse", "HEAD")


def asked(project: Path, **variables: str) -> dict:
    """Return what documents would say about where they come from."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in building.exported({"EXPERIMENT": TINY, **variables}).items():
            patch.setenv(name, value)
        return json.loads(building.run_python(project, ASK, project))


def built_document(project: Path) -> dict:
    """Return the provenance of the report that was built."""
    outputs = project / "generated" / TINY / "outputs"
    return json.loads((outputs / "report.provenance.json").read_text(encoding="utf-8"))


def program(path: Path, text: str) -> Path:
    """Write a shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_one_function_starts_git() -> None:
    """No module but `labflake/git.py` starts git."""
    lab = rendering.REPOSITORY / "src" / "labflake"
    starting = set()
    for path in lab.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            words = node.elts[:1] if isinstance(node, ast.List | ast.Tuple) else []
            words += node.args[:1] if isinstance(node, ast.Call) else []
            texts = [w.value for w in words if isinstance(w, ast.Constant)]
            if any(isinstance(t, str) and (t == "git" or t.startswith("git ")) for t in texts):
                starting.add(path.relative_to(lab).as_posix())
    assert starting == {"project/git.py"}


SETTINGS = {
    "color.ui": "always",
    "color.status": "always",
    "core.abbrev": "5",
    "core.pager": "false",
    "core.quotePath": "true",
    "diff.autoRefreshIndex": "false",
    "diff.external": "false",
    "diff.ignoreSubmodules": "all",
    "diff.mnemonicPrefix": "true",
    "diff.noprefix": "true",
    "format.pretty": "%an",
    "i18n.logOutputEncoding": "UTF-16",
    "log.decorate": "full",
    "log.showSignature": "true",
    "status.branch": "true",
    "status.relativePaths": "false",
    "status.short": "true",
    "status.showUntrackedFiles": "no",
}


def test_settings_of_a_person_change_no_answer(project: Path, tmp_path: Path) -> None:
    """With everything set that git lets people set for their eyes, provenance is the same."""
    (project / "scripts" / TINY / "one.py").write_text("print(2)\n", encoding="utf-8")
    (project / "scripts" / TINY / "ünknown.py").write_text("", encoding="utf-8")
    before = asked(project)
    (tmp_path / "ignored").write_text("*.py\n", encoding="utf-8")
    started = program(tmp_path / "started", f"touch {tmp_path / 'marker'}")
    more = {"core.excludesFile": tmp_path / "ignored", "core.fsmonitor": started}
    for name, value in (SETTINGS | more | {"alias.diff": f"!{started}"}).items():
        git(project, "config", name, str(value))
    assert asked(project) == before
    assert before["commit"] == git(project, "rev-list", "-1", "HEAD")
    assert before["uncommitted"] == [f"scripts/{TINY}/one.py", f"scripts/{TINY}/ünknown.py"]
    assert not (tmp_path / "marker").exists()


def test_nothing_hides_a_change(project: Path) -> None:
    """A file that git was told to skip, or to ignore, is named all the same."""
    folder = project / "scripts" / TINY
    (folder / "two.py").write_text("", encoding="utf-8")
    (folder / "notes.log").write_text("", encoding="utf-8")
    (project / ".git/info/exclude").write_text("report.md\n", encoding="utf-8")
    (project / ".gitignore").open("a").write("/scripts/*/two.py\n*.log\n")
    for name, mark in (("one.py", "--assume-unchanged"), ("Snakefile", "--skip-worktree")):
        git(project, "update-index", mark, f"scripts/{TINY}/{name}")
        (folder / name).open("a").write("\n")
    names = [f"scripts/{TINY}/{name}" for name in ("Snakefile", "one.py", "two.py")]
    assert asked(project)["uncommitted"] == names
    (folder / "two.py").unlink()
    git(project, "rm", "-q", "--cached", f"scripts/{TINY}/report.md")
    assert asked(project)["uncommitted"] == names[:2]


def test_who_may_run_a_file_is_part_of_a_commit(project: Path) -> None:
    """A script that nobody may run any more is named, also where git was told not to look."""
    script = program(project / "scripts" / TINY / "tool", "echo 1")
    commit(project, "Tool")
    for looks in ("true", "false"):
        git(project, "config", "core.fileMode", looks)
        assert asked(project)["uncommitted"] == []
        script.chmod(0o644)
        assert asked(project)["uncommitted"] == [f"scripts/{TINY}/tool"]
        script.chmod(0o755)


def test_a_touched_file_is_not_changed(project: Path) -> None:
    """Another date, owner or place of a file is no change."""
    for path in (project / "scripts" / TINY).iterdir():
        os.utime(path, (1, 1))
    assert asked(project)["uncommitted"] == []


def test_variables_of_a_hook_lead_nowhere_else(project: Path, tmp_path: Path) -> None:
    """With GIT_DIR and its kin set, our repository is asked, and the branch is made here."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("", encoding="utf-8")
    rendering.commit_all(other)
    before = asked(project)
    hook = {
        "GIT_DIR": str(other / ".git"),
        "GIT_WORK_TREE": str(other),
        "GIT_INDEX_FILE": str(other / ".git" / "index"),
        "GIT_OBJECT_DIRECTORY": str(other / ".git" / "objects"),
        "GIT_COMMON_DIR": str(other / ".git"),
        "GIT_PREFIX": "sub/",
        "GIT_CONFIG_PARAMETERS": f"'core.worktree'='{other}'",
    }
    assert asked(project, **hook) == before
    printed = building.made(project, "experiment", NAME="From a Hook", **hook)
    name = git(project, "symbolic-ref", "--short", "HEAD")
    assert name.endswith("-From-a-Hook")
    assert f"you are on its branch {name}" in printed
    assert git(other, "branch", "--format=%(refname:short)") == "main"


@pytest.mark.long
def test_another_owner_is_told(project: Path) -> None:
    """A repository that git refuses is not "none": all say so, with the command that helps."""
    if os.geteuid():
        pytest.skip("only root can give a folder to somebody else")
    for path in (project, project / ".git"):
        os.chown(path, 1234, 1234)
    command = f"git config --global --add safe.directory '{project}'"
    done = building.make(project, EXPERIMENT=TINY)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(command) == 1
    found = built_document(project)
    assert (found["commit"], found["no_commit"]) == (None, "git could not say")
    done = building.make(project, "reproduce", EXPERIMENT=TINY)
    assert done.returncode == 2
    assert command in done.stderr
    assert command in building.made(project, "experiment", NAME="Elsewhere")
    settings = project.parent / "settings"
    settings.write_text("[safe]\ndirectory = *\n", encoding="utf-8")
    done = building.make(project, EXPERIMENT=TINY, GIT_CONFIG_GLOBAL=str(settings))
    assert (done.returncode, done.stderr) == (0, "")
    assert built_document(project)["commit"]


@pytest.mark.long
def test_in_a_folder_of_a_larger_repository(inner: Path) -> None:
    """A commit is noticed, provenance is right after it, and the experiment gets its branch."""
    folder = inner / "scripts" / TINY
    building.made(inner, EXPERIMENT=TINY)
    (folder / "one.py").write_text("print(2)\n", encoding="utf-8")
    building.made(inner, EXPERIMENT=TINY)
    assert built_document(inner)["uncommitted"] == [f"scripts/{TINY}/one.py"]
    made = commit(inner, "Two")
    building.made(inner, EXPERIMENT=TINY)
    found = built_document(inner)
    assert (found["commit"], found["uncommitted"]) == (made, [])
    assert building.made(inner, EXPERIMENT=TINY).endswith("up to date\n")
    git(inner, "switch", "-q", "-c", TINY)
    assert building.made(inner).endswith("up to date\n")
    assert "you are on its branch" in building.made(inner, "experiment", NAME="Here")


@pytest.mark.long
def test_a_folder_of_a_larger_repository_is_rebuilt(inner: Path) -> None:
    """A project in a folder of a larger repository can be built twice and reproduced."""
    building.made(inner, EXPERIMENT=TINY)
    printed = building.made(inner, "reproduce", EXPERIMENT=TINY)
    assert "REPRODUCED: " in printed
    assert "NOT" not in printed
    assert "DIFFERS" not in building.made(inner, "twice", EXPERIMENT=TINY)


def test_a_repository_around_that_does_not_know_the_project(inner: Path) -> None:
    """A repository that only happens to be above gets no branch, and is not named as the source."""
    git(inner, "rm", "-q", "-r", "--cached", ".")
    (inner.parent.parent / ".gitignore").write_text("/studies/\n", encoding="utf-8")
    commit(inner.parent.parent, "Without the study")
    found = asked(inner)
    assert found["commit"] is None
    printed = building.made(inner, "experiment", NAME="Elsewhere")
    assert "does not hold this project: no branch was made" in printed
    assert git(inner, "symbolic-ref", "--short", "HEAD") == "main"


ASKS = {
    "shell": "git rev-parse HEAD > {output}",
    "script": "sh ../../scripts/NAME/asks.sh > {output}",
    "program": "python ../../scripts/NAME/asks.py > {output}",
}


@pytest.mark.long
@pytest.mark.parametrize("packed", [False, True])
def test_a_step_that_asks_git_is_of_the_commit(project: Path, packed: bool) -> None:
    """What a step says of the commit is never that of an earlier one."""
    rules = [
        f'rule {name}:\n    output: "assets/data/{name}.txt"\n    shell: "{command}"\n'
        for name, command in ASKS.items()
    ]
    asked = ", ".join(f'"assets/data/{name}.txt"' for name in ASKS)
    building.experiment(
        project,
        TINY,
        Snakefile=f"rule all:\n    input: {asked}\n" + "".join(rules).replace("NAME", TINY),
        asks_sh="git rev-parse HEAD\n",
        asks_py="import subprocess\nsubprocess.run(['git', 'rev-parse', 'HEAD'], check=True)\n",
    )
    (project / "scripts" / TINY / "report.md").unlink()
    data = project / "generated" / TINY / "assets" / "data"
    for word in ("One", "Two", "Three"):
        (project / "README.md").write_text(word, encoding="utf-8")
        head = commit(project, word)
        if packed:
            git(project, "pack-refs", "--all")
        building.made(project, EXPERIMENT=TINY)
        assert {(data / f"{name}.txt").read_text().strip() for name in ASKS} == {head}
    assert "up to date" in building.made(project, EXPERIMENT=TINY)


ASKS_FOR_TAGS = {
    "shell": "git describe --tags --always > {output}",
    "script": "sh ../../scripts/NAME/asks.sh > {output}",
    "program": "python ../../scripts/NAME/asks.py > {output}",
}


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a small project in git that is built in this process."""
    monkeypatch.setenv("LABFLAKE_CACHE", "off")
    monkeypatch.delenv("CI", raising=False)
    project = random_steps.write(tmp_path / "project", random_steps.Drawn())
    (project / ".gitignore").write_text("/.venv\n/generated\n", encoding="utf-8")
    rendering.commit_all(project, "One")
    return project


def write_asking(project: Path, asks: dict[str, str], sh: str, py: str) -> None:
    """Write an experiment whose steps ask git."""
    asked = ", ".join(f'"assets/data/{name}.txt"' for name in asks)
    rules = [
        f'rule {name}:\n    output: "assets/data/{name}.txt"\n    shell: "{command}"\n'
        for name, command in asks.items()
    ]
    text = f"rule all:\n    input: {asked}\n" + "".join(rules)
    folder = project / random_steps.SCRIPTS
    (folder / "Snakefile").write_text(text.replace("NAME", folder.name), encoding="utf-8")
    (folder / "asks.sh").write_text(sh, encoding="utf-8")
    (folder / "asks.py").write_text(f"import subprocess\nsubprocess.run({py})\n", encoding="utf-8")
    commit(project, "Asks")


@pytest.mark.long
def test_a_step_that_asks_for_tags_follows_them(drawn: Path) -> None:
    """A tag that comes, moves into the packed ones or goes is in what `git describe` says."""
    words = ["git", "describe", "--tags", "--always"]
    write_asking(drawn, ASKS_FOR_TAGS, "git describe --tags --always\n", str(words))
    data = drawn / random_steps.GENERATED / "assets" / "data"
    for change in (["tag", "v1"], ["pack-refs", "--all"], ["tag", "v2"], ["tag", "-d", "v2", "v1"]):
        random_steps.in_a_fork(drawn, random_steps.build)
        git(drawn, *change)
        random_steps.in_a_fork(drawn, random_steps.build)
        said = git(drawn, *words[1:])
        assert {(data / f"{name}.txt").read_text().strip() for name in ASKS_FOR_TAGS} == {said}


READS = """
import subprocess
COMMIT = subprocess.check_output(["git", "rev-parse", "HEAD"]).decode().strip()
rule all:
    input: "assets/data/shell.txt", "assets/data/python.txt", "assets/data/rules.txt"
rule shell:
    output: "assets/data/shell.txt"
    shell: "cat ../../.git/refs/heads/main > {output}"
rule python:
    output: "assets/data/python.txt"
    shell: "python asks.py > {output}"
rule rules:
    output: "assets/data/rules.txt"
    shell: "echo {COMMIT} > {output}"
"""


@pytest.mark.long
def test_whoever_reads_the_commit_follows_it(drawn: Path) -> None:
    """A Snakefile that asks git, and steps that read its files by themselves, see each commit."""
    folder = drawn / random_steps.SCRIPTS
    (folder / "Snakefile").write_text(READS, encoding="utf-8")
    (folder / "asks.py").write_text("print(open('../../.git/refs/heads/main').read())\n")
    data = drawn / random_steps.GENERATED / "assets" / "data"
    for word in ("One", "Two"):
        (drawn / "README.md").write_text(word, encoding="utf-8")
        head = commit(drawn, word)
        random_steps.in_a_fork(drawn, random_steps.build)
        names = ("shell", "python", "rules")
        assert {(data / f"{name}.txt").read_text().strip() for name in names} == {head}
        assert random_steps.in_a_fork(drawn, random_steps.build) == "up to date\n"


UNCOMMITTED = {
    "shell": "git -C ../.. status --porcelain > {output}",
    "option": "V=$(git describe --always --dirty); echo $V > {output}",
    "script": "sh ../../scripts/NAME/asks.sh > {output}",
    "program": "python ../../scripts/NAME/asks.py > {output}",
}


@pytest.mark.long
@pytest.mark.parametrize("how", UNCOMMITTED)
def test_a_step_may_not_ask_for_what_is_not_committed(drawn: Path, how: str) -> None:
    """What would be old with the next save is refused, with what can be asked instead."""
    script = "# git status\nif ! git diff --quiet; then echo changed; fi\n"
    write_asking(drawn, {how: UNCOMMITTED[how]}, script, "['git', 'ls-files', '-m']")
    with pytest.raises(AssertionError, match=r"rule .* asks `git .*not committed"):
        random_steps.in_a_fork(drawn, random_steps.build)


@pytest.mark.parametrize(
    "text",
    [
        "git diff --no-index a b",
        "git diff v1..v2 -- table.csv",
        "git clone a b; cd b; git status",
        "git -C /elsewhere status",
        "echo see git status",
        "git log --format=%H -1",
    ],
)
def test_other_questions_to_git_may_be_asked(text: str, in_the_template: None) -> None:
    """What is about commits, files alone or another repository is no question about this one."""
    assert asks_git.of_what_is_not_committed(text) == ""


@pytest.mark.long
@pytest.mark.parametrize("what", ["file", "folder"])
def test_code_that_a_link_brings_is_in_no_commit(project: Path, what: str) -> None:
    """A link to code elsewhere is named with what is not committed; others are not."""
    other = project.parent / "elsewhere"
    (other / "lib").mkdir(parents=True)
    (other / "lib" / "shared.py").write_text("VALUE = 1\n", encoding="utf-8")
    (other / "table.csv").write_text("a\n1\n", encoding="utf-8")
    link = project / "src" / "shared.py" if what == "file" else project / "src" / "lib"
    link.symlink_to(other / "lib" / "shared.py" if what == "file" else other / "lib")
    scripts = project / "scripts" / TINY
    (scripts / "table.csv").symlink_to(other / "table.csv")
    (scripts / "again.py").symlink_to("one.py")
    commit(project, "Links")
    assert asked(project)["uncommitted"] == [link.relative_to(project).as_posix()]


BESIDE = """
[[package]]
name = "{0}"
version = "1"
groups = ["main"]
files = []
develop = true

[package.source]
type = "directory"
url = "{1}"
"""


def test_a_package_beside_the_project_is_in_no_commit(project: Path) -> None:
    """The folder of a package outside is named with what is not committed, one inside is not."""
    with (project / "poetry.lock").open("a", encoding="utf-8") as lock:
        lock.write(BESIDE.format("beside", "../beside") + BESIDE.format("inner", "src/inner"))
    commit(project, "Packages")
    assert asked(project)["uncommitted"] == ["../beside"]


MERGED = """<<<<<<< HEAD
old: 1
=======
new: 2
>>>>>>> other
"""


@pytest.mark.long
def test_a_file_with_two_versions_is_refused(project: Path) -> None:
    """What git could not merge is named with its line, before anything is made of it."""
    scripts = project / "scripts" / TINY
    (scripts / "config.yaml").write_text("seed: 1\n", encoding="utf-8")
    (scripts / "references.bib").write_text("@misc{a, title={A}}\n", encoding="utf-8")
    for built in (False, True):
        for name in ["report.md", "Snakefile", "config.yaml", "one.py", "references.bib"][
            : 5 - built
        ]:
            text = (scripts / name).read_text(encoding="utf-8")
            (scripts / name).write_text(text + MERGED, encoding="utf-8")
            said = building.refused(project, EXPERIMENT=TINY)
            assert f"\n  scripts/{TINY}/{name}:{text.count(chr(10)) + 1}\n" in said
            (scripts / name).write_text(text, encoding="utf-8")
        building.made(project, EXPERIMENT=TINY)


def test_text_about_a_merge_is_no_merge(project: Path) -> None:
    """A line of signs, or marks that are set off, are text as any other."""
    report = project / "scripts" / TINY / "report.md"
    told = "".join(f"    {line}\n" for line in MERGED.splitlines())
    report.write_text(f"{REPORT}\nHead\n=======\n\n{told}", encoding="utf-8")
    building.made(project, EXPERIMENT=TINY)


def worktree(project: Path) -> Path:
    """Make a worktree of the project on a branch of its own."""
    git(project, "worktree", "add", "-q", "-b", "beside", str(project.parent / "beside"))
    return linked(project, project.parent / "beside")


def linked(project: Path, other: Path) -> Path:
    """Give a copy of the project its environment."""
    (other / ".venv").symlink_to((project / ".venv").resolve())
    return other


def shallow(project: Path) -> Path:
    """Make a shallow clone of the project."""
    address = f"file://{project}"
    git(project.parent, "clone", "-q", "--depth", "1", address, "shallow")
    return linked(project, project.parent / "shallow")


def partial(project: Path) -> Path:
    """Make a clone that brings files of earlier commits when somebody asks for them."""
    (project / "scripts" / TINY / "one.py").write_text("print(2)\n", encoding="utf-8")
    commit(project, "Two")
    git(project, "config", "uploadpack.allowFilter", "true")
    address = f"file://{project}"
    git(project.parent, "clone", "-q", "--filter=blob:none", address, "partial")
    return linked(project, project.parent / "partial")


def detached(project: Path) -> Path:
    """Check out a commit and no branch."""
    git(project, "checkout", "-q", "--detach")
    return project


def packed(project: Path) -> Path:
    """Pack the branches into one file."""
    git(project, "pack-refs", "--all")
    git(project, "gc", "-q")
    return project


def sparse(project: Path) -> Path:
    """Leave the other experiment out of the working tree."""
    git(project, "sparse-checkout", "set", "--no-cone", "/*", f"!/scripts/{OTHER}")
    return project


def symbolic(project: Path) -> Path:
    """Let the branch stand for another one."""
    git(project, "branch", "-m", "main", "trunk")
    git(project, "symbolic-ref", "refs/heads/main", "refs/heads/trunk")
    git(project, "symbolic-ref", "HEAD", "refs/heads/main")
    return project


@pytest.mark.long
@pytest.mark.parametrize("kind", [worktree, shallow, partial, detached, packed, sparse, symbolic])
def test_every_kind_of_checkout_knows_its_commit(project: Path, kind) -> None:
    """In each of them the front check reads the commit that git names, and documents name it."""
    place = kind(project)
    head = git(place, "rev-parse", "HEAD")
    found = asked(place)
    assert (found["head"], found["uncommitted"]) == (head, [])
    assert found["commit"] == head
    assert found["shallow_clone"] == (kind is shallow)
    (place / "scripts" / TINY / "one.py").write_text("print(3)\n", encoding="utf-8")
    assert asked(place)["uncommitted"] == [f"scripts/{TINY}/one.py"]
    assert asked(place)["head"] != commit(place, "Three")
    assert asked(place)["head"] == git(place, "rev-parse", "HEAD")


@pytest.mark.long
@pytest.mark.parametrize("kind", [worktree, shallow, detached])
def test_every_kind_of_checkout_is_reproduced(project: Path, kind) -> None:
    """What was built in a worktree, a shallow clone or without a branch is reproduced there."""
    place = kind(project)
    building.made(place, EXPERIMENT=TINY)
    assert "\nREPRODUCED: " in building.made(place, "reproduce", EXPERIMENT=TINY)


@pytest.mark.long
def test_an_earlier_commit_is_reproduced_in_a_partial_clone(project: Path) -> None:
    """The files that git left on the server come from there, into the copy."""
    place = partial(project)
    building.made(place, EXPERIMENT=TINY)
    done = building.make(place, "reproduce", "COMMIT=HEAD~1", EXPERIMENT=TINY)
    assert "NOT REPRODUCED" in done.stdout, done.stderr  # it prints 1, what is here 2
    assert "assets/data/one.txt" in done.stdout


def test_the_branch_names_the_experiment_in_a_worktree(project: Path) -> None:
    """A worktree on the branch of an experiment builds that experiment."""
    place = project.parent / "beside"
    git(project, "worktree", "add", "-q", "-b", TINY, str(place))
    linked(project, place)
    assert asked(place, EXPERIMENT="")["current"] == TINY
    assert asked(project, EXPERIMENT="")["current"] == OTHER


def test_where_git_does_not_look_nobody_looks(inner: Path) -> None:
    """A repository above GIT_CEILING_DIRECTORIES is none for git, and none for us."""
    found = asked(inner, GIT_CEILING_DIRECTORIES=str(inner.parent))
    assert (found["head"], found["no_commit"]) == ("", "not under version control")


def test_a_project_without_a_commit_says_that(project: Path) -> None:
    """No git, and no commit yet, are two things."""
    shutil.rmtree(project / ".git")
    assert asked(project)["no_commit"] == "not under version control"
    git(project, "init", "-q")
    assert asked(project)["no_commit"] == "no commit yet"
    done = building.make(project, "reproduce", EXPERIMENT=TINY)
    assert done.stderr.startswith("error: there is no commit to reproduce")
    assert "you are on its branch" in building.made(project, "experiment", NAME="First")


@pytest.mark.long
def test_nothing_to_do_starts_no_git(project: Path, tmp_path: Path) -> None:
    """A build that has nothing to do never starts git."""
    building.made(project, EXPERIMENT=TINY)
    program(tmp_path / "bin" / "git", f"touch {tmp_path / 'marker'}\nexit 1")
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    assert building.made(project, EXPERIMENT=TINY, PATH=path).endswith("up to date\n")
    assert not (tmp_path / "marker").exists()


@pytest.mark.long
def test_submodules_are_part_of_a_copy(project: Path, tmp_path: Path) -> None:
    """Code in a submodule comes from this machine, as it is for `twice`, as committed else."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "deep.py").write_text("VALUE = 5\n", encoding="utf-8")
    rendering.commit_all(source)
    allowed = ("-c", "protocol.file.allow=always")
    git(project, *allowed, "submodule", "--quiet", "add", str(source), "src/vend")
    program = "import vend.deep\nprint(vend.deep.VALUE)\n"
    (project / "scripts" / TINY / "one.py").write_text(program, encoding="utf-8")
    commit(project, "With a submodule")
    shutil.rmtree(source)
    building.made(project, EXPERIMENT=TINY)
    assert built_document(project)["uncommitted"] == []
    assert "\nREPRODUCED: " in building.made(project, "reproduce", EXPERIMENT=TINY)
    (project / "src" / "vend" / "deep.py").write_text("VALUE = 6\n", encoding="utf-8")
    assert "DIFFERS" not in building.made(project, "twice", EXPERIMENT=TINY)
    assert asked(project)["uncommitted"] == ["src/vend"]
    shutil.rmtree(project / "src" / "vend")
    shutil.rmtree(project / ".git" / "modules")
    done = building.make(project, "reproduce", EXPERIMENT=TINY)
    assert "error: the submodule src/vend is not here" in done.stderr


@pytest.mark.long
def test_reproduce_takes_any_name_of_a_commit(project: Path) -> None:
    """A short hash, a tag and a branch name the commit; what is no name of one is told."""
    building.made(project, EXPERIMENT=TINY)
    git(project, "tag", "-a", "-m", "One", "v1")
    git(project, "branch", "side")
    first = git(project, "rev-parse", "HEAD")
    (project / "scripts" / TINY / "one.py").write_text("print(9)\n", encoding="utf-8")
    commit(project, "Nine")
    for wanted in (first[:9], "v1", "side"):
        printed = building.make(project, "reproduce", EXPERIMENT=TINY, COMMIT=wanted).stdout
        assert f"rebuilding commit {first[:7]}" in printed
        assert "files here are not those of the commit" in printed
    refused = building.make(project, "reproduce", EXPERIMENT=TINY, COMMIT="--all")
    assert "error: git knows no commit --all" in refused.stderr


@pytest.mark.long
def test_copies_have_filters_and_no_hooks(project: Path, tmp_path: Path) -> None:
    """A failing hook of a person stops no reproduction; what makes files of blobs is part of it."""
    git(project, "config", "filter.secret.clean", "tr 1 7")
    git(project, "config", "filter.secret.smudge", "tr 7 1")
    (project / ".gitattributes").open("a").write("one.py filter=secret\n")
    (project / "scripts" / TINY / "one.py").write_text("print(11)\n", encoding="utf-8")
    commit(project, "A secret")
    assert git(project, "show", f"HEAD:scripts/{TINY}/one.py") == "print(77)"
    hooks = tmp_path / "hooks"
    program(hooks / "post-checkout", f"touch {tmp_path / 'marker'}; exit 1")
    git(project, "config", "--global", "core.hooksPath", str(hooks))
    try:
        building.made(project, EXPERIMENT=TINY)
        assert "\nREPRODUCED: " in building.made(project, "reproduce", EXPERIMENT=TINY)
        assert not (tmp_path / "marker").exists()
    finally:
        git(project, "config", "--global", "--unset", "core.hooksPath")


def test_a_failing_hook_does_not_hide_the_branch(project: Path) -> None:
    """Where post-checkout fails the branch is there: that is said, with what the hook says."""
    program(project / ".git" / "hooks" / "post-checkout", "echo no coffee >&2; exit 3")
    printed = building.made(project, "experiment", NAME="Hooked")
    name = git(project, "symbolic-ref", "--short", "HEAD")
    assert f"you are on its branch {name}" in printed
    assert "no coffee" in printed
    assert "could not be made" not in printed
    (project / "scripts" / name).rename(project / "scripts" / "elsewhere")
    subprocess.run(["git", "switch", "-q", "main"], cwd=project, capture_output=True)
    again = building.made(project, "experiment", NAME="Hooked")
    assert "the branch could not be made" in again
    assert git(project, "symbolic-ref", "--short", "HEAD") == "main"
