"""Load and save: by name, by path, by format, always the same bytes."""

import importlib
import json
import os

import data_projects
import matplotlib
import numpy as np
import pandas as pd
import pytest

from labflake.errors import LabError
from labflake.io import files, formats

FRAME = pd.DataFrame({"n": [1, 2, 3], "x": [0.1, 1 / 3, np.nan], "s": ["a", 'é\n"q"', "c,d"]})


class Place:
    """Stands for an experiment whose generated folder is a temporary one."""

    def __init__(self, folder):
        self.generated = folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "assets/data").mkdir(parents=True)
    monkeypatch.setattr(files, "here", lambda: Place(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def figure():
    """Return a figure with what usually makes SVG differ: a clip path and a date."""
    matplotlib.use("agg")
    from matplotlib.figure import Figure

    fig = Figure()
    fig.subplots().plot([1, 2], [3, 4])
    return fig


def model():
    """Return a fitted pipeline of scikit-learn."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x = np.random.default_rng(0).random((50, 3))
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(x, x[:, 0] > 0.5)


VALUES = {
    "csv": lambda: FRAME,
    "json": lambda: {"b": [1, 0.1], "a": None},
    "npy": lambda: np.arange(6.0).reshape(2, 3),
    "npz": lambda: {"b": np.arange(3), "a": np.eye(2)},
    "svg": figure,
    "pdf": figure,
    "png": figure,
    "skops": model,
    "parquet": lambda: FRAME,
}


def need(suffix):
    """Skip where the optional package of a format is not installed."""
    package = {"skops": "skops", "parquet": "pyarrow"}.get(suffix)
    if package:
        pytest.importorskip(package)


@pytest.mark.long
@pytest.mark.parametrize("suffix", VALUES)
def test_same_value_same_bytes(here, suffix, monkeypatch):
    """A value saved twice, at different times, gives the same bytes."""
    need(suffix)
    first = files.save(VALUES[suffix](), here / f"one.{suffix}").read_bytes()
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    keep = [object() for _ in range(1000)]
    second = files.save(VALUES[suffix](), here / f"two.{suffix}").read_bytes()
    assert (len(keep), first) == (1000, second)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_tables_come_back(here, suffix):
    """A table that was saved is loaded with equal values."""
    need(suffix)
    files.save(FRAME, "table", format=suffix)
    pd.testing.assert_frame_equal(files.load("table"), FRAME)


def test_csv_text(here):
    """CSV has line feeds, shortest round-trip floats and no leftover index."""
    path = files.save(FRAME[["n", "x"]].iloc[::-1], "table")
    assert path.read_bytes() == b"n,x\n3,\n2,0.3333333333333333\n1,0.1\n"


def test_csv_is_exact(here):
    """Floats of any size come back bit by bit."""
    bits = np.random.default_rng(0).bytes(8 * 10_000)
    floats = np.frombuffer(bits, dtype="f8")
    frame = pd.DataFrame({"x": floats[np.isfinite(floats)]})
    files.save(frame, "table")
    assert files.load("table").x.tolist() == frame.x.tolist()


def test_csv_keeps_an_index_that_means_something(here):
    """A named index becomes a column."""
    frame = pd.DataFrame({"x": [1, 2]}, index=pd.Index(["p", "q"], name="who"))
    assert files.save(frame, "table").read_text() == "who,x\np,1\nq,2\n"


def test_json_is_sorted_and_plain(here):
    """NumPy values are written as plain numbers, keys sorted, a newline at the end."""
    path = files.save({"b": np.float64(0.1), "a": np.arange(2)}, "m")
    assert path.read_text() == '{\n  "a": [\n    0,\n    1\n  ],\n  "b": 0.1\n}\n'
    assert files.load("m") == {"a": [0, 1], "b": 0.1}


def test_arrays_come_back(here):
    """Arrays are loaded as they were saved, with their types."""
    files.save(np.arange(6, dtype="i2"), "one")
    files.save({"a": np.eye(2), "b": np.array(["x"])}, "two")
    assert files.load("one").dtype == np.int16
    assert sorted(files.load("two")) == ["a", "b"]


@pytest.mark.long
@pytest.mark.parametrize(
    "kind",
    [
        "linear_model.LogisticRegression",
        "ensemble.RandomForestClassifier",
        "ensemble.HistGradientBoostingClassifier",
        "gaussian_process.GaussianProcessClassifier",
        "neighbors.KNeighborsClassifier",
        "neural_network.MLPClassifier",
    ],
)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_model_comes_back(here, kind):
    """A model predicts after loading what it predicted before, and has the same bytes again."""
    need("skops")
    module, _, name = kind.partition(".")
    made = getattr(importlib.import_module(f"sklearn.{module}"), name)()
    random = np.random.default_rng(1)
    x = random.random((60, 3))
    fitted = made.fit(x, x[:, 0] > 0.5)
    files.save(fitted, "fit")
    loaded = files.load("fit")
    assert np.array_equal(loaded.predict_proba(x), fitted.predict_proba(x))
    assert files.save(loaded, "again").read_bytes() == files.save(fitted, "fit").read_bytes()


def test_model_with_foreign_code_is_refused(here):
    """What a model calls has to be of scikit-learn, of what it builds on, or of the project."""
    need("skops")
    from sklearn.preprocessing import FunctionTransformer

    for function in (eval, os.system, np.f2py.run_main):
        files.save(FunctionTransformer(function), "fit")
        with pytest.raises(LabError, match="could run any code"):
            files.load("fit")


def test_figures_go_to_figures(here):
    """A bare name of a figure is a file in assets/figures."""
    assert files.save(figure(), "plot1") == here / "assets/figures/plot1.svg"
    assert files.load(here / "assets/figures/plot1.svg").startswith("<?xml")


@pytest.mark.parametrize(
    ("value", "name", "words"),
    [
        (object(), "m.json", "cannot be JSON"),
        ({"x": float("nan")}, "m.json", "cannot be JSON"),
        (FRAME, "m.json", "csv or parquet"),
        ([1], "m.csv", "hold tables"),
        ({}, "m.pkl", "pickle"),
        ({}, "m.joblib", ".skops"),
        ({}, "dir/m.xyz", "no known format"),
        (np.array([object()]), "m.npy", "without pickle"),
        (np.ma.array([1, 2], mask=[0, 1]), "m.npy", "has a mask"),
        ({"a": np.ma.array([1, 2], mask=[0, 1])}, "m.npz", "has a mask"),
        (3, "m.npz", "dictionary of arrays"),
        (3, "m.svg", "matplotlib figures"),
    ],
)
def test_refusals_leave_nothing(here, value, name, words):
    """What cannot be saved is refused in words, and no file is left behind."""
    with pytest.raises(LabError, match=words):
        files.save(value, name)
    assert [p for p in here.rglob("*") if p.is_file()] == []


def test_failure_keeps_the_old_file(here):
    """A save that fails leaves the earlier file as it was."""
    files.save({"a": 1}, "m")
    with pytest.raises(LabError):
        files.save({"a": object()}, "m")
    assert files.load("m") == {"a": 1}


def test_several_files_of_one_name(here):
    """A name that two files have is refused, with the candidates; a format decides."""
    files.save(FRAME, "results")
    files.save({"a": 1}, "results")
    with pytest.raises(LabError, match=r"results\.csv, results\.json"):
        files.load("results")
    assert files.load("results", "json") == files.load("results.json") == {"a": 1}


def test_no_file_of_this_name(here):
    """A name that no file has is refused, with close names."""
    files.save(FRAME, "results")
    with pytest.raises(LabError, match=r"there: results\.csv"):
        files.load("result")
    for name in "abcdef":
        files.save(FRAME, name)
    with pytest.raises(LabError, match=r"there: .* and \d more$"):
        files.load("summary")
    with pytest.raises(LabError, match="there is no file"):
        files.load("sub/x.csv")


def test_variants(here):
    """All variants come as one frame, ordered by their parameters."""
    for seed in (10, 9):
        for alpha in (0.5, 0.1):
            name = f"results.alpha={alpha},seed={seed}"
            files.save(pd.DataFrame({"score": [seed * alpha]}), name)
    files.save(FRAME, "results")
    both = files.load_all("results")
    assert list(both) == ["alpha", "seed", "score"]
    assert both.values.tolist() == [[0.1, 9, 0.9], [0.1, 10, 1.0], [0.5, 9, 4.5], [0.5, 10, 5.0]]


def test_variants_of_metrics(here):
    """A variant that is JSON is one row; a column may repeat a parameter, not contradict it."""
    files.save({"score": 1, "seed": 3}, "m.seed=3,kind=lasso")
    assert files.load_all("m").to_dict("records") == [{"seed": 3, "kind": "lasso", "score": 1}]
    files.save({"score": 1, "seed": 5}, "m.seed=4,kind=lasso")
    with pytest.raises(LabError, match=r"contradicts its name\n  4 in the name, 5 in the"):
        files.load_all("m")


@pytest.mark.parametrize("name", ["fit.model=ridge.alpha=0.1", "fit.model=ridge,alpha=0.1"])
def test_a_point_parts_parameters_too(here, name):
    """A parameter begins after a comma or a point; a point in a number begins none."""
    files.save({"score": 2}, name)
    assert files.load_all("fit").to_dict("records") == [
        {"model": "ridge", "alpha": 0.1, "score": 2}
    ]


def test_a_parameter_that_only_python_reads_as_a_number_is_text(here):
    """`2024_01` in a file name is the name of a run, not 202401."""
    files.save({"score": 2}, "fit.run=2024_01")
    assert files.load_all("fit")["run"].tolist() == ["2024_01"]


def test_a_file_of_another_kind_is_told_as_such(here):
    """`out.txt` is there, and `load` reads no text: so it says which it reads, and the way."""
    (here / "assets/data/out.txt").write_text("1")
    with pytest.raises(LabError, match=r"out.txt is of no kind that `load` reads\n.* csv, .*open"):
        files.load("out")
    files.save({"a": 1}, "fit.alpha=1")
    for name, kind in (("fit", None), ("fit", "csv")):
        with pytest.raises(LabError, match=r"there is no 'fit'"):
            files.load(name, kind)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["007", "012"], ["007", "012"]),
        (["1e5", "A12"], ["1e5", "A12"]),
        (["12", "nan", "Na"], ["12", "Na", "nan"]),
        (["true", "unknown"], ["true", "unknown"]),
        (["Infinity", "+1"], ["+1", "Infinity"]),
        (["10", "9.5", "1e-05", "-1", "inf"], [-1, 1e-05, 9.5, 10, float("inf")]),
        (["True", "false"], [False, True]),
    ],
)
def test_a_parameter_is_a_number_where_all_its_values_are(here, names, expected):
    """A code such as `007` stays as it is written, and so does `1e5` beside codes that are text."""
    for name in names:
        files.save({"score": 2}, f"fit.site={name}")
    found = files.load_all("fit")["site"].tolist()
    assert found == expected
    assert list(map(type, found)) == [type(found[0])] * len(names)


def test_a_column_that_repeats_a_parameter_says_its_type(here):
    """Codes that a step saved as texts are texts, and a number may be called `007`."""
    for name in ("10", "12"):
        files.save(pd.DataFrame({"score": [2], "site": [name]}), f"fit.site={name}")
        files.save(pd.DataFrame({"score": [2], "run": [int(name)]}), f"runs.run=0{name}")
    assert files.load_all("fit")["site"].tolist() == ["10", "12"]
    assert list(files.load_all("fit")) == ["site", "score"]
    assert files.load_all("runs")["run"].tolist() == [10, 12]


def test_no_variant(here):
    """Without a variant the error shows how one is called, or of what there are some."""
    with pytest.raises(LabError, match=r"results\.alpha=0\.1,seed=3\.csv"):
        files.load_all("results")
    files.save({"score": 2}, "fit.alpha=1")
    with pytest.raises(LabError, match=r"no variant of 'fits'\n  of these there are some: fit$"):
        files.load_all("fits")


def test_every_format_is_tested():
    """The list of formats in the tests is the list of formats."""
    assert set(VALUES) == formats.SUFFIXES


def test_the_folder_names_the_experiment(tmp_path):
    """In scripts/<e> and generated/<e> the experiment is that one, whatever EXPERIMENT says."""
    project = data_projects.Project(tmp_path)
    (project.data / "m.json").write_text(json.dumps({"a": 1}))
    for folder in (project.scripts, project.data):
        done = project.python(
            "-c", "import labflake; print(labflake.load('m'))", cwd=folder, EXPERIMENT="x"
        )
        assert (done.stdout, done.stderr) == ("{'a': 1}\n", "")
