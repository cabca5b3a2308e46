"""Documents are exact: no stale results, no needless runs, the same bytes everywhere."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import rendering
import writing
from waiting import PATIENCE, until

REPORT = f"scripts/{writing.FEATURES}/report.md"
TALK = f"scripts/{writing.FEATURES}/2026-11-21-talk.md"
EXPERIMENT = "2026-01-01-Memory"
SOURCE = """
---
title: Memory
---

A sentence.

```python
#| label: lst:a
#| caption: A caption
import os
from pathlib import Path

from helper import VALUE

with open(os.environ["RUNS"], "a") as log:
    log.write("ran\\n")
data = Path("../../generated/2026-01-01-Memory/assets/data/data.csv").read_text()
other = Path("other.txt").read_text()
number = [1]
names = sorted(p.name for p in Path("../../generated/2026-01-01-Memory/assets/data").iterdir())
```

The data are `{python} data`.
"""


@pytest.fixture(scope="module")
def remembered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project with a small report that has been built; each test changes it a bit more."""
    project = writing.project(tmp_path_factory.mktemp("memory") / "p")
    data = project / "generated" / EXPERIMENT / "assets/data"
    data.mkdir(parents=True)
    (data / "data.csv").write_text("first")
    (project / "src" / "helper.py").write_text("VALUE = 1\n")
    source = _write(project, SOURCE)
    (source.parent / "other.txt").write_text("other")
    assert _runs(project) == 1
    return project


def _write(project: Path, text: str) -> Path:
    """Write a report whose cells are told where to note that they ran."""
    source = writing.write(project, EXPERIMENT, text)
    (source.parent / "config.yaml").write_text("environment: [RUNS]\n")
    return source


def _runs(project: Path, times: int = 1) -> int:
    """Build the report, several times in one process; return how often its cells ran."""
    log = project.parent / "runs.log"
    before = log.read_text() if log.exists() else ""
    sources = [project / "scripts" / EXPERIMENT / "report.md"] * times
    answers = writing.build(project, *sources, RUNS=str(log))
    assert [answer["error"] for answer in answers] == [None] * times
    return log.read_text().removeprefix(before).count("ran")


def _edit(path: Path, old: str, new: str) -> None:
    """Replace text in a file and keep its time."""
    stat = path.stat()
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


REUSES = {
    "nothing": (None, "", ""),
    "a sentence": (f"scripts/{EXPERIMENT}/report.md", "A sentence.", "Another sentence."),
    "a caption": (f"scripts/{EXPERIMENT}/report.md", "A caption", "Another caption"),
    "the title": (f"scripts/{EXPERIMENT}/report.md", "title: Memory", "title: Other"),
    "a comment in the lock": ("poetry.lock", "[metadata]", "[metadata]  # comment"),
}
RERUNS = {
    "a cell": (f"scripts/{EXPERIMENT}/report.md", "[1]", "[2]"),
    "an expression": (f"scripts/{EXPERIMENT}/report.md", "{python} data`", "{python} data[:9]`"),
    "data": (f"generated/{EXPERIMENT}/assets/data/data.csv", "first", "other"),
    "another file that is read": (f"scripts/{EXPERIMENT}/other.txt", "other", "OTHER"),
    "a module": ("src/helper.py", "1", "2"),
}


@pytest.mark.long
@pytest.mark.parametrize("change", REUSES)
def test_cells_do_not_run_again(change: str, remembered: Path) -> None:
    """A change that cannot change results runs no cell."""
    path, old, new = REUSES[change]
    if path:
        _edit(remembered / path, old, new)
    assert _runs(remembered) == 0


@pytest.mark.long
@pytest.mark.parametrize("change", RERUNS)
def test_cells_run_again(change: str, remembered: Path) -> None:
    """A change of code or of anything that cells read runs them, even with an old time."""
    path, old, new = RERUNS[change]
    _edit(remembered / path, old, new)
    assert _runs(remembered, times=2) == 1


@pytest.mark.long
def test_new_data_are_shown(remembered: Path) -> None:
    """The text has the numbers of the data that are there now."""
    data = remembered / f"generated/{EXPERIMENT}/assets/data/data.csv"
    before = data.read_text()
    data.write_text("newest")
    assert _runs(remembered) == 1
    notebook = remembered / f"generated/{EXPERIMENT}/assets/report/report.ipynb"
    assert "The data are newest." in nbformat.read(notebook, as_version=4).cells[-1].source
    data.write_text(before)
    assert _runs(remembered) == 1


@pytest.mark.long
def test_a_new_file_in_a_folder_that_cells_list(remembered: Path) -> None:
    """Cells that list a folder run again when a file appears there, and the folder is reported."""
    folder = remembered / f"generated/{EXPERIMENT}/assets/data"
    (folder / "new.csv").write_text("new")
    assert _runs(remembered) == 1
    source = remembered / "scripts" / EXPERIMENT / "report.md"
    (answer,) = writing.build(remembered, source, RUNS=os.devnull)
    assert str(folder) in answer["listed"]


@pytest.mark.long
def test_cells_that_start_programs_always_run(tmp_path: Path) -> None:
    """What another program reads is not known, so that the cells run every time."""
    project = writing.project(tmp_path / "p")
    text = """
    ---
    title: T
    ---

    ```python
    import os, subprocess

    with open(os.environ["RUNS"], "a") as log:
        log.write("ran\\n")
    print(subprocess.run(["echo", "hello"], capture_output=True, text=True).stdout)
    ```
    """
    _write(project, text)
    assert _runs(project, times=3) == 3


OTHER = {
    "TZ": "Pacific/Kiritimati",
    "LANG": "tr_TR.UTF-8",
    "LC_ALL": "de_DE.UTF-8",
    "PYTHONHASHSEED": "123",
    "COLUMNS": "37",
    "OMP_NUM_THREADS": "3",
    "MPLBACKEND": "pdf",
    "SOURCE_DATE_EPOCH": "1700000000",
    "USER": "somebody",
}


@pytest.mark.long
def test_bytes_do_not_depend_on_the_machine(tmp_path: Path) -> None:
    """Folder, home, its settings, time zone, locale, hash seed and threads change no byte."""
    first, second = writing.features(tmp_path / "p"), writing.features(tmp_path / "ä b/c/longer")
    home = tmp_path / "home"
    _write_settings(home)
    writing.build(first, first / REPORT, first / TALK)
    sources = [second / TALK, second / REPORT]
    writing.build(second, *sources, cwd=tmp_path, HOME=str(home), **OTHER)
    assert list(_artifacts(first)) == list(_artifacts(second))
    assert _artifacts(first) == _artifacts(second)
    assert len(_artifacts(first)) >= 9


def _write_settings(home: Path) -> None:
    """Write the settings of a person that must not reach the results."""
    for name, text in {
        ".config/matplotlib/matplotlibrc": "lines.linewidth: 9\nsvg.fonttype: none\n",
        ".ipython/profile_default/startup/a.py": "raise SystemExit('startup')\n",
        ".ipython/profile_default/ipython_config.py": "c.InlineBackend.figure_formats = {'png'}\n",
        ".local/share/jupyter/kernels/python3/kernel.json": '{"argv": ["false"], "language": ""}',
        ".jupyter/jupyter_config.py": "raise SystemExit('config')\n",
        ".local/share/pandoc/templates/default.html5": "no\n",
    }.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)


def _artifacts(project: Path) -> dict[str, bytes]:
    """Read all files that documents left, but for links to fonts and the notes of the equipment."""
    generated = project / "generated" / writing.FEATURES
    paths = [*generated.glob("outputs/*"), *generated.glob("assets/report/**/*")]
    paths += generated.glob("assets/2026-11-21-talk/**/*")
    files = sorted(p for p in paths if p.is_file() and not p.is_symlink())
    return {str(p.relative_to(project)): p.read_bytes() for p in files}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a project under git with two small reports."""
    project = writing.project(tmp_path / "p")
    for name in (EXPERIMENT, "2026-01-02-Other"):
        writing.write(project, name, "---\ntitle: T\n---\n\nText.\n")
    (project / ".gitignore").write_text("generated/\n__pycache__/\n")
    rendering.commit_all(project)
    return project


def _pdf(project: Path) -> bytes:
    writing.build(project, project / "scripts" / EXPERIMENT / "report.md")
    return (writing.outputs(project, EXPERIMENT) / "report.pdf").read_bytes()


def _origin(project: Path) -> dict:
    import json

    _pdf(project)
    path = writing.outputs(project, EXPERIMENT) / "report.provenance.json"
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.long
def test_provenance_names_the_commit(repository: Path) -> None:
    """A clean tree gives its commit, and the same bytes in a clone at another time."""
    commit = rendering.git(repository, "rev-parse", "HEAD")
    origin = _origin(repository)
    assert (origin["commit"], origin["uncommitted"]) == (commit, [])
    assert origin["rebuild"].startswith(f"git checkout {commit[:12]} && make ")
    clone = repository.parent / "clone"
    rendering.git(repository, "clone", "-q", str(repository), str(clone))
    assert _pdf(repository) == _pdf(clone)


def test_provenance_says_what_is_not_committed(repository: Path) -> None:
    """Changed and new files of the experiment, of src and of the locks are named."""
    (repository / "src" / "new.py").write_text("")
    (repository / "scripts" / EXPERIMENT / "fit ä.py").write_text("")
    (repository / "scripts" / "2026-01-02-Other" / "fit.py").write_text("")
    assert _origin(repository)["uncommitted"] == [f"scripts/{EXPERIMENT}/fit ä.py", "src/new.py"]


@pytest.mark.long
def test_commits_of_other_experiments_change_nothing(repository: Path) -> None:
    """The report of one experiment keeps its bytes when another one is worked on."""
    before = _pdf(repository)
    (repository / "scripts" / "2026-01-02-Other" / "fit.py").write_text("")
    rendering.commit_all(repository, "Other")
    assert _pdf(repository) == before


@pytest.mark.parametrize("source", [REPORT, TALK])
def test_jupyter_leaves_the_source_as_it_is(source: str, tmp_path: Path) -> None:
    """Opening a document as a notebook, running and saving it does not change a byte."""
    import jupytext
    from jupytext.config import load_jupytext_config

    project = writing.features(tmp_path / "p")
    path = project / source
    config = load_jupytext_config(str(path))
    notebook = jupytext.read(path, config=config)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "P", "language": "python"}
    notebook.metadata["language_info"] = {"name": "python", "version": "3.12.1"}
    for number, cell in enumerate(c for c in notebook.cells if c.cell_type == "code"):
        cell.execution_count = number
        cell.metadata["execution"] = {"iopub.execute_input": "now"}
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text="out")]
    written = jupytext.writes(notebook, fmt="md", config=config)
    assert written == path.read_text(encoding="utf-8")


def test_the_sample_survives_jupyter(tmp_path: Path) -> None:
    """The documents of the sample experiment survive a round trip, too."""
    import jupytext
    from jupytext.config import load_jupytext_config

    payload = rendering.REPOSITORY / rendering.PAYLOAD
    documents = [*payload.glob("scripts/*/*.md")]
    assert documents
    for path in documents:
        config = load_jupytext_config(str(path))
        text = jupytext.writes(jupytext.read(path, config=config), fmt="md", config=config)
        assert text == path.read_text(encoding="utf-8")


@pytest.mark.long
def test_make_notebook_gives_the_same_notebook(tmp_path: Path) -> None:
    """`python -m labflake notebook` runs the cells; the notebook has always the same bytes."""
    project = writing.features(tmp_path / "p")
    path = project / f"generated/{writing.FEATURES}/assets/report/report.ipynb"
    command = [
        sys.executable,
        "-c",
        f"from labflake.commands.notebook import main; main([{REPORT!r}])",
    ]
    env = writing.environment(project)
    contents = []
    for _ in range(2):
        shutil.rmtree(path.parent, ignore_errors=True)
        shutil.rmtree(project / f"generated/{writing.FEATURES}/.labflake", ignore_errors=True)
        done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)
        assert done.stdout.splitlines()[-1] == str(path.relative_to(project)), done.stderr
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]


def test_an_interrupted_build_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C ends the build and its kernel, and leaves no output."""
    project = writing.project(tmp_path / "p")
    text = """
    ---
    title: T
    ---

    ```python
    import os, time

    open(os.environ["RUNS"], "w").write(str(os.getpid()))
    time.sleep(300)
    ```
    """
    source, note = _write(project, text), tmp_path / "pid"
    command = [sys.executable, str(writing.DOCUMENTS / "build.py"), str(source)]
    env = writing.environment(project, RUNS=str(note))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=project, env=env, **quiet)
    until(lambda: note.exists() and note.read_text() != "")
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) != 0
    until(lambda: not Path(f"/proc/{note.read_text()}").exists())
    assert not any(writing.outputs(project, EXPERIMENT).glob("*"))
