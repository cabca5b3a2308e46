"""Projects that had the equipment in `lab/` become ones of today, and lose nothing."""

import shutil
import subprocess
from pathlib import Path

import building
import pytest
import rendering
from building import TINY
from rendering import ANSWERS, REPOSITORY, git

from labflake.environment import former

LAST = "1973c379b06e014308a8d799c18ef62e3abe3182"  # the last commit with the equipment in lab/


@pytest.mark.parametrize(
    ("then", "today"),
    [
        ("from lab import load, save", "from labflake import load, save"),
        ("from lab import (\n    load,\n)", "from labflake import (\n    load,\n)"),
        ("from lab.files import load", "from labflake.io.files import load"),
        ("try: from lab import load", "try: from labflake import load"),
        ("import lab", "import labflake as lab"),
        ("import lab as tools", "import labflake as tools"),
        ("import os, lab", "import os, labflake as lab"),
        ("import lab.files", "import labflake.io.files, labflake as lab"),
        ("import lab.files as f", "import labflake.io.files as f"),
        (
            "shell: step(\"python -c 'import lab'\")",
            "shell: step(\"python -c 'import labflake as lab'\")",
        ),
        ("import_module('lab.files')", "import_module('labflake.io.files')"),
        ("python -m lab plan", "python -m labflake plan"),
        ('[python, "-m", "lab", "plan"]', '[python, "-m", "labflake", "plan"]'),
    ],
)
def test_programs_know_the_equipment_by_its_name_of_today(then: str, today: str) -> None:
    """Every way to import or start the equipment is renamed; the rest of a line stays."""
    for name in ("scripts/x/fit.py", "scripts/x/Snakefile", "scripts/x/rules.smk"):
        assert former.renamed(f"a = 1\n{then}\n", name) == f"a = 1\n{today}\n"
    cell = "We import lab data.\n\n```python\n{}\n```\n\nfrom lab import meat\n"
    assert former.renamed(cell.format(then), "scripts/x/report.md") == cell.format(today)


@pytest.mark.parametrize(
    "text",
    [
        "from labels import load",
        "import label, lab_tools",
        "from . import lab",
        "from .lab import load",
        "from study import lab",
        "lab = 3",
        "open('lab.csv')",
        "grep -m lab-book",
    ],
)
def test_what_is_called_alike_stays(text: str) -> None:
    """Other names that hold the word are left alone."""
    assert former.renamed(text, "a.py") == text


def test_a_module_of_ones_own_keeps_its_name() -> None:
    """Where a person has a module `lab`, only what the equipment offered is renamed."""
    text = "import lab\nfrom lab import load, save\nfrom lab import mine\nfrom lab.mine import f\n"
    expected = text.replace("from lab import load", "from labflake import load")
    assert former.renamed(text, "a.py", own=True) == expected


def test_only_what_names_the_equipment_is_written(tmp_path: Path) -> None:
    """Modes, line ends, links and files of other kinds stay; notes of the old equipment go."""
    files = {
        "pyproject.toml": b'[tool.lab]\npython = "3.11"\n',
        "scripts/x/fit.py": b"import lab\r\n",
        "scripts/x/run.sh": b"python -m lab plan\n",
        "scripts/x/latin.py": b"# \xe9\nimport lab\n",
        "scripts/x/table.bin": b"import lab\0",
        "notes.txt": b"import lab\n",
        "vendor/labflake/x.py": b"import lab\n",
        "generated/x/.lab/manifest.json": b"{}",
        "generated/x/assets/data/a.csv": b"import lab\n",
        "lab/__pycache__/errors.pyc": b"",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "scripts/x/run.sh").chmod(0o755)
    (tmp_path / "scripts/x/link.py").symlink_to("fit.py")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    said = former.bring_up_to_date(tmp_path)
    assert "pyproject.toml, scripts/x/fit.py, scripts/x/latin.py, scripts/x/run.sh" in said[0]
    expected = files | {
        "pyproject.toml": b'[tool.labflake]\npython = "3.11"\n',
        "scripts/x/fit.py": b"import labflake as lab\r\n",
        "scripts/x/latin.py": b"# \xe9\nimport labflake as lab\n",
        "scripts/x/run.sh": b"python -m labflake plan\n",
    }
    gone = {"generated/x/.lab/manifest.json", "lab/__pycache__/errors.pyc"}
    there = {n: (tmp_path / n).read_bytes() for n in files if (tmp_path / n).exists()}
    assert there == {n: content for n, content in expected.items() if n not in gone}
    assert (tmp_path / "scripts/x/run.sh").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "scripts/x/link.py").is_symlink()
    assert not (tmp_path / "lab").exists()
    assert former.bring_up_to_date(tmp_path) == []


SNAKEFILE = """
    from lab import code, step

    rule all:
        input: "assets/data/out.csv", "assets/data/again.txt",

    rule make:
        input: code=code("make.py")
        output: "assets/data/out.csv"
        shell: step("python {input.code[0]} {output}")

    rule again:
        input: "assets/data/out.csv"
        output: "assets/data/again.txt"
        shell: step("python -c 'from lab import load; print(len(load(\\"{input}\\")))' > {output}")
"""
MAKE = """
    import sys

    import lab
    import pandas

    lab.save(pandas.DataFrame({"a": [1, 2]}), sys.argv[1])
"""
REPORT = """
    ---
    title: Mine
    ---

    ```python
    from lab import load

    print(len(load("out.csv")))
    ```
"""


@pytest.fixture
def repository(template: Path, tmp_path: Path) -> Path:
    """Make a repository of the template: the last version with `lab/`, and the one of today."""
    folder = tmp_path / "labflake"
    folder.mkdir()
    packed = subprocess.run(["git", "archive", LAST], cwd=REPOSITORY, capture_output=True)
    if packed.returncode:
        pytest.skip("this clone has no history")
    subprocess.run(["tar", "x"], cwd=folder, input=packed.stdout, check=True)
    rendering.commit_all(folder, "lab/")
    git(folder, "rm", "-q", "-r", ".")
    shutil.copytree(template, folder, dirs_exist_ok=True)
    rendering.commit_all(folder, "The package")
    return folder


@pytest.mark.long
def test_a_project_with_its_equipment_in_lab_is_updated(
    repository: Path, template: Path, tmp_path: Path
) -> None:
    """`make update-template`, then `make`: the files of a new project, and one's own results."""
    old = tmp_path / "old"
    git(repository, "clone", "-q", str(repository), str(old))
    git(old, "checkout", "-q", "HEAD~1")
    project = rendering.render(old, tmp_path / "a prøject", ANSWERS)
    mine = {"Snakefile": SNAKEFILE, "make_py": MAKE, "report_md": REPORT, "hashes_txt": ""}
    generated = building.experiment(project, TINY, **mine)
    git(project, "add", "--all")
    git(project, "commit", "-q", "-m", "Mine")
    variables = {"EXPERIMENT": TINY, "CACHE": str(tmp_path / "cache")}
    building.made(project, **variables)
    before = results(generated)
    building.made(project, "update-template", TEMPLATE=str(repository))
    printed = building.made(project, **variables)
    assert f"renamed in scripts/{TINY}/Snakefile" in printed
    assert results(generated) == before
    assert not (project / "lab").exists()
    assert not (generated / ".lab").exists()
    assert former.bring_up_to_date(project) == []
    new = rendering.render(template, tmp_path / "new", ANSWERS)
    assert sources(project) == sources(new)


@pytest.mark.long
def test_old_programs_that_come_later_are_renamed_when_asked(built: Path, tmp_path: Path) -> None:
    """An experiment of an old branch fails with what to do, and `make env` does it."""
    project = building.copy(built, tmp_path / "project", generated=False)
    building.experiment(project, TINY, Snakefile=SNAKEFILE, make_py=MAKE, hashes_txt="")
    done = building.make(project, EXPERIMENT=TINY)
    assert done.returncode != 0
    assert "make env" in done.stderr
    assert f"renamed in scripts/{TINY}/Snakefile" in building.made(project, "env")
    building.made(project, EXPERIMENT=TINY)


def results(generated: Path) -> dict[str, bytes]:
    """Return the data of an experiment; its documents name the commit, which is another one."""
    assert (generated / "outputs" / "report.pdf").exists()
    return {path.name: path.read_bytes() for path in (generated / "assets/data").iterdir()}


def sources(project: Path) -> set[tuple[str, bytes]]:
    """Return the files of a project that come from the template."""
    names = rendering.tracked(project)
    theirs = [n for n in names if TINY not in n and n != ".cruft.json"]
    return {(name, (project / name).read_bytes()) for name in theirs}
