"""Tables and values come back as they were saved, and other tools read them, too."""

import csv
import datetime
import decimal
import math
import types
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays

from labflake.errors import LabError
from labflake.io.files import load, save
from labflake.site import metrics

DATES = pd.to_datetime(["2024-02-29", None, "2024-03-01"])
COLUMNS = {
    "line ends": ["a\rb", "c\r\nd", "\n"],
    "texts like missing": ["NA", None, "nan"],
    "empty and missing": ["", None, "x"],
    "leading zeros": ["01067", "80331", None],
    "texts like truth": ["True", "False", "true"],
    "texts like dates": ["2024-02-29", "2024-03-01", None],
    "quotes": ['"', '""x', "a,b"],
    "blanks": [" a", "b ", "\t"],
    "truth": [True, False, True],
    "truth or missing": pd.array([True, None, False], dtype="boolean"),
    "whole or missing": pd.array([1, None, 2**63 - 1], dtype="Int64"),
    "floats": [0.1 + 0.2, np.nan, -math.inf],
    "complex": [1 + 2j, 0, -1j],
    "dates": DATES,
    "times": pd.to_datetime(
        ["2024-02-29 10:00:00.25", None, "2024-02-29 00:00:00"], format="mixed"
    ),
    "nanoseconds": pd.to_datetime(["2024-02-29 10:00:00.123456789"] * 3),
    "times of a zone": pd.date_range("2024-10-27 00:30", periods=3, freq="h", tz="Europe/Berlin"),
    "durations": pd.to_timedelta(["1h", None, "3 days 1ms"]),
    "months": pd.period_range("2024-01", periods=3, freq="M"),
    "intervals": pd.interval_range(0.5, 3.5),
    "categories": pd.Categorical(["low", None, "high"]),
    "categories in order": pd.Categorical(
        ["low", None, "high"], categories=["low", "NA", "high", "1"], ordered=True
    ),
    "categories of numbers": pd.Categorical([3, 1, 3]),
    "categories of dates": pd.Categorical(DATES),
    "categories of intervals": pd.cut([0.1, 0.5, np.nan], [0, 0.3, 1]),
    "days": [datetime.date(2024, 2, 29), None, datetime.date(1, 1, 1)],
    "decimals": [decimal.Decimal("1.10"), None, decimal.Decimal("-0.00")],
    "nothing": [np.nan] * 3,
    "no text": pd.Series([None] * 3, dtype="str"),
    "no date": pd.Series([None] * 3, dtype="datetime64[us]"),
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("rows", [3, 0])
def test_a_column_comes_back(name: str, rows: int) -> None:
    """Values, kinds of values, and what is missing are the same, alone and beside other columns."""
    column = pd.Series(COLUMNS[name])[:rows]
    alone = pd.DataFrame({name: column})
    for table in (alone, alone.assign(n=range(rows)), alone.assign(t="01")):
        pd.testing.assert_frame_equal(load(save(table, "./table.csv")), table)


def test_a_table_of_everything_comes_back() -> None:
    """Columns of all kinds in one table, and more rows than are written at a time."""
    table = pd.DataFrame(COLUMNS)
    pd.testing.assert_frame_equal(load(save(table, "./table.csv")), table)
    some = ["line ends", "empty and missing", "floats", "times", "categories in order"]
    table = pd.concat([table[some]] * 7_000, ignore_index=True)
    pd.testing.assert_frame_equal(load(save(table, "./table.csv")), table)


TEXTS = st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=5), max_size=6)
LIKE = st.sampled_from(["NA", "", "1", "1e5", "-", "True", "2024-01-01", "inf", ",", '"', None])


@settings(max_examples=80, deadline=None)
@given(TEXTS | st.lists(LIKE, max_size=6), st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_text_comes_back(texts: list[str | None], name: str) -> None:
    """Whatever is in a column of texts is the same later, or is refused."""
    table = pd.DataFrame({name: pd.Series(texts, dtype="str"), "n": range(len(texts))})
    if name == "n":
        return
    try:
        path = save(table, "./table.csv")
    except LabError as error:
        assert "\0" in str(table) + name or name.isspace() or "names" in str(error)  # noqa: PT017
        return
    pd.testing.assert_frame_equal(load(path), table)


@settings(max_examples=50, deadline=None)
@given(arrays.arrays(arrays.scalar_dtypes(), st.integers(0, 4)))
def test_any_array_comes_back(values: np.ndarray) -> None:
    """A column of any kind of number or time is the same later, or is refused."""
    try:
        table = pd.DataFrame({"a": values, "b": "x"})
    except (TypeError, ValueError):  # pandas has no such column
        return
    try:
        path = save(table, "./table.csv")
    except LabError:
        return
    pd.testing.assert_frame_equal(load(path).astype(table.dtypes), table)


@pytest.mark.parametrize("kind", ["int8", "uint16", "float16", "float32"])
def test_numbers_of_few_bits_are_plain(kind: str) -> None:
    """They are read as the same numbers of 64 bits, by everybody: no line says their type."""
    table = pd.DataFrame({"x": np.array([1, 2.5, 3]).astype(kind)})
    path = save(table, "./table.csv")
    assert path.read_text().splitlines()[0] == "x"
    assert load(path)["x"].astype(kind).tolist() == table["x"].tolist()


PLAIN = pd.DataFrame(
    {"zip": ["01067", None], "city": ["Dresden", "x"], "n": [1, 2], "day": DATES[[0, 2]]}
)


def test_other_tools_read_what_is_saved() -> None:
    """Names and rows are where every reader of CSV looks for them; only what is text has quotes."""
    path = save(PLAIN, "./table.csv")
    assert path.read_text() == (
        '"zip","city","n","day"\n"01067",Dresden,1,2024-02-29\n,x,2,2024-03-01\n'
    )
    assert list(pd.read_csv(path)) == list(PLAIN)
    with path.open(newline="") as file:
        assert next(csv.DictReader(file))["zip"] == "01067"


def test_other_tools_read_types_as_a_comment() -> None:
    """What CSV has no words for stands in one line with a #, which DuckDB and pandas skip."""
    duckdb = pytest.importorskip("duckdb")
    table = pd.DataFrame({"dose": COLUMNS["categories in order"], "n": [1, 2, 3]})
    path = save(table, "./table.csv")
    lines = path.read_text().splitlines()
    assert lines[0].startswith("#types {")
    assert lines[1:] == ["dose,n", '"low",1', ",2", '"high",3']
    assert list(pd.read_csv(path, comment="#")) == ["dose", "n"]
    found = duckdb.read_csv(str(path)).fetchall()
    assert [row[1] for row in found] == [1, 2, 3]


FOREIGN = {
    "everything in quotes": ('"a","b"\n"1","x"\n"","NA"\n', [1.0, None], ["x", None]),
    "nothing in quotes": ("a,b\n1,NA\n2,x\n", [1, 2], [None, "x"]),
    "of R": ('"a","b"\n1,"NA"\nNA,"x"\n', [1.0, None], ["NA", "x"]),
    "of PostgreSQL": ('a,b\n1,""\n2,\n', [1, 2], ["", None]),
    "of a spreadsheet": ('\ufeffa,b\r\n1,"x, y"\r\n2,z\r\n', [1, 2], ["x, y", "z"]),
    "dates are texts": ("a,b\n1,2024-01-02\n2,2024-01-03\n", [1, 2], ["2024-01-02", "2024-01-03"]),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_tables_of_others_are_read(name: str) -> None:
    """Quotes mean text, unless their writer puts all in quotes; what has none is what it was."""
    text, *expected = FOREIGN[name]
    Path("table.csv").write_bytes(text.encode())
    found = load("./table.csv")
    assert [
        found[c].astype(object).where(found[c].notna(), None).tolist() for c in "ab"
    ] == expected


REFUSED = {
    "numbers and texts": [1, "a"],
    "lists": [[1], [2]],
    "paths": [Path("a"), Path("b")],
    "no Unicode": ["\ud800", "x"],
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_csv_cannot_keep_is_refused(name: str) -> None:
    """A column that would come back as something else is named, and the old file stays."""
    Path("table.csv").write_text("old")
    with pytest.raises(LabError, match="csv cannot keep"):
        save(pd.DataFrame({"x": pd.Series(REFUSED[name], dtype=object)}), "./table.csv")
    assert Path("table.csv").read_text() == "old"


@pytest.mark.parametrize("names", [["a", "a"], [("a", "b"), ("a", "c")], ["1", 1]])
def test_names_that_csv_cannot_keep_are_refused(names: list) -> None:
    """Two columns of one name would come back as others."""
    columns = pd.MultiIndex.from_tuples(names) if isinstance(names[0], tuple) else names
    with pytest.raises(LabError, match="csv cannot keep"):
        save(pd.DataFrame([[1, 2]], columns=columns), "./table.csv")


@pytest.mark.parametrize("file", ["./table.csv", "./table.parquet"])
def test_an_index_that_is_named_like_a_column_is_refused(file: str) -> None:
    """An index that means something becomes a column, and there is one of that name."""
    with pytest.raises(LabError, match="both called 'a'"):
        save(pd.DataFrame({"a": [1]}, index=pd.Index(["x"], name="a")), file)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\n1,2,3\n", "more values than its first line has names"),
        (b"a\n\xff\n", "no UTF-8 text: byte 0xff"),
        (b"", "no table"),
        (b'#types {"a": "Int64"}\na\nx\n', "what its first line says"),
    ],
)
def test_what_is_no_table_is_refused(content: bytes, words: str) -> None:
    """Rows that would move to other columns, other encodings and broken types are told."""
    Path("table.csv").write_bytes(content)
    with pytest.raises(LabError, match=words):
        load("./table.csv")


def test_arrays_of_any_name_come_back() -> None:
    """No name of an array is taken for something else."""
    known = {"file": np.arange(2), "write": np.eye(1), "allow_pickle": np.array(["x"])}
    found = load(save(known, "./arrays.npz"))
    assert {k: v.tolist() for k, v in found.items()} == {k: v.tolist() for k, v in known.items()}


@pytest.mark.parametrize("value", [{1: "a", "1": "b"}, {True: 1, "true": 2}, "\ud800"])
def test_json_that_loses_something_is_refused(value: object) -> None:
    """Keys that would be one, and texts that are no Unicode, are refused."""
    with pytest.raises(LabError, match="cannot be JSON"):
        save(value, "./value.json")


def test_parquet_refuses_what_it_cannot_keep() -> None:
    """A column of numbers and texts is an error with its name, not a traceback of Arrow."""
    pytest.importorskip("pyarrow")
    with pytest.raises(LabError, match="parquet cannot keep this table"):
        save(pd.DataFrame({"mixed": [1, "a"]}), "./table.parquet")


def test_metrics_read_tables_with_types() -> None:
    """A key number of a table is found where a first line says types."""
    folder = Path("assets/data")
    folder.mkdir(parents=True)
    save(pd.DataFrame({"dose": pd.Categorical(["low"]), "n": [3]}), folder / "t.csv")
    experiment = types.SimpleNamespace(generated=Path.cwd())
    found, problems = metrics.read(experiment, {"n": "t.csv#n[dose=low]"})
    assert (found[0].value, problems) == (3.0, [])


def test_metrics_name_a_row_by_several_columns_of_any_table() -> None:
    """Conditions are in one pair of brackets or in several, for each kind of table."""
    pytest.importorskip("pyarrow")
    folder = Path("assets/data")
    folder.mkdir(parents=True)
    table = pd.DataFrame({"dose": ["low", "low"], "day": [1, 2], "mean": [0.5, 2.5]})
    for name in ("t.csv", "t.parquet"):
        save(table, folder / name)
    experiment = types.SimpleNamespace(generated=Path.cwd())
    rows = ("mean[dose=low,day=2]", "mean[dose=low][day=2]")
    asked = [f"{name}#{row}" for name in ("t.csv", "t.parquet") for row in rows]
    found, problems = metrics.read(experiment, {each: each for each in asked})
    assert ([each.value for each in found], problems) == ([2.5] * 4, [])
    _, problems = metrics.read(experiment, {"a": "t.parquet#mean[dose=low]", "b": "t.xlsx#mean"})
    assert "2 rows fit" in problems[0]
    assert problems[1] == "metric b: t.xlsx#mean: key numbers are in files of JSON, CSV or Parquet"
