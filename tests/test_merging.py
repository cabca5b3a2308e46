"""A newer template in a project with packages of its own: both sides are in `pyproject.toml`."""

import tomllib

import pytest

from labflake.template import packages

BASE = """[project]
name = "p"
dependencies = [
    "numpy>=2.3,<3",
    "pandas>=2.3,<4",
    "scipy>=1.16,<2"
]

[tool.poetry.group.dev.dependencies]
pytest = ">=8"
ruff = ">=0.14"
"""
BOTH = {
    "a package beside a newer one": (
        ('    "pandas', '    "polars>=1",  # ours\n    "pandas'),
        ("pandas>=2.3,<4", "pandas>=2.3,<5"),
        {"numpy>=2.3,<3", "polars>=1", "pandas>=2.3,<5", "scipy>=1.16,<2"},
    ),
    "packages of both in one place": (
        ('<4",\n', '<4",\n    "polars>=1",\n'),
        ('<4",\n', '<4",\n    "pooch>=1",\n'),
        {"numpy>=2.3,<3", "pandas>=2.3,<4", "polars>=1", "pooch>=1", "scipy>=1.16,<2"},
    ),
    "after the last one, which has no comma": (
        ('<2"\n', '<2",\n    "xarray>=2025"\n'),
        ('<2"\n', '<2",\n    "zarr>=3"\n'),
        {"numpy>=2.3,<3", "pandas>=2.3,<4", "scipy>=1.16,<2", "xarray>=2025", "zarr>=3"},
    ),
    "one removed beside a newer one": (
        ('    "scipy>=1.16,<2"\n', ""),
        ("pandas>=2.3,<4", "pandas>=2.3,<5"),
        {"numpy>=2.3,<3", "pandas>=2.3,<5"},
    ),
    "the same on both sides": (
        ("<4", "<5"),
        ("<4", "<5"),
        {"numpy>=2.3,<3", "pandas>=2.3,<5", "scipy>=1.16,<2"},
    ),
}


@pytest.mark.parametrize("what", BOTH)
@pytest.mark.usefixtures("in_the_template")
def test_packages_of_both_sides_are_there(what: str) -> None:
    """What the project added and what the template changed is in the file, whoever is ours."""
    ours, theirs, expected = BOTH[what]
    for one, two in ((ours, theirs), (theirs, ours)):
        text = packages.merged(BASE.replace(*one), BASE, BASE.replace(*two))
        assert text is not None
        assert {*tomllib.loads(text)["project"]["dependencies"]} == expected


@pytest.mark.usefixtures("in_the_template")
def test_tables_are_merged_by_their_keys() -> None:
    """A tool of the project beside a newer tool of the template is no conflict."""
    ours = BASE.replace('pytest = ">=8"\n', 'pytest = ">=8"\npytest-cov = ">=6"\n')
    text = packages.merged(ours, BASE, BASE.replace(">=0.14", ">=0.15"))
    assert text is not None
    tools = tomllib.loads(text)["tool"]["poetry"]["group"]["dev"]["dependencies"]
    assert tools == {"pytest": ">=8", "pytest-cov": ">=6", "ruff": ">=0.15"}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (("<4", "<4,!=2.9"), ("<4", "<5")),
        (('    "pandas>=2.3,<4",\n', ""), ("<4", "<5")),
        (('name = "p"', 'name = "mine"'), ('name = "p"', 'name = "theirs"')),
    ],
    ids=["two versions", "removed and newer", "two names"],
)
@pytest.mark.usefixtures("in_the_template")
def test_a_real_conflict_is_left_to_the_person(ours: tuple, theirs: tuple) -> None:
    """Where both sides changed the same thing, nobody but a person can choose."""
    assert packages.merged(BASE.replace(*ours), BASE, BASE.replace(*theirs)) is None
