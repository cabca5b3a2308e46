"""A module that an `import` does not find: the error ends with the command that brings it."""

from pathlib import Path

import building
import pytest
from building import TINY

SNAKEFILE = """
    from labflake import code, step

    rule all:
        input: "assets/data/fit.txt"

    rule fit:
        input: code=code("fit.py")
        output: "assets/data/fit.txt"
        shell: step("python {input.code[0]} {output}")
"""
REPORT = """
    ---
    title: Tiny
    ---

    ```python
    import cv2
    ```
"""


@pytest.fixture
def tiny(built: Path, tmp_path: Path) -> Path:
    """Copy the built project without its sample's results."""
    return building.copy(built, tmp_path / "tiny", generated=False)


def last_line(project: Path, *words: str) -> str:
    """Run make, expect a failure, and return the last line that is not make's own."""
    done = building.make(project, *words, EXPERIMENT=TINY)
    assert done.returncode != 0
    printed = done.stdout if "test" in words else done.stderr
    lines = [line for line in printed.splitlines() if line.strip()]
    return [line for line in lines if not line.startswith("make:")][-1].strip()


def test_a_step_that_lacks_a_package_names_the_command(tiny: Path) -> None:
    """The name to install stands there, not the name to import."""
    building.experiment(tiny, TINY, Snakefile=SNAKEFILE, fit_py="import skimage.filters\n")
    wanted = "it is not installed here: make add PACKAGE=scikit-image"
    assert last_line(tiny) == wanted
    place = tiny / "scripts" / TINY / "fit.py"
    assert f'File "{place}", line 1' in building.make(tiny, EXPERIMENT=TINY).stderr


@pytest.mark.long
def test_a_cell_that_lacks_a_package_names_the_command(tiny: Path) -> None:
    """A cell of a report tells the same as a step."""
    done = "from pathlib import Path; import sys; Path(sys.argv[1]).write_text('1')\n"
    building.experiment(tiny, TINY, Snakefile=SNAKEFILE, fit_py=done, report_md=REPORT)
    wanted = "it is not installed here: make add PACKAGE=opencv-python-headless"
    assert last_line(tiny) == wanted


@pytest.mark.long
def test_a_test_that_lacks_a_package_names_the_command(tiny: Path) -> None:
    """`make test` ends with it, too."""
    (tiny / "tests" / "test_new.py").write_text('"""New."""\n\nimport seaborn  # noqa\n')
    assert last_line(tiny, "test") == "it is not installed here: make add PACKAGE=seaborn"


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("duckdb", "duckdb is in an optional group: make env WITH=database"),
        ("study.nothing", ""),
        ("helper_of_the_experiment", ""),
        ("sklearn.nothing", ""),
        ("winreg", ""),
    ],
)
def test_only_packages_that_lack_are_named(tiny: Path, module: str, expected: str) -> None:
    """Our own modules, Python's and those of packages that are there are no packages to add."""
    building.experiment(tiny, TINY, helper_of_the_experiment_py="")
    helper = tiny / "scripts" / TINY / "helper_of_the_experiment.py"
    helper.write_text("", encoding="utf-8")
    said = f"ModuleNotFoundError: No module named '{module}'"
    code = f"from labflake.environment import missing; print(missing.advice({said!r}, {TINY!r}))"
    assert building.run_python(tiny, code, tiny).strip() == expected
