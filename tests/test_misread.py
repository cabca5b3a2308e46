"""A value of a setting is what it shows, or the build says what it is instead."""

import json
import shlex

import pytest
import yaml

from labflake.project import misread, settings, strict_yaml

pytestmark = pytest.mark.usefixtures("in_the_template")


class Experiment:
    """Stands for an experiment with this `config.yaml`."""

    def __init__(self, folder, text):
        self.scripts = folder
        (folder / "config.yaml").write_text(text)

    def config(self):
        return strict_yaml.load((self.scripts / "config.yaml").read_text())


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("1e-5", "'1e-5'"),
        ("NO", "False"),
        ("on", "True"),
        ("12:30", "750"),
        ("-1:30", "-90"),
        ("010", "8"),
        ("1_000", "1000"),
        ("0b11", "3"),
        ("6E4", "'6E4'"),
        ("1:2.5", "62.5"),
    ],
)
@pytest.mark.parametrize("place", ["a: {}", "a: [1, {}]", "a: {{b: {{c: {}}}}}"])
def test_value_that_yaml_reads_otherwise_is_named(tmp_path, capsys, written, means, place):
    """A build names each setting that YAML reads as something else than it shows."""
    misread.warn(Experiment(tmp_path, f"first: 1\n{place.format(written)}\n"))
    assert f"{written} (line 2) is {means}\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    "written",
    [
        "1.0e-5",
        "0",
        "-7",
        "0.5",
        "1.",
        ".5",
        "true",
        "False",
        "~",
        "",
        "2024-01-01",
        "'010'",
        "0x1F",
        "'NO'",
        "a:b",
        "1.2.3",
        ".inf",
        "-.inf",
        ".nan",
        "s.1",
        '"1e5"',
        "s3://a/b",
        "&a [*a]",
        "|\n  1e5",
    ],
)
def test_value_that_is_what_it_shows_is_not_named(tmp_path, capsys, written):
    """Nothing is said of numbers, texts, dates and truth as everybody writes them."""
    misread.warn(Experiment(tmp_path, f"a: {written}\n"))
    assert not capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "a: [1", "- 010", "a: 1\na: 2\n", "# nothing"])
def test_file_that_is_no_mapping_is_no_traceback(tmp_path, text):
    """What reads the settings says what is wrong with them."""
    misread.warn(Experiment(tmp_path, text))


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("1e-5", 1e-5),
        ("1E3", 1000.0),
        ("-2e-3", -0.002),
        ("5", 5),
        ("0.5", 0.5),
        ("[1e-3, 2]", [0.001, 2]),
        ("1_2344_5678", "1_2344_5678"),
        ("10:30", "10:30"),
        ("007", "007"),
        ("'1e-5'", "1e-5"),
        ("true", True),
        ("no", False),
        ("null", None),
        ("text", "text"),
        (".inf", float("inf")),
    ],
)
def test_set_takes_numbers_as_programs_write_them(tmp_path, monkeypatch, given, value):
    """`SET="rate=1e-5"` is a number, `run=1_2` and `time=10:30` are texts; a page says them so."""
    experiment = Experiment(tmp_path, "a: 1\n")
    monkeypatch.setenv("LABFLAKE_SET", f"a={shlex.quote(given)}")
    found = settings.overrides(experiment)
    assert json.dumps(found) == json.dumps({"a": value})
    assert yaml.safe_load(settings.told()[settings.TOLD]) == found
    [again] = shlex.split(settings.as_words(found))
    monkeypatch.setenv("LABFLAKE_SET", again.removeprefix("SET="))
    assert settings.overrides(experiment) == found
