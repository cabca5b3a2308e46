"""How fast does a query become a typed file? Against COPY, pandas, connectorx, in one run.

    python benchmarks/export_database.py FOLDER [--rows 5000000] [--rounds 3]

Starts a PostgreSQL server of its own (Debian's package postgresql). pandas with SQLAlchemy and
psycopg2, connectorx and ADBC are measured where they are installed beside this Python.
"""

import argparse
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

from measuring import RESULTS, Command, compare, lab, project, publish

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from servers.postgresql import PASSWORD, PostgreSQL, programs

QUERY = "select * from measured order by id"
TABLE = """
create table measured as select g::bigint id, ((g::bigint * 7919) % 100000)::int k, sin(g) x,
  (((g::bigint * 37) % 1000000)::numeric / 100)::numeric(12,2) price,
  timestamp '2020-01-01' + g * interval '37 seconds' moment, md5(g::text) tag,
  case when g % 7 > 0 then 'näme ' || (g % 1000) end label, g % 3 = 0 flag
from generate_series(1, {rows}) g;
alter table measured add primary key (id); analyze measured;
"""
PEERS = {
    "pandas.read_sql, to_parquet": (
        ["sqlalchemy", "psycopg2", "pyarrow"],
        "import pandas, sqlalchemy\naddress = '{address}'.replace(':', '+psycopg2:', 1)\n"
        "engine = sqlalchemy.create_engine(address)\n"
        "pandas.read_sql('{query}', engine).to_parquet('{out}')",
    ),
    "connectorx, to arrow, parquet": (
        ["connectorx", "pyarrow"],
        "import connectorx\nfrom pyarrow import parquet\n"
        "table = connectorx.read_sql('{address}', '{query}', return_type='arrow')\n"
        "parquet.write_table(table, '{out}', compression='zstd')",
    ),
    "ADBC, in batches, parquet (decimals as text)": (
        ["adbc_driver_postgresql", "pyarrow"],
        "import adbc_driver_postgresql.dbapi as adbc\nimport pyarrow\nfrom pyarrow import parquet\n"
        "with adbc.connect('{address}') as link, link.cursor() as cursor:\n"
        "    cursor.execute('{query}')\n    reader = cursor.fetch_record_batch()\n"
        "    plain = [f.with_type(f.type.storage_type) if hasattr(f.type, 'storage_type') else f\n"
        "             for f in reader.schema]\n    schema = pyarrow.schema(plain)\n"
        "    with parquet.ParquetWriter('{out}', schema, compression='zstd') as out:\n"
        "        for batch in reader:\n"
        "            columns = [getattr(c, 'storage', c) for c in batch.columns]\n"
        "            out.write_batch(pyarrow.RecordBatch.from_arrays(columns, schema=schema))",
    ),
}


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--table", type=Path, default=RESULTS / "export_database.md")
    options = parser.parse_args()
    if not programs():
        sys.exit("PostgreSQL is not here: apt-get install postgresql")
    publish(options.table, "A query to Parquet", tables(options))


def tables(options: argparse.Namespace) -> Iterator[str]:
    """Fill a table, and let the contestants export it in turns."""
    with PostgreSQL() as server:
        server.sql(TABLE.format(rows=options.rows))
        title = f"{options.rows} rows of 8 columns, in order"
        yield compare(title, contestants(options.folder.resolve(), server), options.rounds)


def contestants(folder: Path, server: PostgreSQL) -> list[Command]:
    """Return our own fetch, COPY to a text file, and the peers that are installed."""
    config = f'data: {{"a.parquet": {{"url": "postgresql://", "query": "{QUERY}"}}}}'
    root, _ = project(folder, config)
    ours = lab("make fetch, parquet", root, "fetch", **server.environment)
    copy = f"\\copy ({QUERY}) to '{folder}/out.txt'"
    commands = [
        ours,
        Command(
            "COPY, a text file without types", ["psql", "-c", copy], folder, server.environment
        ),
    ]
    address = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{server.port}/postgres"
    for number, (label, (needed, code)) in enumerate(PEERS.items()):
        if all(map(importlib.util.find_spec, needed)):
            text = code.format(address=address, query=QUERY, out=folder / f"out{number}.parquet")
            commands.append(Command(label, [sys.executable, "-c", text], folder))
        else:
            print(f"{label}: {', '.join(needed)} are not all here: left out")
    return commands


if __name__ == "__main__":
    main()
