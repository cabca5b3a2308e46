"""A document that is wrong says what, where, and leaves no output behind."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import writing
from documents.broken import CODE, STATIC, Broken
from nbclient import NotebookClient
from nbformat import v4

from labflake.documents import cell_errors
from labflake.documents.source import Cell, Source

_CASES = CODE | STATIC


def _experiment(name: str) -> str:
    return f"2026-01-01-Broken-{list(_CASES).index(name)}"


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """Build all broken documents in two processes, over outputs of an earlier build."""
    project = writing.project(tmp_path_factory.mktemp("broken") / "a pröject")
    sources = {name: _prepared(project, name, case) for name, case in _CASES.items()}
    halves = [list(sources.values())[i::2] for i in range(2)]
    with ThreadPoolExecutor(2) as pool:
        built = [a for part in pool.map(lambda h: writing.build(project, *h), halves) for a in part]
    return {name: next(a for a in built if a["source"] == str(p)) for name, p in sources.items()}


def _prepared(project: Path, name: str, case: Broken) -> Path:
    path = writing.write(project, _experiment(name), case.text, case.name)
    if name == "not UTF-8":
        path.write_bytes(b"---\ntitle: \xe9\n---\n")
    (path.parent / "broken.bib").write_text("@article{a, title = {never closed\n")
    old = writing.outputs(project, _experiment(name))
    old.mkdir(parents=True)
    for end in (".pdf", ".html", "-notes.pdf", ".provenance.json"):
        (old / (path.stem + end)).write_text("old")
    return path


@pytest.mark.parametrize("name", _CASES)
def test_a_broken_document_is_refused_with_its_line(name: str, answers: dict[str, dict]) -> None:
    """The message begins with the file and the line, and names what is wrong."""
    case, answer = _CASES[name], answers[name]
    place = f"scripts/{_experiment(name)}/{case.name}:{case.line}: "
    assert answer["error"], "it was built"
    assert any(line.startswith(place) for line in answer["error"].splitlines()), answer["error"]
    assert case.word in answer["error"]


@pytest.mark.parametrize("name", _CASES)
def test_a_broken_document_leaves_nothing(name: str, answers: dict[str, dict]) -> None:
    """Neither old nor new outputs are there, so that nobody takes them for current."""
    assert answers[name]["outputs"] == []


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    """An author sees all problems of the same kind in one go, in the order of lines."""
    project = writing.project(tmp_path / "p")
    text = "---\ntitle: T\n---\n\nSee @fig:a.\n\n![C](a.svg)\n\n![D](b.svg)\n\n```python\n(\n```\n"
    source = writing.write(project, "2026-01-01-Many", text)
    (answer,) = writing.build(project, source)
    lines = [line for line in answer["error"].splitlines() if line.startswith("scripts/")]
    assert [int(line.split(":")[1]) for line in lines] == [7, 9, 12]


@pytest.mark.long
def test_the_notebook_of_a_failed_document_shows_the_error(tmp_path: Path) -> None:
    """The executed notebook stays, with the traceback in the cell that failed."""
    import nbformat

    project = writing.project(tmp_path / "p")
    text = "---\ntitle: T\n---\n\n```python\nprint('before')\n```\n\n```python\n1 / 0\n```\n"
    writing.build(project, writing.write(project, "2026-01-01-Failed", text))
    path = project / "generated/2026-01-01-Failed/assets/report/report.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    outputs = [c.outputs[0].output_type for c in cells if c.cell_type == "code"]
    assert outputs == ["stream", "error"]


@pytest.fixture(scope="module")
def command_line(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of a built project with a report that fails."""
    import building

    project = building.copy(built, tmp_path_factory.mktemp("copy") / "p")
    writing.write(project, "2026-01-01-Broken", "---\ntitle: T\n---\n\nSee @fig:none.\n")
    return project


@pytest.mark.long
def test_the_command_fails_without_a_traceback(command_line: Path) -> None:
    """`python -m labflake document` ends with exit code 1 and one message on standard error."""
    import subprocess

    python = command_line / ".venv" / "bin" / "python"
    source = "scripts/2026-01-01-Broken/report.md"
    command = [python, "-m", "labflake", "document", source]
    done = subprocess.run(command, cwd=command_line, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {source}:5: unknown reference @fig:none")
    assert "Traceback" not in done.stderr


def test_an_error_that_a_person_can_act_on_has_no_kind() -> None:
    """What labflake refuses in a cell is said as it is; other exceptions say their kind."""
    assert cell_errors.message("LabError", "there is no 'fit'") == "there is no 'fit'"
    assert cell_errors.message("KeyError", "'fit'") == "KeyError: 'fit'"


RAISING = {  # code, and the line in it from which the exception comes
    "x = 1\n{}['a']": 2,
    "import pandas as pd\n\npd.Series([1])[1]": 3,  # raised from another one, in pandas
    "def f():\n    return 1 / 0\n\nf()": 4,
    "f()": 1,  # of an earlier cell
    "try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise KeyError('a')": 4,
    "x = 1\ny = )": 2,
    "import json\n\n\njson.loads('{')": 4,
}


def test_an_exception_has_the_line_of_the_cell() -> None:
    """Whatever libraries lie between, and whatever it was raised from, the line is the cell's."""
    notebook = v4.new_notebook(cells=[v4.new_code_cell(code) for code in RAISING])
    NotebookClient(notebook, allow_errors=True).execute()
    lines = {}
    for code, cell in zip(RAISING, notebook.cells, strict=True):
        source = Source(Path("report.md"), "", {}, [Cell("code", code, 11)])
        lines[code] = cell_errors.failure(source, v4.new_notebook(cells=[cell])).line - 10
    assert lines == RAISING
