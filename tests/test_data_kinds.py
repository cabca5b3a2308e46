"""Kinds of data that a package brings: an entry point of the group `labflake.sources`."""

import re
import tomllib
import zipfile

import data_projects
import pytest
import rendering
import small_packages

REGISTERS = """
    [labflake.sources]
    station = weather_source:Station
    weather = weather_source:Weather
"""
CODE = '''
    from dataclasses import dataclass, field

    @dataclass(frozen=True, kw_only=True)
    class Station:
        """Measurements of a station."""

        gives_one_file = True
        station: str
        year: int = 2020
        keep: bool | None = None

        def described(self):
            return f"the station {self.station}"

        def identity(self):
            return {"station": self.station, "year": self.year}

        def problem(self, name):
            return None if self.station.isalpha() else f"{self.station!r} is no station"

        def fetch(self, job):
            job.target.write_text(f"{self.station},{self.year}\\n")

    @dataclass(frozen=True, kw_only=True)
    class Weather(Station):
        """The same, by its address."""

        station: str = ""
        url: str

        def problem(self, name):
            return None

        def fetch(self, job):
            job.target.write_text(self.url)
'''


@pytest.fixture
def project(tmp_path):
    """A project in whose Python the package is installed."""
    project = data_projects.Project(tmp_path)
    install(project, "weather-source", CODE, REGISTERS)
    return project


def install(project, name, code, registers):
    wheel = small_packages.wheel(project.root.parent, name, code=code, registers=registers)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(project.root)


def test_a_package_adds_kinds_of_data(project):
    """Data of a package's kind is fetched, by its key or its address, and recorded."""
    project.declare(a__csv={"station": "oslo", "year": 1999}, b__csv="weather://example.org/b")
    done = project.prepare()
    assert done.returncode == 0, done.stderr
    assert (project.data / "a.csv").read_text() == "oslo,1999\n"
    assert (project.data / "b.csv").read_text() == "weather://example.org/b"
    assert project.coreutils() == 0
    assert "the station oslo" in (done.stdout + done.stderr)


def test_another_declaration_of_such_data_is_fetched_again(project):
    """Data of a package's kind belongs to what its declaration says."""
    project.declare(a__csv={"station": "oslo"})
    assert project.prepare().returncode == 0
    project.declare(a__csv={"station": "bergen"})
    assert "a.csv" in data_projects.error(project.prepare())


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"station": "oslo", "yaer": 1999}, "did you mean 'year'"),
        ({"station": 3}, "station has to be a text, not 3"),
        ({"station": "X5"}, "'X5' is no station"),
        ({"statoin": "oslo"}, "did you mean 'station'"),
        ("waether://x", "did you mean weather://"),
        ({"station": "oslo", "member": "a", "members": "b"}, "give member"),
    ],
    ids=str,
)
def test_mistakes_in_such_a_declaration_are_named(project, source, words):
    """A mistake in a declaration of a package's kind is named as in one of our own."""
    project.declare(a__csv=source)
    assert words in data_projects.error(project.prepare())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import nothing_like_this", "cannot be imported\n  ModuleNotFoundError"),
        ("class Odd: pass", "has no keep, described, identity, problem, fetch"),
    ],
    ids=["not importable", "no source"],
)
def test_a_package_that_does_not_work_is_named(project, code, words):
    """What cannot be used is named with its package, and only where it is asked for."""
    install(project, "odd-source", code, "[labflake.sources]\nodd = odd_source:Odd\n")
    project.declare(a__csv={"station": "oslo"})
    assert project.prepare().returncode == 0
    project.declare(a__csv={"odd": "x"})
    message = data_projects.error(project.prepare())
    assert "odd-source 1.2" in message
    assert words in message


def test_two_packages_with_one_name(project):
    """Two packages that register one name are both named: which one is meant cannot be known."""
    install(project, "other-weather", CODE, REGISTERS.replace("weather_source", "other_weather"))
    project.declare(a__csv={"station": "oslo"})
    message = data_projects.error(project.prepare())
    assert "other-weather 1.2 and weather-source 1.2" in message


def test_the_example_of_the_documentation(tmp_path):
    """The kind that `docs/sources.md` shows works as it is written there."""
    page = (rendering.REPOSITORY / "docs/sources.md").read_text(encoding="utf-8")
    code, toml = (re.search(rf"```{kind}\n(.*?)```", page, re.S)[1] for kind in ("python", "toml"))
    registers = tomllib.loads(toml)["project"]["entry-points"]["labflake.sources"]
    entries = "".join(f"{name} = {place}\n" for name, place in registers.items())
    project = data_projects.Project(tmp_path)
    install(project, "weather-source", code, f"[labflake.sources]\n{entries}")
    project.declare(a__csv={"station": "oslo", "year": 1999})
    assert project.prepare().returncode == 0
    assert (project.data / "a.csv").read_text() == "oslo,1999\n"
    project.declare(b__csv={"station": "oslo", "year": 1815})
    assert "has measured since 1900" in data_projects.error(project.prepare())
