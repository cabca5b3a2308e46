"""Rendering makes a project of the answers, and changes nothing else."""

import ast
import json
import os
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import rendering
import yaml
from rendering import ANSWERS, PAYLOAD, RENDERED, REPOSITORY, git


@pytest.fixture(scope="module")
def payload(template: Path) -> Path:
    """Give the template's own folder, before anything is rendered."""
    return template / PAYLOAD


@pytest.fixture(scope="module")
def tree(payload: Path) -> list[str]:
    """List the files of a project."""
    return sorted(rendering.contents(payload))


def test_tree_is_the_reviewed_one(project: Path) -> None:
    """A project holds exactly the files of tests/tree.txt."""
    reviewed = (REPOSITORY / "tests/tree.txt").read_text(encoding="utf-8").split()
    assert sorted(rendering.contents(project)) == reviewed


def test_experiments_have_the_same_makefile() -> None:
    """The sample, the examples and new experiments have the same few lines."""
    pattern = (REPOSITORY / "src/labflake/starter/Makefile").read_bytes()
    folders = [REPOSITORY / PAYLOAD, *REPOSITORY.glob("examples/*")]
    found = [path for folder in folders for path in folder.glob("scripts/*/Makefile")]
    assert len(found) == 5
    assert {path.read_bytes() for path in found} == {pattern}


def test_only_four_files_are_rendered(payload: Path) -> None:
    """The patterns of cookiecutter.json leave four files to Jinja, and any new file to copying."""
    patterns = json.loads((REPOSITORY / "cookiecutter.json").read_text())["_copy_without_render"]
    names = [
        *rendering.contents(payload),
        "new.py",
        "labflake/new.py",
        "a folder/README.md",
        ".new",
    ]
    rendered = [name for name in names if not any(fnmatch(name, p) for p in patterns)]
    assert sorted(rendered) == RENDERED


def test_everything_else_is_copied(payload: Path, project: Path) -> None:
    """The other files have the bytes and permissions that they have in the template."""
    before, after = rendering.contents(payload), rendering.contents(project)
    unlike = [name for name in before if before[name] != after[name]]
    assert sorted(unlike) == RENDERED


def test_there_is_little_jinja(payload: Path) -> None:
    """The four files hold at most sixteen lines of Jinja."""
    lines = [line for name in RENDERED for line in (payload / name).read_text().splitlines()]
    assert len([line for line in lines if "{{" in line or "{%" in line]) <= 16


def test_no_jinja_is_left(project: Path) -> None:
    """A rendered file does not speak of cookiecutter's variables any more."""
    assert [n for n in RENDERED if "cookiecutter." in (project / n).read_text()] == []


def test_pyproject_has_the_answers(project: Path) -> None:
    """pyproject.toml names project, author, e-mail, description and licence."""
    found = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert found["name"] == ANSWERS["project_slug"]
    assert found["description"] == ANSWERS["description"]
    assert found["authors"] == [{"name": ANSWERS["author"], "email": ANSWERS["email"]}]
    assert found["license"] == "BSD-3-Clause"


def test_citation_has_the_answers(project: Path) -> None:
    """CITATION.cff is version 1.2.0 of its format with the required keys."""
    citation = yaml.safe_load((project / "CITATION.cff").read_text(encoding="utf-8"))
    author = {"name": ANSWERS["author"], "email": ANSWERS["email"]}
    assert citation.pop("message")
    assert citation == {
        "cff-version": "1.2.0",
        "type": "software",
        "title": ANSWERS["project_name"],
        "abstract": ANSWERS["description"],
        "authors": [author],
    }


@pytest.mark.parametrize(
    ("license", "identifier", "title", "last_words"),
    [
        ("MIT", "MIT", "MIT License", "IN THE\nSOFTWARE."),
        ("BSD-3-Clause", "BSD-3-Clause", "BSD 3-Clause License", "OF SUCH DAMAGE."),
        ("Apache-2.0", "Apache-2.0", "Apache License, Version 2.0", "under the License."),
        ("none", "LicenseRef-Proprietary", "All rights reserved", ANSWERS["author"]),
    ],
)
def test_license(
    template: Path, tmp_path: Path, license: str, identifier: str, title: str, last_words: str
) -> None:
    """Each licence comes with its own text, the author's name and its SPDX identifier."""
    project = rendering.render(template, tmp_path, ANSWERS | {"license": license})
    text = (project / "LICENSE").read_text(encoding="utf-8")
    paragraphs = text.removesuffix("\n").split("\n\n")
    assert paragraphs[:2] == [title, f"Copyright (c) {ANSWERS['author']}"]
    assert text.endswith(last_words + "\n")
    assert "" not in [paragraph.strip() for paragraph in paragraphs]
    found = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    assert found["project"]["license"] == identifier


def test_the_mit_license_is_the_one_of_this_repository(template: Path, tmp_path: Path) -> None:
    """The licence of a project under MIT differs from ours only in the name."""
    answers = {"author": "labflake contributors", "license": "MIT"}
    project = rendering.render(template, tmp_path, answers)
    assert (project / "LICENSE").read_text() == (REPOSITORY / "LICENSE").read_text()


def test_slug_is_made_from_a_name_in_any_language(template: Path, tmp_path: Path) -> None:
    """The folder's default name is the project's name in ASCII letters."""
    names = {"Größe & Gewicht": "grosse-gewicht", "数据 实验": "shu-ju-shi-yan", "🎉": "my-project"}
    made = {n: rendering.render(template, tmp_path, {"project_name": n}).name for n in names}
    assert made == names


def test_same_answers_same_bytes(template: Path, project: Path, tmp_path: Path) -> None:
    """Where a project is rendered does not show in it."""
    again = rendering.render(template, tmp_path, ANSWERS)
    assert rendering.contents(again) == rendering.contents(project)


def test_nothing_reads_the_clock(template: Path) -> None:
    """Neither the questions nor a rendered file ask for the date, a number or an address."""
    files = ["cookiecutter.json", *(f"{PAYLOAD}/{name}" for name in RENDERED)]
    words = ("{% now", "random_ascii_string", "uuid4", "_output_dir", "_repo_dir")
    assert [(f, w) for f in files for w in words if w in (template / f).read_text()] == []


def test_payload_parses_before_rendering(payload: Path) -> None:
    """Every Python, TOML, JSON and YAML file is valid as it stands in the template."""
    parsers = {
        ".py": lambda path: ast.parse(path.read_text(encoding="utf-8")),
        ".toml": lambda path: tomllib.loads(path.read_text(encoding="utf-8")),
        ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
        ".yaml": lambda path: yaml.safe_load(path.read_text(encoding="utf-8")),
    }
    parsers |= {".cff": parsers[".yaml"], ".yml": parsers[".yaml"]}
    parsed = [path for path in payload.rglob("*") if path.suffix in parsers]
    for path in parsed:
        parsers[path.suffix](path)
    tomllib.loads((payload / "poetry.lock").read_text(encoding="utf-8"))
    json.loads((payload / "flake.lock").read_text(encoding="utf-8"))
    assert len(parsed) > 20


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=["lint", "format"])
@pytest.mark.parametrize("state", ["unrendered", "rendered"])
def test_ruff_has_nothing_to_say(
    payload: Path, project: Path, command: list[str], state: str
) -> None:
    """The project's own linter and formatter leave the files alone, rendered or not."""
    folder = payload if state == "unrendered" else project
    ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "--quiet", "."]
    run = subprocess.run(ruff, cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_first_commit_holds_everything(project: Path, tree: list[str]) -> None:
    """The project is a clean git repository with one commit of all files on the branch main."""
    assert git(project, "log", "--format=%s|%an|%D") == (
        "Start the project from labflake|Test Person|HEAD -> main"
    )
    assert git(project, "ls-files", "-z").strip("\0").split("\0") == tree
    assert git(project, "status", "--porcelain", "--ignored") == ""


def test_command_line_says_what_is_next(template: Path, tree: list[str], tmp_path: Path) -> None:
    """`cookiecutter` ends with the two commands that come next, and works in a path with blanks."""
    folder = tmp_path / "my földer"
    folder.mkdir()
    run = rendering.command_line(template, folder, "project_slug=wind", PATH=path_without("nix"))
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-3:] == ["Next:", "  cd wind", "  make"]
    assert sorted(rendering.contents(folder / "wind")) == tree


def test_nix_is_proposed_where_it_is(template: Path, tmp_path: Path) -> None:
    """With Nix on the machine the second command enters its environment."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/nix").write_text("#!/bin/sh\n")
    (tmp_path / "bin/nix").chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    elsewhere = tmp_path / "else where"
    run = rendering.command_line(template, tmp_path, "--output-dir", str(elsewhere), PATH=path)
    place = f"  cd '{elsewhere}/research-project'"
    assert run.stdout.splitlines()[-3:] == ["Next:", place, "  nix develop"]


def test_questions_are_six_sentences(template: Path, tmp_path: Path) -> None:
    """Five questions and the folder's name are asked; Return takes the default shown."""
    run = rendering.command_line(template, tmp_path, typed="Snow, deep\n\n\n\n\n4\n")
    assert "[6/6]" in run.stdout
    assert "(snow-deep)" in run.stdout
    project = tomllib.loads((tmp_path / "snow-deep/pyproject.toml").read_text())["project"]
    assert project["license"] == "LicenseRef-Proprietary"


def test_hooks_know_no_network() -> None:
    """The hooks import nothing but what reads text and runs git."""
    harmless = {"collections", "json", "os", "pathlib", "re", "shlex", "shutil", "subprocess"}
    harmless |= {"sys", "unicodedata", "__future__", "importlib"}  # the version of cookiecutter
    imported = set()
    for hook in (REPOSITORY / "hooks").glob("*.py"):
        for node in ast.walk(ast.parse(hook.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            if isinstance(node, ast.ImportFrom):
                imported.add(node.module.split(".")[0])
    assert imported <= harmless


def path_without(program: str) -> str:
    """Give a PATH on which one program is not found."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(f for f in folders if not (Path(f) / program).exists())


def test_without_identity_files_are_staged(template: Path, tree: list[str], tmp_path: Path) -> None:
    """Where git knows nobody, the files are staged and the next commands are said."""
    nobody = {f"GIT_{role}_{x}": "" for role in ("AUTHOR", "COMMITTER") for x in ("NAME", "EMAIL")}
    environment = {"GIT_CONFIG_NOSYSTEM": "1", "HOME": str(tmp_path / "home")}
    run = rendering.command_line(template, tmp_path, **nobody, **environment)
    project = tmp_path / "research-project"
    assert run.returncode == 0
    assert run.stdout.startswith("The files are staged, not committed")
    assert git(project, "diff", "--cached", "--name-only", "-z").strip("\0").split("\0") == tree
    assert git(project, "symbolic-ref", "HEAD") == "refs/heads/main"


def test_without_git_there_is_a_folder(template: Path, tree: list[str], tmp_path: Path) -> None:
    """Where git is not installed, the project is made all the same, and the run says so."""
    run = rendering.command_line(template, tmp_path, PATH=str(tmp_path / "no programs"))
    assert run.returncode == 0
    assert run.stdout.startswith("git is not installed: the project has no history yet.")
    assert sorted(rendering.contents(tmp_path / "research-project")) == tree


def test_the_users_git_set_up_does_not_matter(
    template: Path, tree: list[str], tmp_path: Path
) -> None:
    """Hooks that fail, private ignore files and another default branch change nothing."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "commit-msg", "post-commit"):
        (hooks / name).write_text("#!/bin/sh\ntouch ran\nexit 1\n")
        (hooks / name).chmod(0o755)
    (tmp_path / "ignored").write_text("*.lock\n.envrc\nlab\n")
    home = tmp_path / "home"
    home.mkdir()
    settings = f"[core]\nhooksPath = {hooks}\nexcludesFile = {tmp_path / 'ignored'}\n"
    settings += "autocrlf = true\n[init]\ndefaultBranch = trunk\ntemplateDir = /nowhere\n"
    (home / ".gitconfig").write_text(settings)
    run = rendering.command_line(template, tmp_path, HOME=str(home))
    project = tmp_path / "research-project"
    assert run.stdout.startswith("The project is a git repository with one commit"), run.stdout
    assert (
        git(project, "ls-tree", "-r", "-z", "--name-only", "main").strip("\0").split("\0") == tree
    )
    assert not (project / "ran").exists()


def test_git_refuses_in_its_own_words(template: Path, tmp_path: Path) -> None:
    """If git makes no commit for another reason, the project stays and the reason is shown."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[commit]\ngpgsign = true\n[gpg]\nprogram = /nowhere/gpg\n")
    run = rendering.command_line(template, tmp_path, HOME=str(home))
    assert run.returncode == 0
    assert run.stdout.startswith("git made no commit, it says:\n")
    assert "/nowhere/gpg" in run.stdout


def test_a_surrounding_git_hook_does_not_matter(template: Path, tmp_path: Path) -> None:
    """The new repository is the project's, even when another one is in the environment."""
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    run = rendering.command_line(template, tmp_path, GIT_DIR=str(other / ".git"))
    assert run.stdout.startswith("The project is a git repository")
    assert git(tmp_path / "research-project", "rev-list", "--count", "HEAD") == "1"


def test_a_repository_that_is_there_is_left_alone(template: Path, tmp_path: Path) -> None:
    """Rendering over an existing repository commits nothing and keeps its branch."""
    project = tmp_path / "research-project"
    project.mkdir()
    (project / "mine").write_text("mine")
    rendering.commit_all(project)
    git(project, "switch", "-q", "-c", "work")
    run = rendering.command_line(template, tmp_path, "--overwrite-if-exists")
    assert run.stdout.startswith("This folder was a git repository before")
    assert git(project, "log", "--format=%s|%D") == "All|HEAD -> work, main"


@pytest.mark.long
def test_cruft_creates_and_updates(template: Path, tree: list[str], tmp_path: Path) -> None:
    """A project made by cruft is the same, and takes over what is new in the template later."""
    source = tmp_path / "the template"
    shutil.copytree(template, source)
    rendering.commit_all(source)
    cruft = [sys.executable, "-m", "cruft"]
    create = ["create", str(source), "--no-input", "--default-config"]
    subprocess.run([*cruft, *create], cwd=tmp_path, check=True, capture_output=True)
    project = tmp_path / "research-project"
    assert sorted(rendering.contents(project)) == sorted([*tree, ".cruft.json"])
    rendering.commit_all(project)
    (source / PAYLOAD / "NEW.md").write_text("{{ new }}\n")
    rendering.commit_all(source)
    update = ["update", "--skip-apply-ask"]
    subprocess.run([*cruft, *update], cwd=project, check=True, capture_output=True)
    assert git(project, "status", "--porcelain").split() == ["M", ".cruft.json", "A", "NEW.md"]
    assert (project / "NEW.md").read_text() == "{{ new }}\n"
