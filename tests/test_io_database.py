"""Results in PostgreSQL: `save` hands a table over, its receipt is the output, `load` verifies."""

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from servers import postgresql
from sharing import TINY, Project

from labflake import load, save
from labflake.errors import LabError
from labflake.project.experiments import COPY

pytestmark = pytest.mark.long

ADDRESS = 'postgresql:///#results.of the "année"'
RECEIPT = 'results.of the "année".receipt.json'
FRAME = pd.DataFrame(
    {
        "group": ["b", "a", None, ""],
        "value": [0.1, 1 / 3, float("nan"), -1e-300],
        "count": [3, -2, 2**53 + 1, 0],
        "day": pd.to_datetime(
            ["2024-02-29", "1999-12-31 23:59:59.000001", None, "2024-01-01"], format="ISO8601"
        ),
        "good": [True, False, True, True],
    }
)
SNAKEFILE = '''
    """Hands a table over, and uses it."""
    from labflake import code, step

    rule all:
        input: "assets/data/sum.json"

    rule hand:
        input: code=code("hand.py")
        output: "assets/data/lab.scores.receipt.json"
        shell: step("python {input.code[0]}")

    rule sum:
        input: "assets/data/lab.scores.receipt.json", code=code("sum.py")
        output: "assets/data/sum.json"
        shell: step("python {input.code[0]}")
'''
HAND = """
    import pandas as pd
    from labflake import save

    save(pd.DataFrame({"score": [1.5, 2.5]}), "postgresql:///#lab.scores")
"""
SUM = """
    from labflake import load, save

    save({"sum": load("postgresql:///#lab.scores")["score"].sum()}, "sum")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[postgresql.PostgreSQL]:
    """Start a server."""
    pytest.importorskip("duckdb", reason="duckdb is not installed")
    if not postgresql.programs():
        pytest.skip("PostgreSQL is not installed")
    with postgresql.PostgreSQL() as running:
        yield running


@pytest.fixture
def folder(server: postgresql.PostgreSQL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project with an empty database; return where its data goes."""
    server.sql("DROP SCHEMA IF EXISTS results CASCADE")
    server.sql("DROP SCHEMA IF EXISTS lab CASCADE")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "pyproject.toml").write_text("[tool.labflake]\n")
    scripts = tmp_path / "scripts" / TINY
    scripts.mkdir(parents=True)
    (scripts / "Snakefile").write_text("")
    monkeypatch.setenv("LABFLAKE_PROJECT", str(tmp_path))
    monkeypatch.chdir(scripts)
    return tmp_path / "generated" / TINY / "assets" / "data"


def test_table_comes_back_as_it_was_handed_over(folder: Path) -> None:
    """Texts, numbers, days and what is missing survive; rows are in order of their values."""
    save(FRAME, ADDRESS)
    found = load(ADDRESS)
    expected = FRAME.sort_values(["group", "value"], na_position="last").reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    receipt = json.loads((folder / RECEIPT).read_text())
    assert (receipt["rows"], [c["name"] for c in receipt["columns"]]) == (4, [*FRAME])
    assert len(receipt["sha256"]) == 64


def test_same_rows_give_the_same_receipt(folder: Path) -> None:
    """The receipt follows from the content: not from the order of rows, nor from the time."""
    save(FRAME, ADDRESS)
    before = (folder / RECEIPT).read_bytes()
    save(FRAME.sample(frac=1, random_state=1), ADDRESS)
    assert (folder / RECEIPT).read_bytes() == before
    save(FRAME.assign(count=0), ADDRESS)
    assert (folder / RECEIPT).read_bytes() != before


def test_changed_table_is_not_loaded(folder: Path, server: postgresql.PostgreSQL) -> None:
    """One changed value, one row less, or no table at all: an error with what to do."""
    save(FRAME, ADDRESS)
    text = "ALTER TABLE {} ALTER COLUMN count TYPE text"
    for change in (text, "UPDATE {} SET good = NOT good", "DELETE FROM {}", "DROP TABLE {}"):
        server.sql(change.format('results."of the ""année"""'))
        with pytest.raises(LabError, match="année"):
            load(ADDRESS)


def test_table_of_somebody_else_stays(folder: Path, server: postgresql.PostgreSQL) -> None:
    """A table that no step wrote is neither replaced nor dropped, and nothing is handed over."""
    server.sql("CREATE SCHEMA results; CREATE TABLE results.theirs AS SELECT 1 AS x")
    with pytest.raises(LabError, match="no step wrote it"):
        save(FRAME, "postgresql:///#results.theirs")
    assert server.sql("SELECT x FROM results.theirs").strip() == "1"
    assert not [*folder.glob("*")] if folder.exists() else True


def test_value_that_would_change_is_refused(folder: Path, server: postgresql.PostgreSQL) -> None:
    """What PostgreSQL cannot keep exactly is an error, and the last table stays."""
    save(FRAME, ADDRESS)
    exact = pd.DataFrame({"time": pd.to_datetime(["2024-01-01 00:00:00.000000001"])})
    with pytest.raises(LabError, match="année"):
        save(exact, ADDRESS)
    assert len(load(ADDRESS)) == len(FRAME)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql://ada:secret99@host/db#a.b", "does not belong into a program"),
        ("postgresql://host/db", "is named postgresql://"),
        ("postgresql://host/db#a.b.c", "is named postgresql://"),
    ],
)
def test_address_that_names_no_table_is_told(folder: Path, address: str, said: str) -> None:
    """An address without a table, or with a password, is an error that does not repeat it."""
    with pytest.raises(LabError, match=said) as error:
        save(FRAME, address)
    assert "secret99" not in str(error.value)


def test_wrong_password_is_told_without_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not let in is told where credentials go; none is in the message."""
    monkeypatch.setenv("PGPASSWORD", "wr0ng-secret")
    with pytest.raises(LabError, match="PGPASSWORD") as error:
        save(FRAME, ADDRESS)
    assert "wr0ng-secret" not in str(error.value)


def test_copy_that_verifies_writes_to_no_database(
    folder: Path, server: postgresql.PostgreSQL
) -> None:
    """`make twice` and `make reproduce` make the same receipt and leave the table as it is."""
    save(FRAME, ADDRESS)
    receipt = (folder / RECEIPT).read_bytes()
    (folder.parents[2].parent / COPY).touch()
    save(FRAME.assign(count=0), ADDRESS)
    assert load(ADDRESS)["count"].tolist() == [0] * 4
    save(FRAME, ADDRESS)
    assert (folder / RECEIPT).read_bytes() == receipt
    (folder.parents[2].parent / COPY).unlink()
    assert len(load(ADDRESS)) == 4


def test_step_hands_over_and_another_uses_it(server: postgresql.PostgreSQL, tmp_path: Path) -> None:
    """A receipt is an output like any other; a table that changed stops the step that loads it."""
    server.sql("DROP SCHEMA IF EXISTS lab CASCADE")
    config = "environment: [PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE]\n"
    files = {"hand_py": HAND, "sum_py": SUM, "config_yaml": config}
    project = Project.new(tmp_path, Snakefile=SNAKEFILE, **files)
    project.made("build", **server.environment)
    assert json.loads(project.generated("assets/data/sum.json").read_text()) == {"sum": 4.0}
    server.sql("UPDATE lab.scores SET score = 9")
    project.generated("assets/data/sum.json").unlink()
    done = project.run("redo", STEP="sum", **server.environment)
    assert done.returncode == 1
    assert "is not what was handed over" in done.stdout + done.stderr
    project.made("redo", STEP="hand", **server.environment)
    assert server.sql("SELECT sum(score) FROM lab.scores").strip() == "4"
