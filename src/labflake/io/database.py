"""Tables in PostgreSQL as outputs of steps: a receipt, which is a file, says what was handed over.

The receipt has rows, columns and a hash of the content; whoever loads the table gets what it says,
or an error. A copy of the project that only verifies (`make twice`, `make reproduce`) writes to no
database: its tables lie in a file beside it.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from labflake.errors import LabError
from labflake.project.experiments import COPY, root

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

SCHEMES = ("postgresql://", "postgres://")
_NEEDED_BY = "a table in a database"
_MARK = "written by labflake"  # the comment of tables that it may write again
_TYPES = {
    "integer": r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$",
    "number": "FLOAT$|DOUBLE$|REAL$",
    "text": "VARCHAR|ENUM",
    "moment": "TIMESTAMP WITH TIME ZONE|TIMESTAMPTZ",
    "time": "TIMESTAMP",
    "decimal": "DECIMAL",
}
_BLOCK = 1 << 20
_PLACE = re.compile(r"(?:([^.]+)\.)?([^.]+)")


class Table(NamedTuple):
    """A table in a database: its address without a user, and what connects to it."""

    url: str
    schema: str
    name: str

    @property
    def receipt(self) -> str:
        """Return the name of the file that says what is in it, without its suffix."""
        return f"{self.schema}.{self.name}.receipt"

    @property
    def sql(self) -> str:
        """Return its name in SQL."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        place = parts.netloc.rpartition("@")[2]
        return f"postgresql://{place}{parts.path}#{self.schema}.{self.name}"


def table(address: str) -> Table:
    """Return the table that an address names: `postgresql://host/database#schema.table`.

    Raises:
        LabError: it names none, or holds a password.
    """
    url, _, place = address.partition("#")
    match = _PLACE.fullmatch(place)
    try:
        password = urlsplit(url).password
    except ValueError:
        password, match = None, None
    if password:
        raise LabError(
            "a password does not belong into a program: git would publish it\n"
            "  put it into ~/.pgpass, or into PGPASSWORD and that into environment: of config.yaml"
        )
    if not match:
        raise LabError(
            "a table is named postgresql://host/database#schema.table\n"
            "  host and database may be left out where PGHOST and PGDATABASE name them"
        )
    return Table(url, match[1] or "public", match[2])


def write(value: Any, place: Table) -> dict[str, Any]:
    """Replace the table by a frame, all or nothing; return what the receipt says.

    The order of rows is no part of a table: they are in the order of their values.

    Raises:
        LabError: the database cannot be reached, has a table of that name that somebody else made,
            or cannot keep the values as they are.
    """
    from labflake.io.formats.tables import without_leftover_index

    frame = without_leftover_index(value)
    with _told(place), imported(_NEEDED_BY).connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("given", frame)
        found = _described(connection, "given")
        if _is_copy():
            _kept(place).parent.mkdir(parents=True, exist_ok=True)
            connection.execute(f"COPY given TO {literal(str(_kept(place)))} (FORMAT parquet)")
        else:
            _attach(connection, place, "")
            _replace(connection, place, found)
    return {"table": str(place)} | found


def read(place: Table, receipt: dict[str, Any]) -> "pd.DataFrame":
    """Return the rows of a table, in the order of their values, if they are what a receipt says.

    Raises:
        LabError: the database cannot be reached, or the table is not what was handed over.
    """
    with _told(place), imported(_NEEDED_BY).connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        source = f"pg.{place.sql}"
        if _is_copy() and _kept(place).is_file():
            source = f"read_parquet({literal(str(_kept(place)))})"
        else:
            _attach(connection, place, ", READ_ONLY")
        found = _described(connection, source)
        if found["sha256"] != receipt["sha256"]:
            raise LabError(
                f"{place} is not what was handed over\n"
                f"  the receipt says {_said(receipt)}; there are {_said(found)}\n"
                "  make redo runs the step that writes it again, also where it came from the cache"
            )
        return connection.execute(f"FROM {source} ORDER BY ALL").df()


def _said(what: dict[str, Any]) -> str:
    return f"{what['rows']} rows with the hash {what['sha256'][:6]}…"


def _described(connection: "duckdb.DuckDBPyConnection", source: str) -> dict[str, Any]:
    """Return rows, columns and hash of a table; what is a number here is no text there."""
    described = connection.execute(f"DESCRIBE FROM {source}").fetchall()
    columns = [{"name": name, "type": _kind(kind)} for name, kind, *_ in described]
    rows = connection.execute(f"SELECT count(*) FROM {source}").fetchone()
    digest = hashlib.sha256(json.dumps(columns).encode())
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rows.csv")
        form = "FORMAT csv, HEADER, FORCE_QUOTE *, NULLSTR ''"
        connection.execute(f"COPY (FROM {source} ORDER BY ALL) TO {literal(path)} ({form})")
        with open(path, "rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    return {"rows": rows[0] if rows else 0, "columns": columns, "sha256": digest.hexdigest()}


def _kind(type_: str) -> str:
    """Return what a column holds, as far as it is the same in a frame and in a database."""
    for kind, pattern in _TYPES.items():
        if re.match(pattern, type_):
            return kind
    return type_.lower()


def _replace(connection: "duckdb.DuckDBPyConnection", place: Table, found: dict[str, Any]) -> None:
    """Write the frame `given` into the table, and see that it came through as it is."""
    there = (
        "SELECT obj_description(c.oid) FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE n.nspname = {literal(place.schema)} AND c.relname = {literal(place.name)}"
    )
    comment = connection.execute(f"FROM postgres_query('pg', {literal(there)})").fetchone()
    if comment and not str(comment[0]).startswith(_MARK):
        raise LabError(
            f"{place} is there, and no step wrote it: it stays as it is\n"
            "  choose another name, or rename or drop that table first"
        )
    connection.execute("BEGIN")
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS pg.{quoted(place.schema)}")
    connection.execute(f"DROP TABLE IF EXISTS pg.{place.sql}")
    connection.execute(f"CREATE TABLE pg.{place.sql} AS FROM given")
    mark = f"COMMENT ON TABLE {place.sql} IS {literal(f'{_MARK}, sha256 ' + found['sha256'])}"
    connection.execute(f"CALL postgres_execute('pg', {literal(mark)})")
    written = _described(connection, f"pg.{place.sql}")
    if written["sha256"] != found["sha256"]:
        connection.execute("ROLLBACK")
        raise LabError(
            f"{place} would not keep these values as they are; nothing was written\n"
            f"  columns here: {found['columns']}\n  columns there: {written['columns']}"
        )
    connection.execute("COMMIT")


def _attach(connection: "duckdb.DuckDBPyConnection", place: Table, how: str) -> None:
    connection.execute(f"LOAD {literal(str(extension()))}")
    connection.execute(f"ATTACH {literal(place.url)} AS pg (TYPE postgres{how})")


@contextmanager
def _told(place: Table) -> Iterator[None]:
    """Say in words of people what goes wrong with a database, without any credential."""
    duckdb = imported(_NEEDED_BY)
    try:
        yield
    except duckdb.Error as error:
        text = re.sub(r"\s*LINE \d+:.*", "", str(error), flags=re.DOTALL).strip()
        text = re.sub(r"://[^\s/@]*@|password=\S+", "://…@", text)
        way = (
            "\n  the user in the address, the password in ~/.pgpass; or PGUSER and PGPASSWORD,"
            "\n  which programs and cells get if environment: of config.yaml names them"
        )
        asked = "password" in text or "authentication" in text
        raise LabError(f"{place}: {text[:500]}{way if asked else ''}") from None


def imported(what: str) -> Any:
    """Return DuckDB, which reads PostgreSQL here.

    Args:
        what: what needs it.

    Raises:
        LabError: it is not installed.
    """
    try:
        import duckdb
        import duckdb_extension_postgres_scanner  # noqa: F401
    except ImportError:
        raise LabError(
            f"{what} needs duckdb and its reader of PostgreSQL\n  make env WITH=database"
        ) from None
    return duckdb


def extension() -> Path:
    """Return the file of DuckDB's extension for PostgreSQL."""
    import duckdb_extension_postgres_scanner

    folder = Path(next(iter(duckdb_extension_postgres_scanner.__path__)))
    return next(folder.rglob("postgres_scanner.duckdb_extension"))


def _is_copy() -> bool:
    return (root() / COPY).exists()


def _kept(place: Table) -> Path:
    """Return where a copy of the project has a table instead of in a database."""
    name = hashlib.sha256(str(place).encode()).hexdigest()[:16]
    return root() / f"{COPY}-tables" / f"{name}.parquet"


def literal(value: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """Return the name of a table or column as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'
