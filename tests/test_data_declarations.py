"""`data:` in config.yaml: what is not understood is named, with what would be."""

import data_projects
import pytest
import yaml

from labflake.data_files.sources import declaration
from labflake.errors import LabError

DATABASE = {"url": "postgresql://db.example.org/lab", "query": "SELECT 1 AS a ORDER BY a"}


pytestmark = pytest.mark.usefixtures("in_the_template")


class Experiment:
    """Stands for an experiment with this section `data:`."""

    name = "2024-02-29-Declared"

    def __init__(self, data, folder):
        self.scripts, self.data = folder, data

    def config(self):
        return {"data": self.data}


def declared(data, folder):
    return declaration.declared(Experiment(data, folder))


@pytest.mark.parametrize(
    "source",
    [
        "https://example.org/a.csv",
        {"url": "https://example.org/a.csv?year=2020&key=gdp", "sha256": "0" * 64},
        {"url": "https://example.org/a.zip", "member": "a.csv"},
        {"url": "https://example.org/a.zip", "members": ["*.csv", "x/*"], "limit": "500 MB"},
        {"file": "~/a.csv", "copy": True},
        {"file": "a.7z", "member": "a.csv", "limit": 1000},
        {"folder": "/share/a"},
        {"manual": "Ask Ann."},
        {"function": "table", "arguments": {"n": 3}},
        {"url": "s3://bucket/a.csv", "options": {"anon": True}},
        {"url": "s3://bucket/folder/"},
        {"url": "gs://bucket/a.csv"},
        {"url": "kaggle://competitions/titanic/train.csv"},
        {"url": "kaggle://datasets/ann/set/a/b.csv", "version": 3},
        "numerai://v5.0/train.parquet",
        DATABASE,
        {**DATABASE, "query": "SELECT a FROM t", "key": ["a"]},
    ],
    ids=str,
)
def test_good_declarations(tmp_path, source):
    """Each kind of source is understood, and described without its parameters."""
    made = declared({"a.csv": source}, tmp_path)["a.csv"]
    assert made.described()
    assert "gdp" not in made.described()
    assert made.identity() is not None


def test_examples_of_the_readme(tmp_path):
    """What the README of a project shows can be copied."""
    readme = (data_projects.TEMPLATE / "README.md").read_text(encoding="utf-8")
    block = readme.partition("\n    data:\n")[2].partition("\n\n")[0]
    data = yaml.safe_load(block)
    assert len(declared(data, tmp_path)) == len(data) > 10


@pytest.mark.parametrize(
    ("name", "source", "words"),
    [
        ("a.csv", {"fucntion": "x"}, "did you mean 'function'"),
        ("a.csv", {"function": "x", "argumnets": {}}, "did you mean 'arguments'"),
        ("a.csv", {"function": "x", "argumnets": {}}, "allowed: function, arguments"),
        ("a.csv", {"function": "x", "file": "y"}, "function and file exclude each other"),
        ("a.csv", {}, "give one of: file, folder, manual, function, experiment, url"),
        ("a.csv", 3, "no source is given"),
        ("a.csv", "raw.csv", "no source is given"),
        ("a.csv", {"function": "os.path.join"}, "no function's name"),
        ("a.csv", {"function": 3}, "function has to be a text, not 3"),
        ("a.csv", {"file": "x", "copy": "yes"}, "copy has to be true or false"),
        ("a.csv", {"url": "htps://example.org/x"}, "did you mean https://"),
        ("a.csv", {"url": "https:/example.org"}, "is no address"),
        ("a.csv", {"url": "https:///x"}, "is no address"),
        ("a.csv", {"url": "https://a b/x"}, "is no address"),
        ("a.csv", {"url": "https://x.org/a", "sha256": "abc"}, "64 hexadecimal digits"),
        ("a.csv", {"url": "https://x.org/a", "sha265": "abc"}, "did you mean 'sha256'"),
        (
            "a.csv",
            {"url": "https://x.org/a", "sha265": ""},
            "allowed: url, sha256, member, members",
        ),
        ("a.csv", "https://ann:pw12345@x.org/a", "the password does not belong into config.yaml"),
        ("a.csv", "https://x.org/a?access_token=1", "the parameter access_token does not belong"),
        ("a.csv", "https://x.org/a?b=1&X-Amz-Signature=1", "X-Amz-Signature does not belong"),
        ("a.csv", {"url": "s3://b/a", "options": {"secret": "x"}}, "options: secret does not"),
        ("a.csv", {"url": "s3://b/a", "options": {"c": {"aws_secret_key": 1}}}, "aws_secret_key"),
        ("a.csv", {"url": "s3://b/a/", "sha256": "0" * 64}, "sha256 is for one file"),
        ("a.csv", {"url": "https://x.org/a", "member": "a", "members": "b"}, "give member"),
        ("a.csv", {"url": "https://x.org/a", "member": "a", "limit": "much"}, "limit: a size such"),
        ("a.csv", {"url": "https://x.org/a", "limit": "1 GB"}, "give member"),
        ("a.csv", {"folder": "x", "member": "a"}, "unknown key 'member'"),
        ("a.csv", {"manual": " "}, "say who has this data"),
        ("a.csv", "kaggle://titanic/train.csv", "is not of the form kaggle://competitions"),
        ("a.csv", {"url": "kaggle://competitions/a/b", "version": 1}, "for datasets only"),
        ("a.csv", "numerai://v5/../x", "is not of the form numerai://"),
        ("a.csv", {**DATABASE, "url": "postgresql://ann:pw12345@x/y"}, "use ~/.pgpass"),
        ("a.xlsx", DATABASE, "gives a .parquet or a .csv file"),
        ("a.csv", {**DATABASE, "query": "SELECT 1"}, "rows of a query come in any order"),
        ("a.csv", {**DATABASE, "query": " "}, "the query is empty"),
        ("a.csv", {"url": "postgresql://x/y"}, "the key 'query' is missing"),
        ("../a.csv", {"function": "x"}, "a name is a path below assets/data"),
        ("/a.csv", {"function": "x"}, "a name is a path below assets/data"),
        ("a//b", {"function": "x"}, "a name is a path below assets/data"),
        ("a.drifted", {"function": "x"}, "end in .drifted"),
        (2020, {"function": "x"}, "put it in quotes"),
    ],
    ids=str,
)
def test_bad_declarations(tmp_path, name, source, words):
    """Each mistake is named, with the data it belongs to."""
    with pytest.raises(LabError) as error:
        declared({name: source}, tmp_path)
    assert words in str(error.value)
    assert f"config.yaml: data: {name}: " in str(error.value)
    assert "pw12345" not in str(error.value)


def test_data_inside_data(tmp_path):
    """A name inside the folder of another one is refused."""
    with pytest.raises(LabError, match=r"img/a\.png lies inside img"):
        declared({"img": {"folder": "x"}, "img/a.png": {"function": "x"}}, tmp_path)


def test_a_name_twice(tmp_path):
    """A name, or another key, that config.yaml has twice is refused with its line."""
    from labflake.project.experiments import Experiment

    folder = tmp_path / "x"
    folder.mkdir()
    text = "data:\n  a.csv: {manual: x}\n  b.csv: &b {manual: x}\n  c.csv: {<<: *b}\n"
    twice = type("Here", (Experiment,), {"scripts": folder})("x")
    (folder / "config.yaml").write_text(text)
    assert list(twice.config()["data"]) == ["a.csv", "b.csv", "c.csv"]
    (folder / "config.yaml").write_text(text + "  a.csv: {manual: y}\n")
    with pytest.raises(
        LabError, match=r"config\.yaml:5 is not valid YAML\n  a\.csv is given twice"
    ):
        twice.config()


def test_no_data(tmp_path):
    """An experiment may have no data, but not a list of it."""
    assert declared(None, tmp_path) == {}
    with pytest.raises(LabError, match="names and their sources are expected"):
        declared(["a.csv"], tmp_path)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select a from t order by a", True),
        ("select a from t ORDER\n BY a;", True),
        ("select a from (select * from t order by a) x", False),
        ("select a, row_number() over (order by a) from t", False),
        ("select a from t -- order by a", False),
        ("select a from t /* order by a */", False),
        ("select ' order by ' from t", False),
        ('select " order by " from t', False),
        ("select $x$ order by $x$ from t", False),
        ("select f((a)) from t where b in (1, (2)) order by 1", True),
        ("select reorder_by from t", False),
    ],
)
def test_order_of_queries(query, expected):
    """An ORDER BY counts where it orders the rows of the result."""
    from labflake.data_files.sources.postgresql import ordered

    assert ordered(query) == expected
