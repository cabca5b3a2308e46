"""What all tests share: a home of their own, a clean copy of the template, one rendered project."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import building
import hypothesis
import pytest
import rendering

# What is drawn at random is the same in each run; `make exactness` takes a seed of its own.
os.environ.setdefault("EXACTNESS_SEED", "1")
# How long an example takes says nothing on a busy machine, and no test writes into the clone.
hypothesis.settings.register_profile(
    "same",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("same")


def pytest_report_header(config: pytest.Config) -> str:
    """Say how to repeat the random tests."""
    return f"EXACTNESS_SEED={os.environ['EXACTNESS_SEED']}"


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Let Ctrl-C reach what the tests start, also where they run in the background themselves."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Move HOME, where cookiecutter writes and git reads; downloads stay in the user's cache.

    Packages come from where pip and uv take them for this user.
    """
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for variable, file in told_about_packages().items():
            patch.setenv(variable, os.environ.get(variable, file))
        caches = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
        patch.setenv("XDG_CACHE_HOME", str(caches))
        patch.setenv("HOME", str(folder))
        for variable in ("XDG_CONFIG_HOME", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "EMAIL"):
            patch.delenv(variable, raising=False)
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "Test Person")
            patch.setenv(f"GIT_{role}_EMAIL", "test@example.org")
        yield folder


def told_about_packages() -> dict[str, str]:
    """Return the files of the user's home that pip and uv read, by the variables that name them."""
    home = Path.home()
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    on_macos = home / "Library/Application Support"
    places = {
        "PIP_CONFIG_FILE": [
            home / ".pip/pip.conf",
            *(s / "pip/pip.conf" for s in (settings, on_macos)),
        ],
        "UV_CONFIG_FILE": [settings / "uv/uv.toml"],
        "NETRC": [home / ".netrc"],
    }
    return {name: str(file) for name, files in places.items() for file in files if file.exists()}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the template to a path with a blank and a letter outside ASCII."""
    return rendering.copy_template(tmp_path_factory.mktemp("template") / "a témplate")


@pytest.fixture(scope="session")
def project(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Render one project. Read only: a test that changes files makes its own."""
    folder = tmp_path_factory.mktemp("project") / "a földer"
    return rendering.render(template, folder, rendering.ANSWERS)


@pytest.fixture(scope="session")
def built(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Render a project and build its sample by its own `make`. Read only: copy it to change it."""
    folder = tmp_path_factory.mktemp("built")
    project = rendering.render(template, folder, rendering.ANSWERS)
    printed = building.made(project, CACHE=str(folder / "cache"))
    (folder / "first-build.log").write_text(printed, encoding="utf-8")
    return project


@pytest.fixture
def in_the_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what runs in this process find the project as it is before it is rendered."""
    monkeypatch.setenv("LABFLAKE_PROJECT", str(rendering.REPOSITORY / rendering.PAYLOAD))
