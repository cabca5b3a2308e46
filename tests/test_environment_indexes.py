"""`make env` takes packages from wherever pip takes them; a failure says what was in the way."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest
import pythons
import small_packages
from rendering import SOURCES
from servers import free_port
from servers.certificates import authority
from servers.devpi import Devpi
from servers.loopback import Loopback
from servers.packages import PASSWORD, USER, Index

pytestmark = pytest.mark.long

WHEEL, OTHER, SOURCE = "labtest-wheel", "labtest-other", "labtest-source"
ABSENT, FOREIGN = "labtest-absent", "labtest-foreign"


@dataclass
class Row:
    """What somebody told pip or uv: pip.conf, variables, other files of the home."""

    conf: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


class Person:
    """Somebody with an empty home and one small project, in the network of the tests."""

    def __init__(self, folder: Path, inside: list[str], places: dict[str, str]) -> None:
        self.home, self.project = folder / "home", folder / "a próject"
        self.home.mkdir(parents=True)
        self.inside, self.places = inside, places | {"home": str(self.home)}
        self.path = os.environ["PATH"]

    def says(self, row: Row) -> subprocess.CompletedProcess[str]:
        """Write the files of a row and run `make env` with its variables, and no others."""
        for name, text in (row.files | {".config/pip/pip.conf": row.conf}).items():
            (self.home / name).parent.mkdir(parents=True, exist_ok=True)
            (self.home / name).write_text(text.format(**self.places))
            (self.home / name).chmod(0o700)
        return self.make(**{n: value.format(**self.places) for n, value in row.variables.items()})

    def make(self, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `make env`."""
        kept = {k: os.environ[k] for k in ("PYENV_ROOT", "LANG") if k in os.environ}
        return subprocess.run(
            [*self.inside, "make", "-C", str(self.project), "env"],
            env={"PATH": self.path, "HOME": str(self.home)} | kept | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def imports(self, *packages: str) -> bool:
        """Tell whether the project's Python imports these packages."""
        code = "import importlib, sys; [importlib.import_module(n) for n in sys.argv[1:]]"
        names = [name.replace("-", "_") for name in packages]
        command = [self.project / ".venv/bin/python", "-I", "-c", code, *names]
        return subprocess.run(command, capture_output=True).returncode == 0

    def has_all(self) -> bool:
        """Tell whether all packages of the project are there, and the project itself."""
        return self.imports(WHEEL, OTHER, SOURCE, "study", "labflake")


# Who is there, and what they use -----------------------------------------------------------------


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    """Give the tests a network in which only their index can answer."""
    with Loopback() as network:
        yield network


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Make the packages and bring the tools; newer tools, which nobody locked, lie beside them."""
    folder, elsewhere = (tmp_path_factory.mktemp(name) for name in ("files", "elsewhere"))
    made = {name: small_packages.wheel(folder, name) for name in (WHEEL, OTHER)}
    made[SOURCE] = small_packages.source(folder, SOURCE)
    made[FOREIGN] = small_packages.wheel(folder, FOREIGN, "cp27-cp27m-win32")
    made[ABSENT] = small_packages.wheel(elsewhere, ABSENT)
    for tool in small_packages.tools(folder, kept()):
        name = tool.name.split("-")[0]
        made[name] = tool
        small_packages.wheel(folder, name, version="999")
    return made


def kept() -> Path:
    """Return the folder of what is asked from the real index once."""
    return Path(os.environ["XDG_CACHE_HOME"]) / "labflake-tests"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the authority of an institute, which nobody else knows."""
    if not shutil.which("openssl"):
        pytest.skip("not installed: openssl")
    return authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def start_index(
    loopback: Loopback,
    files: dict[str, Path],
    certificates: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[], Index]:
    """Return what starts an index with all files."""

    def start() -> Index:
        log = tmp_path_factory.mktemp("log") / "asked.txt"
        return Index(files[WHEEL].parent, certificates, log, loopback.inside)

    return start


@pytest.fixture(scope="module")
def index(start_index: Callable[[], Index]) -> Iterator[Index]:
    """Start the index of all tests."""
    with start_index() as server:
        yield server


@pytest.fixture(scope="module")
def come(
    loopback: Loopback, index: Index, files: dict[str, Path], certificates: Path
) -> Callable[[Path], Person]:
    """Return what brings somebody whose project has a wheel, a second one and a source package."""
    secret = f"//{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@"
    places = {
        "http": index.http,
        "https": index.https,
        "mutual": index.mutual,
        "secret": index.http.replace("//", secret),
        "secrets": index.https.replace("//", secret),
        "proxy": index.http.removeprefix("http://"),
        "files": str(files[WHEEL].parent),
        "ca": str(certificates / "ca.pem"),
        "own": str(certificates / "both.pem"),
        "user": USER,
        "password": PASSWORD,
    }

    def bring(folder: Path) -> Person:
        person = Person(folder, loopback.inside, places)
        wanted = [files[name] for name in (WHEEL, OTHER, SOURCE)]
        small_packages.project(person.project, wanted, [files["setuptools"], files["uv"]])
        return person

    return bring


@pytest.fixture
def person(come: Callable[[Path], Person], tmp_path: Path) -> Person:
    """Bring somebody."""
    return come(tmp_path)


@pytest.fixture(scope="module")
def uv(files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with the program `uv`, as people have it on their PATH."""
    program = tmp_path_factory.mktemp("uv") / "uv"
    with zipfile.ZipFile(files["uv"]) as archive:
        inside = next(name for name in archive.namelist() if name.endswith("/scripts/uv"))
        program.write_bytes(archive.read(inside))
    program.chmod(0o755)
    return program.parent


# Every way to say where packages are -------------------------------------------------------------

PLAIN = "[global]\nindex-url = {http}/html/simple\n"
SECURE = "[global]\nindex-url = {https}/html/simple\n"
NETRC = "machine 127.0.0.1\nlogin {user}\npassword {password}\n"
KEYRING = '#!/bin/sh\n[ "$1" = get ] && echo "{password}"\n'
IMPOSSIBLE = "labtest-wheel==9\nuv==0.0.1\nsetuptools==1\n"
WORKS = {
    "HTML only": Row(PLAIN),
    "JSON only": Row("[global]\nindex-url = {http}/json/simple/\n"),
    "both, with metadata": Row("[global]\nindex-url = {http}/both/simple/\n"),
    "path prefix": Row("[global]\nindex-url = {http}/html/artifactory/api/pypi/all/simple\n"),
    "PIP_INDEX_URL": Row(variables={"PIP_INDEX_URL": "{http}/html/simple"}),
    "credentials in the address": Row("[global]\nindex-url = {secret}/private/simple\n"),
    "credentials in netrc": Row(
        "[global]\nindex-url = {http}/private/simple\n", files={".netrc": NETRC}
    ),
    "extra-index-url": Row(
        f"[global]\nindex-url = {{http}}/without-{OTHER}/simple\n"
        f"extra-index-url = {{http}}/only-{OTHER}/simple\n"
    ),
    "wheelhouse": Row("[global]\nno-index = true\nfind-links = {files}\n"),
    "wheelhouse by variables": Row(
        variables={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "file://{files}"}
    ),
    "private authority by cert": Row(f"{SECURE}cert = {{ca}}\n"),
    "private authority by PIP_CERT": Row(SECURE, {"PIP_CERT": "{ca}"}),
    "private authority by SSL_CERT_FILE": Row(SECURE, {"SSL_CERT_FILE": "{ca}"}),
    "private authority by both": Row(SECURE, {"SSL_CERT_FILE": "{ca}", "PIP_CERT": "{ca}"}),
    "private authority by REQUESTS_CA_BUNDLE": Row(
        SECURE, {"REQUESTS_CA_BUNDLE": "{ca}", "SSL_CERT_FILE": "{own}"}
    ),
    "client certificate": Row(
        "[global]\nindex-url = {mutual}/html/simple\ncert = {ca}\nclient-cert = {own}\n"
    ),
    "trusted-host": Row(f"{SECURE}trusted-host = localhost\n"),
    "install into the home": Row(f"{PLAIN}[install]\nuser = true\n"),
    "PIP_USER": Row(PLAIN, {"PIP_USER": "1"}),
    "PIP_TARGET": Row(PLAIN, {"PIP_TARGET": "{home}/elsewhere"}),
    "PIP_PREFIX": Row(PLAIN, {"PIP_PREFIX": "{home}/elsewhere"}),
    "PIP_REQUIRE_VIRTUALENV": Row(PLAIN, {"PIP_REQUIRE_VIRTUALENV": "1"}),
    "PIP_CONSTRAINT": Row(
        PLAIN, {"PIP_CONSTRAINT": "{home}/constraints"}, {"constraints": IMPOSSIBLE}
    ),
    "constraint in pip.conf": Row(
        f"{PLAIN}constraint = {{home}}/constraints\n", files={"constraints": IMPOSSIBLE}
    ),
    "proxy": Row(
        "[global]\nindex-url = http://packages.invalid/html/simple\n"
        "trusted-host = packages.invalid\nproxy = {proxy}\n"
    ),
    "proxy by variables": Row(
        "[global]\nindex-url = https://packages.invalid/html/simple\ncert = {ca}\n",
        {"http_proxy": "{http}", "https_proxy": "{http}"},
    ),
    "proxy of TLS": Row(
        "[global]\nindex-url = https://packages.invalid/html/simple\ncert = {ca}\nproxy = {http}\n"
    ),
    "no uv": Row("[global]\nindex-url = {http}/without-uv/simple\n"),
    "no uv, credentials": Row("[global]\nindex-url = {secret}/private+without-uv/simple\n"),
    "no uv, extra-index-url": Row(
        f"[global]\nindex-url = {{http}}/without-uv+without-{OTHER}/simple\n"
        f"extra-index-url = {{http}}/only-{OTHER}/simple\n"
    ),
    "no uv, client certificate": Row(
        "[global]\nindex-url = {mutual}/without-uv/simple\ncert = {ca}\nclient-cert = {own}\n"
    ),
    "no uv, install into the home": Row(
        "[global]\nindex-url = {http}/without-uv/simple\n[install]\nuser = true\n",
        {"PIP_REQUIRE_VIRTUALENV": "1"},
    ),
    "no uv, constraint": Row(
        "[global]\nindex-url = {http}/without-uv/simple\nconstraint = {home}/constraints\n",
        files={"constraints": IMPOSSIBLE},
    ),
}


@pytest.fixture(scope="module")
def tried(
    request: pytest.FixtureRequest,
    come: Callable[[Path], Person],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Future]]:
    """Try each row that is asked for, two at a time: much of a row is waiting."""
    items = [i for i in request.session.items if i.function is test_index_serves]

    def say(row: str) -> tuple[Person, subprocess.CompletedProcess[str]]:
        person = come(tmp_path_factory.mktemp("row"))
        return person, person.says(WORKS[row])

    with ThreadPoolExecutor(2) as pool:
        rows = [item.callspec.params["row"] for item in items]
        yield {row: pool.submit(say, row) for row in rows}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("row", WORKS)
def test_index_serves(tried: dict[str, Future], row: str) -> None:
    """With an empty home and what this row tells pip, one command makes the environment."""
    person, done = tried[row].result()
    assert done.returncode == 0, done.stdout + done.stderr
    assert person.has_all()
    assert PASSWORD not in done.stdout + done.stderr
    assert not list(person.home.glob("elsewhere")) + list(person.home.glob(".local/lib"))


def test_keyring_is_asked(person: Person) -> None:
    """A password that the program `keyring` knows is asked there, by pip and by uv."""
    person.path = f"{person.home}/bin:{person.path}"
    named = "http://" + quote(USER, safe="") + "@" + person.places["proxy"]
    conf = f"[global]\nindex-url = {named}/private/simple\nkeyring-provider = subprocess\n"
    done = person.says(Row(conf, files={"bin/keyring": KEYRING}))
    assert done.returncode == 0, done.stderr
    assert person.has_all()


def test_devpi_serves(
    person: Person, index: Index, loopback: Loopback, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A real server from PyPI that mirrors an index is as good as that index."""
    mirrored = f"{index.http}/html/simple/"
    folder = tmp_path_factory.mktemp("devpi")
    with Devpi(kept(), folder, mirrored, free_port(), loopback.inside) as devpi:
        done = person.says(Row(f"[global]\nindex-url = {devpi.url}\n"))
    assert done.returncode == 0, done.stderr
    assert person.has_all()


# uv, and what it was told


def test_uv_alone_is_enough(person: Person, uv: Path, tmp_path: Path) -> None:
    """A Python without pip, and uv with an index of its own: nothing else is needed."""
    person.path = f"{without_pip(tmp_path)}:{uv}:/usr/bin:/bin"
    done = person.says(Row(variables={"UV_INDEX_URL": "{http}/html/simple"}))
    assert done.returncode == 0, done.stderr
    assert person.has_all()


def test_what_uv_was_told_wins(person: Person, uv: Path, index: Index) -> None:
    """An index that uv was told is the one that uv asks, whatever pip was told."""
    person.path = f"{uv}:{person.path}"
    conf = "[global]\nindex-url = {http}/broken/simple\n"
    with index.asked() as paths:
        done = person.says(Row(conf, {"UV_DEFAULT_INDEX": "{http}/html/simple"}))
    assert done.returncode == 0, done.stderr
    assert person.has_all()
    assert not [path for path in paths if path.startswith("/broken")]


def without_pip(folder: Path) -> Path:
    """Make a Python that has no pip and cannot get one; return the folder of its program."""
    program = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    (folder / "bin").mkdir()
    shutil.copy(program, folder / "bin/python3")
    (folder / "lib" / library.name).mkdir(parents=True)
    for entry in library.iterdir():
        if entry.name not in ("ensurepip", "site-packages", "dist-packages"):
            (folder / "lib" / library.name / entry.name).symlink_to(entry)
    return folder / "bin"


SAYS = {
    "nothing": Row(),
    "files of the user": Row(
        "[global]\nindex_url = http://one\n[install]\n--Extra-Index-Url =\n  http://two\n  http://%3\n",
        files={".pip/pip.conf": "[global]\nindex-url = http://old\nproxy = http://p\n"},
    ),
    "another place": Row("[x]\n", {"XDG_CONFIG_HOME": "{home}/c"}, {"c/pip/pip.conf": PLAIN}),
    "places of the machine": Row(
        "[global]\ncert = /mine\n",
        {"XDG_CONFIG_DIRS": "{home}/a:{home}/b"},
        {"a/pip/pip.conf": "[global]\ncert=/a\nproxy=a\n", "b/pip/pip.conf": "[global]\nproxy=b\n"},
    ),
    "a named file": Row(PLAIN, {"PIP_CONFIG_FILE": "{home}/own"}, {"own": "[global]\nproxy = x\n"}),
    "no file": Row(PLAIN, {"PIP_CONFIG_FILE": os.devnull, "PIP_PROXY": "p", "PIP_TARGET": "t"}),
    "a file that is not there": Row(PLAIN, {"PIP_CONFIG_FILE": "{home}/none"}),
    "a file for one command": Row("[download]\nindex-url = http://other\n[global]\nproxy = p\n"),
}


@pytest.mark.parametrize("row", SAYS)
def test_files_of_pip_are_read_as_pip_reads_them(person: Person, row: str) -> None:
    """What is read without starting pip, which takes long, is what pip itself would say."""
    said = SAYS[row]
    person.places["http"] = "http://index"
    variables = {name: value.format(**person.places) for name, value in said.variables.items()}
    for name, text in (said.files | {".config/pip/pip.conf": said.conf}).items():
        (person.home / name).parent.mkdir(parents=True, exist_ok=True)
        (person.home / name).write_text(text.format(**person.places))
    code = "from labflake.environment.sources import *; print(settings() == probable(), settings())"
    env = {"PATH": person.path, "HOME": str(person.home), "PYTHONPATH": str(SOURCES), **variables}
    command = [getattr(sys, "_base_executable", sys.executable), "-c", code]
    done = subprocess.run(command, cwd=person.project, env=env, capture_output=True, text=True)
    assert done.stdout.startswith("True"), done.stdout + done.stderr


# Without an index --------------------------------------------------------------------------------


def test_second_project_needs_no_network(
    person: Person, start_index: Callable[[], Index], come: Callable[[Path], Person], tmp_path: Path
) -> None:
    """What this user installed once is installed again without any index."""
    with start_index() as short:
        person.places["http"] = short.http
        assert person.says(Row(PLAIN)).returncode == 0
    second = come(tmp_path / "second")
    second.places["http"] = person.places["http"]
    shutil.copytree(person.home, second.home, dirs_exist_ok=True)
    done = second.says(Row(PLAIN))
    assert done.returncode == 0, done.stderr
    assert second.has_all()


def test_failure_leaves_a_moved_project_its_packages(
    person: Person, start_index: Callable[[], Index]
) -> None:
    """A project that was moved, and cannot be made again, works as it did."""
    with start_index() as short:
        person.places["http"] = short.http
        assert person.says(Row(PLAIN)).returncode == 0
    shutil.rmtree(person.home / ".cache")
    person.project = person.project.rename(person.project.with_name("moved"))
    assert person.make().returncode != 0
    assert person.imports(WHEEL, OTHER, SOURCE)
    assert not list(person.project.glob(".venv?*"))


def test_failure_leaves_what_was_there(person: Person, files: dict[str, Path]) -> None:
    """A lock that cannot be installed leaves the packages of the one before."""
    assert person.says(Row(PLAIN)).returncode == 0
    before = (person.project / "poetry.lock").read_text()
    small_packages.lock(person.project, [files[WHEEL], files[ABSENT]], [])
    assert person.make().returncode != 0
    assert person.has_all()
    (person.project / "poetry.lock").write_text(before)
    assert person.make().returncode == 0
    assert person.has_all()


# What was in the way -----------------------------------------------------------------------------

SECRET = f"ann:{quote(PASSWORD, safe='')}@"
FAULTS = {
    "wrong hash": ("{secret}/altered/simple", "poetry.lock pins"),
    "file cut": ("{secret}/cut/simple", "broke|poetry.lock pins"),
    "page to sign in": ("{secret}/login/simple", "page"),
    "page to sign in instead of files": ("{secret}/portal/simple", "poetry.lock pins|page"),
    "wrong password": ("{http}/private/simple", "login"),
    "unknown authority": ("{secrets}/html/simple", "certificate"),
    "out of order": ("{secret}/broken/simple", "server"),
    "nobody listens": (f"http://{SECRET}127.0.0.1:9/simple", "reached"),
    "no such host": (f"https://{SECRET}packages.invalid/simple", "reached"),
    "proxy that is not there": (
        f"https://{SECRET}packages.invalid/simple\nproxy = http://{SECRET}127.0.0.1:9",
        "reached",
    ),
    "password not encoded": (f"http://ann:{PASSWORD}@127.0.0.1:9/simple", "address"),
}


@pytest.mark.parametrize("tool", ["uv on the PATH", "no tool"])
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_of_an_index_is_a_sentence(person: Person, uv: Path, fault: str, tool: str) -> None:
    """What failed is said in a few lines: the index without its secrets, and the cause."""
    index, cause = FAULTS[fault]
    person.path = f"{uv}:{person.path}" if tool == "uv on the PATH" else person.path
    said = error(person.says(Row(f"[global]\nindex-url = {index}\n")))
    host = re.search(r"//(?:.*@)?([^/]+)/", index.format(**person.places))
    assert host[1] in said
    assert re.search(cause, said)


@pytest.mark.parametrize("tool", ["uv", "pip"])
@pytest.mark.parametrize(
    ("package", "cause"), [(ABSENT, "does not have this version"), (FOREIGN, "no file for Linux")]
)
def test_missing_file_is_a_sentence(
    person: Person, files: dict[str, Path], package: str, cause: str, tool: str
) -> None:
    """A package that the index lacks, or lacks for this platform, is named with the reason."""
    build = [files["setuptools"], files["uv"]]
    small_packages.lock(person.project, [files[WHEEL], files[package]], build)
    index = "{secret}/" + {"uv": "html", "pip": "without-uv"}[tool] + "/simple"
    said = error(person.says(Row(f"[global]\nindex-url = {index}\n")))
    assert f"{package} {small_packages.VERSION}" in said
    assert person.places["proxy"] in said
    assert cause in said


def test_a_wheelhouse_for_another_python_serves(
    person: Person, files: dict[str, Path], tmp_path: Path
) -> None:
    """Wheels for a Python that is not the wanted one: that Python is taken, and it is said."""
    there = {version.split(".")[1] for version in pythons.installed()}
    if "12" not in there or there == {"12"}:
        pytest.skip("Python 3.12 and another one are not on this machine")
    minor = min(there - {"12"})
    folder = tmp_path / "wheels"
    shutil.copytree(files[WHEEL].parent, folder)
    own = small_packages.wheel(folder, "labtest-own", f"cp3{minor}-none-any")
    build = [files["setuptools"], files["uv"]]
    small_packages.lock(person.project, [files[WHEEL], own], build)
    done = person.says(Row(f"[global]\nno-index = true\nfind-links = {folder}\n"))
    assert done.returncode == 0, done.stderr
    assert person.imports(WHEEL, "labtest-own")
    assert "labtest-own 1.2 could not be had" in done.stderr
    assert "error: " not in done.stderr


def test_missing_file_names_the_python_that_lacks_it(
    person: Person, files: dict[str, Path], uv: Path
) -> None:
    """The Python that has no file is the one of `.venv`, whichever one runs the command."""
    person.path = f"{uv}:{person.path}"
    assert person.says(Row(PLAIN)).returncode == 0
    code = "import platform; print(platform.python_version())"
    asked = subprocess.run([person.project / ".venv/bin/python", "-c", code], capture_output=True)
    small_packages.lock(person.project, [files[FOREIGN]], [files["setuptools"], files["uv"]])
    assert f"Python {asked.stdout.decode().strip()}\n" in error(person.make())


def test_silent_index_is_given_up(person: Person) -> None:
    """An index that takes questions and never answers is given up when pip's `timeout` says so."""
    conf = "[global]\nindex-url = {secret}/silent/simple\ntimeout = 2\n"
    said = error(person.says(Row(conf)))
    assert person.places["proxy"] in said
    assert "reached" in said


def error(done: subprocess.CompletedProcess[str]) -> str:
    """Expect a failure with a short message, no traceback and no secret; return the message."""
    printed = done.stdout + done.stderr
    assert done.returncode != 0, printed
    assert "Traceback" not in printed
    assert not [word for word in (PASSWORD, quote(PASSWORD, safe="")) if word in printed]
    message = done.stderr.partition("error: ")[2].partition("make: ***")[0]
    assert 1 <= len(message.splitlines()) <= 5, printed
    return message
