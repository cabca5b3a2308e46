"""Which Python: one place says it, and what a project makes does not depend on its patch."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import building
import pytest
import pythons
import small_projects
from small_projects import make_env, run

pytestmark = pytest.mark.long

VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
OTHER = "3.13" if sys.version_info[:2] == (3, 12) else "3.12"
NOWHERE = "http://127.0.0.1:9"


def test_the_containerfile_has_the_python_that_the_project_names(project: Path) -> None:
    """The flake and `make` read the version; the base of the image has to name it itself."""
    facts = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    text = (project / "Containerfile").read_text(encoding="utf-8")
    assert re.search(r"python:([\d.]+)-", text)[1] == facts["tool"]["labflake"]["python"]


def test_the_project_is_built_by_the_python_that_it_names(built: Path) -> None:
    """Whatever `python3` is, `.venv` has the version of pyproject.toml where that is installed."""
    facts = tomllib.loads((built / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = facts["tool"]["labflake"]["python"]
    if not pythons.of_minor(wanted):
        pytest.skip(f"Python {wanted} is not on this machine")
    assert run(built, VERSION) == wanted


def test_a_python_behind_an_empty_shim_is_found(tmp_path: Path) -> None:
    """A shim of pyenv that answers "command not found" hides a version that is installed."""
    real = pythons.of_minor(OTHER)
    if not real:
        pytest.skip(f"Python {OTHER} is not on this machine")
    shims, versions = tmp_path / "shims", tmp_path / "versions"
    for folder in (shims, versions):
        folder.mkdir()
    (shims / f"python{OTHER}").write_text("#!/bin/sh\necho command not found >&2; exit 127\n")
    (shims / f"python{OTHER}").chmod(0o755)
    (versions / f"{OTHER}.1").symlink_to(real.parent.parent)
    small = small_projects.write(tmp_path / "small", "idna", python=OTHER)
    done = make_env(small, PATH=str(shims), PYENV_ROOT=str(tmp_path / "none"))
    assert done.returncode == 0, done.stderr
    assert run(small, VERSION) == OTHER


def test_make_starts_the_python_that_the_project_names(project: Path, tmp_path: Path) -> None:
    """Of several, the version that `pyproject.toml` names serves from the beginning."""
    own = Path(shutil.copytree(project, tmp_path / "own", ignore=shutil.ignore_patterns(".venv")))
    facts = tomllib.loads((own / "pyproject.toml").read_text(encoding="utf-8"))
    named = tmp_path / f"python{facts['tool']['labflake']['python']}"
    named.write_text('#!/bin/sh\necho "$0"\n', encoding="utf-8")
    named.chmod(0o755)
    env = {k: v for k, v in os.environ.items() if k != "PROJECT_PYTHON"}
    env["PATH"] = f"{tmp_path}{os.pathsep}{env['PATH']}"
    said = subprocess.run(["make", "-n", "env"], cwd=own, env=env, capture_output=True, text=True)
    assert f"'{named}' -S -c" in said.stdout, said.stderr


def test_another_python_serves_and_is_named(tmp_path: Path) -> None:
    """Without the version that the project names, one that the lock allows does, and it is said."""
    small = small_projects.write(tmp_path / "small", "idna", python=OTHER)
    none = str(tmp_path / "none")
    elsewhere = {"PATH": none, "PYENV_ROOT": none, "UV_PYTHON_INSTALL_DIR": none}
    make_env(small_projects.write(tmp_path / "warm", "idna"))  # now the packages need no network
    done = make_env(small, **elsewhere, HTTPS_PROXY=NOWHERE, ALL_PROXY=NOWHERE)
    assert done.returncode == 0, done.stderr
    own = ".".join(map(str, sys.version_info[:2]))
    assert done.stderr.splitlines()[0] == (
        f"Python {OTHER}, which pyproject.toml names, is not here: .venv is made of {own},"
        " and documents will say so"
    )
    assert run(small, VERSION) == own


def test_another_version_in_pyproject_makes_another_environment(tmp_path: Path) -> None:
    """Whoever changes the version in that one place gets it with the next command."""
    if not pythons.of_minor(OTHER):
        pytest.skip(f"Python {OTHER} is not on this machine")
    small = small_projects.write(tmp_path / "small", "idna")
    assert make_env(small).returncode == 0
    before = run(small, VERSION)
    path = small / "pyproject.toml"
    text = path.read_text(encoding="utf-8").replace('python = ""', f'python = "{OTHER}"')
    path.write_text(text, encoding="utf-8")
    assert make_env(small).returncode == 0
    assert (before, run(small, VERSION)) == (".".join(map(str, sys.version_info[:2])), OTHER)


SAVE = """
import sys
from pathlib import Path
from zoneinfo import ZoneInfo, TZPATH
import pandas as pd
from labflake.processes.determinism import pinned
from labflake.io.formats import _read_csv, _write_csv

texts = ["a\\rb", "c\\r\\nd", "e\\n", "\\r", 'q"x', "plain", "1,2"]
path = Path(sys.argv[1] if sys.argv[1:] else "saved.csv")
table = pd.DataFrame({"text\\r": texts, "x": [0.1] * 7, "kind": pd.Categorical(texts)})
_write_csv(table.assign(day=pd.Timestamp("2024-02-29")), path)
assert _read_csv(path)["text\\r"].tolist() == texts
assert not TZPATH, TZPATH
print(ZoneInfo("Europe/Berlin").utcoffset(__import__("datetime").datetime(2024, 7, 1)))
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Save a table with every Python of this machine; return the bytes by version."""
    needed = ("numpy", "pandas", "python-dateutil", "pytz", "six", "tzdata", "pyyaml")
    found = {}
    for version, python in pythons.installed().items():
        small = small_projects.write(tmp_path_factory.mktemp("any") / "small", *needed)
        done = make_env(small, PROJECT_PYTHON=str(python))
        assert done.returncode == 0, done.stderr
        assert run(small, SAVE, PYTHONTZPATH="") == "2:00:00"
        found[version] = (small / "saved.csv").read_bytes()
    return found


def test_a_table_has_the_same_bytes_by_every_python(saved: dict[str, bytes]) -> None:
    """Texts with line ends are quoted by every patch level, and come back as they were."""
    assert len(set(saved.values())) == 1
    assert b'"a\rb",0.1,"a\rb",2024-02-29\n' in next(iter(saved.values()))


def test_steps_read_time_zones_from_the_lock(built: Path) -> None:
    """The zones of the system, which its updates change, are not read."""
    code = (
        "from labflake.processes.determinism import pinned; print(pinned()['PYTHONTZPATH'] == '')"
    )
    assert building.run_python(built, code, built).strip() == "True"
    code = "import zoneinfo; print(zoneinfo.TZPATH, zoneinfo.ZoneInfo('Asia/Tokyo'))"
    assert run(built, code, PYTHONTZPATH="") == "() Asia/Tokyo"


def test_keys_hold_the_minor_version(built: Path) -> None:
    """Two machines with 3.12.1 and 3.12.9 share results; those with 3.12 and 3.13 do not."""
    code = """
import sys
from labflake.processes.determinism import conditions
conditions()  # what it imports is there
for version in ((3, 12, 1), (3, 12, 9), (3, 13, 1)):
    sys.version_info = version
    print(conditions())
"""
    first, second, third = building.run_python(built, code, built).split()
    assert first == second
    assert first != third
