"""The result of a query on PostgreSQL, as Parquet or CSV: the same rows, the same bytes."""

import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labflake.content.meter import Meter
from labflake.data_files.sources import secrecy
from labflake.data_files.sources.job import Job
from labflake.errors import LabError
from labflake.io.database import extension, imported, literal, quoted

FORMATS = {
    ".parquet": "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 40960",
    ".csv": "FORMAT csv, HEADER, DELIMITER ','",
}
# What the server or the user may have set otherwise, and what changes the result.
SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "IntervalStyle": "iso_8601",
    "extra_float_digits": "1",
    "client_encoding": "UTF8",
}
MEMORY = ("300MB", "4GB")  # the second, where rows are so large that the first is not enough
_INEXACT = {
    "numeric": "give it a precision of at most 38 digits: {0}::numeric(18, 4)",
    "interval": "Parquet keeps milliseconds only: extract(epoch FROM {0}), or {0}::text",
}
_QUIET = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Query:
    """A query; user and password come from `PG*` variables or `~/.pgpass`."""

    url: str
    query: str
    key: str | list = ""
    keep: bool | None = None

    def described(self) -> str:
        """Return the address of the database."""
        return f"query on {secrecy.without(self.url)}"

    def identity(self) -> dict[str, Any]:
        """Return the database, the query and the order."""
        return {"url": self.url, "query": self.query, "key": self.key}

    def problem(self, name: str) -> str | None:
        """Return what is wrong with the query, its order, or the format of the file, or None."""
        if secret := secrecy.in_url(self.url):
            return f"{secret} does not belong into config.yaml: use ~/.pgpass or PGPASSWORD"
        if Path(name).suffix not in FORMATS:
            return "a query gives a .parquet or a .csv file"
        if not self.query.strip():
            return "the query is empty"
        if not self.key and not ordered(self.query):
            return (
                "the rows of a query come in any order\n"
                "  add ORDER BY over columns that make each row unique, or key: [columns]"
            )
        return None

    def fetch(self, job: Job) -> None:
        """Run the query and write its rows.

        Raises:
            LabError: The database cannot be reached, the query fails, or a type is not exact.
        """
        duckdb = imported(f"assets/data/{job.name}: a query")
        for limit in MEMORY:
            job.target.unlink(missing_ok=True)
            try:
                with duckdb.connect(config=_config(limit, job.scratch)) as connection:
                    self._write(connection, job)
                return
            except duckdb.OutOfMemoryException:
                continue
            except duckdb.Error as error:
                raise self._failure(error, job.name) from None
        raise LabError(f"assets/data/{job.name}: its rows need more memory than {MEMORY[-1]}")

    def _write(self, connection: Any, job: Job) -> None:
        connection.execute(f"LOAD {literal(str(extension()))}")
        connection.execute(f"ATTACH {literal(self._address())} AS pg (TYPE postgres, READ_ONLY)")
        connection.execute("SET TimeZone = 'UTC'")
        rows = f"postgres_query('pg', {literal(self._plain())})"
        columns = {
            name: kind for name, kind, *_ in connection.execute(f"DESCRIBE FROM {rows}").fetchall()
        }
        self._check_types(connection, columns, job.name)
        order = self._order(list(columns), job.name)
        what = FORMATS[Path(job.name).suffix]
        with _Watched(job.target, job.name):
            connection.execute(f"COPY (FROM {rows}{order}) TO {literal(str(job.target))} ({what})")

    def _address(self) -> str:
        """Return the address with the settings of the session."""
        options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
        mark = "&" if "?" in self.url else "?"
        slash = "" if "/" in self.url.partition("://")[2] else "/"
        coded = options.replace(" ", "%20").replace("=", "%3D")
        return f"{self.url}{slash}{mark}options={coded}"

    def _plain(self) -> str:
        return self.query.strip().rstrip(";")

    def _order(self, columns: list[str], name: str) -> str:
        """Return the ORDER BY of `key`: all other columns after it, so that the order is total."""
        if not self.key:
            return ""
        keys = [self.key] if isinstance(self.key, str) else self.key
        unknown = [key for key in keys if key not in columns]
        if unknown:
            known = ", ".join(columns)
            raise LabError(f"assets/data/{name}: key: no column {unknown[0]!r}\n  it has: {known}")
        rest = [column for column in columns if column not in keys]
        return " ORDER BY " + ", ".join(quoted(column) for column in [*keys, *rest])

    def _check_types(self, connection: Any, columns: dict[str, str], name: str) -> None:
        """Refuse columns that would be rounded: DuckDB reads them as floats without a word."""
        doubtful = [c for c, kind in columns.items() if "DOUBLE" in kind or "INTERVAL" in kind]
        if not doubtful:
            return
        asked = ", ".join(f"pg_typeof(q.{quoted(c)})::text AS c{i}" for i, c in enumerate(doubtful))
        # No row of the query is computed: only its types are wanted.
        text = (
            f"SELECT {asked} FROM (VALUES (1)) AS one(x) LEFT JOIN ({self._plain()}) AS q ON false"
        )
        kinds = connection.execute(f"FROM postgres_query('pg', {literal(text)})").fetchone()
        for column, kind in zip(doubtful, kinds, strict=True):
            if advice := _INEXACT.get(kind.removesuffix("[]")):
                raise LabError(
                    f"assets/data/{name}: the column {column} is {kind}, which would be rounded\n"
                    f"  {advice.format(quoted(column))}"
                )

    def _failure(self, error: Exception, name: str) -> LabError:
        text = secrecy.redacted(str(error))
        text = re.sub(r"\s*LINE \d+:.*", "", text, flags=re.DOTALL).strip()
        if "password" in text or "authentication" in text:
            text += "\n  user and password: PGUSER and PGPASSWORD, or a line in ~/.pgpass"
        return LabError(f"assets/data/{name}: {self.described()} failed\n  {text[:600]}")


def ordered(query: str) -> bool:
    """Return whether a query has an ORDER BY of its own, not only one in parentheses."""
    text, count = _QUIET.sub(" ", query), 1
    while count:
        text, count = re.subn(r"\([^()]*\)", " ", text)
    return re.search(r"\border\s+by\b", text, re.IGNORECASE) is not None


class _Watched:
    """Show how long a file is while something else writes it."""

    def __init__(self, path: Path, label: str) -> None:
        self.path, self.meter = path, Meter(label, None)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self.thread.join()
        self.meter.end()

    def _watch(self) -> None:
        while not self.over.wait(0.2):
            written = self.path.stat().st_size if self.path.exists() else 0
            if written > self.meter.count:
                self.meter.add(written - self.meter.count)


def _config(limit: str, scratch: Path) -> dict[str, Any]:
    return {"memory_limit": limit, "temp_directory": str(scratch / "sort")}
