"""Secrets: not in config.yaml, not in a message, not in a log, not on a command line."""

import building
import pypdf
import pytest
from data_projects import Project, error
from servers.web import Web

from labflake.data_files.sources import secrecy

TINY = "2024-02-29-Tiny"


@pytest.fixture
def web():
    with Web() as server:
        yield server


@pytest.mark.long
@pytest.mark.parametrize(
    "source",
    [
        "https://pw12345678@x.org/a",
        "https://x.org/a?key=pw12345678",
        "https://x.org/a?apikey=pw12345678",
        "https://x.org/a?x=1&appid=pw12345678",
        "https://x.org/a?code=pw1234567890",
        "https://x.org/a?auth=pw12345678",
        "https://x.org/a?authToken=pw12345678",
        "https://x.org/a?subscription-key=pw12345678",
        "https://x.org/a#access_token=pw12345678",
        "s3://pw12345678@bucket/x",
        "kaggle://u:pw12345678@competitions/NAME/train.csv",
        "kaggle://pw12345678@competitions",
        "numerai://u:pw12345678@v5.0/x.parquet",
        {"url": "s3://b/x", "options": {"client_kwargs": {"headers": {"X-A": "pw12345678"}}}},
        {"url": "s3://b/x", "options": {"connection_string": "AccountKey=pw12345678"}},
        {"url": "s3://b/x", "options": "secret=pw12345678"},
        {"url": "https:/x.org?password=pw12345678"},
        {"function": "f", "arguments": {"password": "pw12345678"}},
        {"function": "f", "arguments": {"login": {"api_token": "pw12345678"}}},
    ],
    ids=str,
)
def test_secrets_in_declarations(tmp_path, source):
    """A secret in config.yaml is refused with the way out, and the message does not show it."""
    project = Project(tmp_path)
    project.declare(a__csv=source)
    message = error(project.prepare())
    assert "pw1234567" not in message
    assert "options has to be" in message or "is no address" in message or "config.yaml" in message


@pytest.mark.parametrize(
    "url",
    [
        "https://x.org/a?keyword=rain&author=ann&code=DE&design=3&monkey=1&key=gdp",
        "https://x.org/a?key=${API_KEY}",
        "sftp://ann@x.org/a",
        "abfs://container@account.dfs.core.windows.net/a",
        "postgresql://ann@x.org/a",
    ],
)
def test_what_is_no_secret(url):
    """Words that only sound like one, users of file servers, and names of variables are good."""
    assert secrecy.in_url(url) is None


def test_arguments_that_are_no_secrets():
    """A column called key, or a number of tokens, is none."""
    assert secrecy.in_arguments({"key": "id", "tokens": 512, "max_token": 3}) is None


def test_a_secret_from_the_environment(tmp_path, web):
    """An address may name a variable, which has the secret; the error says where it belongs."""
    project = Project(tmp_path)
    project.declare(a__txt={"url": web.put("/a", b"x") + "?key=${API_KEY}"})
    assert "[variables]" in error(project.prepare())
    assert project.prepare(API_KEY="pw12345678").returncode == 0
    assert web.queries[-1] == "key=pw12345678"
    files = [path for path in project.root.rglob("*") if path.is_file()]
    assert not any(b"pw12345678" in path.read_bytes() for path in files)


def test_arguments_are_on_no_command_line(tmp_path):
    """What a function is given is not shown by `ps`; dates come as dates."""
    project = Project(tmp_path)
    (project.root / "src/study/data_access.py").write_text(
        "import datetime, pathlib\n\n\ndef f(start, word):\n"
        "    assert isinstance(start, datetime.date)\n"
        "    line = pathlib.Path('/proc/self/cmdline').read_text()\n"
        "    return {'seen': word in line}\n"
    )
    (project.scripts / "config.yaml").write_text(
        "data: {a.json: {function: f, arguments: {start: 2020-01-01, word: swordfish}}}\n"
    )
    assert project.prepare().returncode == 0, project.prepare().stderr
    assert "false" in (project.data / "a.json").read_text()


VALUES = {
    "MY_DB": "postgresql://u:Secret-url-07@h/db",
    "DB_DSN": "host=h user=u pwd=Secret-dsn-40",
    "GH_PAT": "Secret-pat-41",
    "AZURE_STORAGE_CONNECTION_STRING": "AccountKey=Secret-az-42==",
    "HF_AUTH": "Secret-auth-43",
    "PGPASSWORD": "Secret-pg-44",
    "GHTOKEN": "Secret-gh-45",
}


def test_logs_of_steps_hold_no_secrets(built, tmp_path):
    """What a step prints is shown and kept without the values of secret variables."""
    project = building.copy(built, tmp_path / "project", generated=False)
    folder = building.experiment(
        project,
        TINY,
        Snakefile="""
            envvars: "MY_DB", "DB_DSN", "GH_PAT", "AZURE_STORAGE_CONNECTION_STRING", "HF_AUTH"
            envvars: "PGPASSWORD", "GHTOKEN"
            rule all:
                input: "assets/data/o"
            rule a:
                output: "assets/data/o"
                shell: __import__("labflake").step("env; echo $MY_DB $DB_DSN; false")
            """,
    )
    done = building.make(project, EXPERIMENT=TINY, CACHE=str(tmp_path / "cache"), **VALUES)
    assert done.returncode != 0
    assert "step a failed" in done.stdout + done.stderr
    kept = b"".join(p.read_bytes() for p in (folder / ".labflake/logs").iterdir())
    assert b"LANG=C.UTF-8" in kept
    for text in (done.stdout, done.stderr, kept.decode()):
        assert "Secret-" not in text


LEAKY = """
    ---
    title: T
    abstract: It is `{python} os.environ["GH_PAT"]`.
    ---

    ```python
    import os, sys
    import pandas as pd
    print(os.environ["MY_DB"], {"a": os.environ["ODD_SECRET"]})
    for letter in os.environ["PGPASSWORD"]:
        print(letter, end="", flush=True)
    pd.DataFrame({"a": [os.environ["DB_DSN"], os.environ["ODD_SECRET"]]})
    ```

    It is `{python} os.environ["GHTOKEN"]`, and 41.

    ```python
    %s
    ```
    """
END = "raise ValueError(os.environ['MY_DB'] + os.environ['HF_AUTH'] + os.environ['ODD_SECRET'])"


@pytest.mark.long
@pytest.mark.parametrize("end", ["42", END])
def test_documents_hold_no_secrets(built, tmp_path, end):
    """What a document leaves shows no secret that its cells know, whether it is made or fails."""
    project = building.copy(built, tmp_path / "project", generated=False)
    values = VALUES | {"ODD_SECRET": "<Secret-ödd> & 'more'"}
    building.experiment(
        project,
        TINY,
        Snakefile="rule all:\n    input: []\n",
        config_yaml=f"environment: [{', '.join(values)}]\n",
        report_md=LEAKY % end,
    )
    done = building.make(project, EXPERIMENT=TINY, CACHE=str(tmp_path / "cache"), **values)
    assert (done.returncode == 0) == (end == "42"), done.stderr
    generated = project / "generated" / TINY
    notebook = generated / "assets/report/report.ipynb"
    assert "postgresql://…@h/db" in notebook.read_text(encoding="utf-8")
    files = [p for p in generated.rglob("*") if p.is_file()]
    texts = [p.read_bytes() for p in files] + [done.stdout.encode(), done.stderr.encode()]
    for pdf in generated.glob("outputs/*.pdf"):
        texts += [page.extract_text().encode() for page in pypdf.PdfReader(pdf).pages]
    assert not [part for part in (b"Secret-", b"more'") for text in texts if part in text]


@pytest.mark.parametrize("name", [*VALUES, "API_KEY", "apiKey", "dbPassword", "AccessToken", "PAT"])
def test_names_of_secrets(name):
    """A secret is known by a word of its name, however the words are joined."""
    assert secrecy.is_secret(name) == (name != "MY_DB")


@pytest.mark.parametrize(
    "name",
    ["author", "monkey", "keyword", "tokenizer", "SSH_AUTH_SOCK", "design", "compass", "PATH"],
)
def test_names_that_are_no_secrets(name):
    """A word that has such a word in it is none."""
    assert not secrecy.is_secret(name)
