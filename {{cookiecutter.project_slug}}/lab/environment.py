"""Make `.venv` exactly as `poetry.lock` says, with nothing but Python on the machine (`make env`).

This file runs before any package is installed, with whatever Python 3 the machine has. Every
command starts with its question whether `.venv` is right, so it imports late what only the making
of `.venv` needs.
"""

import hashlib
import os
import re
import sys
from pathlib import Path

POETRY = "2.5.1"
MIRROR_PLUGIN = "0.6.5"
OLDEST, NEWEST = (3, 11), (3, 13)


class PreparationError(Exception):
    """The environment could not be made; the text says what to do."""


def main(argv: list[str]) -> int:
    """Make the environment of the folder given, or of this project.

    With `--brief` a failure is one line, for shells that open without the environment, too.
    """
    folders = [a for a in argv if a != "--brief"]
    folder = Path(folders[0]) if folders else Path(__file__).resolve().parent.parent
    try:
        make(folder.resolve())
    except PreparationError as problem:
        short = f"{str(problem).splitlines()[0]}; the rest works, `make env` tells more"
        print(f"error: {short if '--brief' in argv else problem}", file=sys.stderr)
        return 1
    return 0


def make(folder: Path) -> None:
    """Make or mend `.venv` in the folder; do nothing if it already is what the lock says.

    Packages of the optional Poetry groups that `WITH` names are installed, too, and stay.

    Raises:
        PreparationError: no suitable Python, no network, or Poetry failed.
    """
    groups = _groups(folder)
    if is_current(folder, groups):
        return
    import shutil

    python = _python()
    venv = folder / ".venv"
    stamp = venv / "lab-environment"
    if not _same_place(venv, python):
        if venv.exists():
            print(
                "making .venv again: it is broken, or of another Python or place", file=sys.stderr
            )
        shutil.rmtree(venv, ignore_errors=True)
        _run([python, "-m", "venv", "--without-pip", str(venv)], "making .venv")
    stamp.unlink(missing_ok=True)
    _sync(folder, venv, groups)
    stamp.write_text(fingerprint(folder, groups), encoding="utf-8")


def is_current(folder: Path, groups: list[str] | None = None) -> bool:
    """Tell whether `.venv` is what the lock asks for, by content."""
    try:
        found = (folder / ".venv" / "lab-environment").read_text(encoding="utf-8")
    except OSError:
        return False
    wanted = fingerprint(folder, _groups(folder) if groups is None else groups)
    return found == wanted and os.access(folder / ".venv" / "bin" / "python", os.X_OK)


def fingerprint(folder: Path, groups: list[str]) -> str:
    """Return what decides the contents of `.venv`: its place, interpreter, lock and groups.

    Where no interpreter is asked for, the one that made `.venv` is right: a `.venv` that was made
    in the Nix shell serves outside it, too.
    """
    lock = hashlib.sha256((folder / "poetry.lock").read_bytes()).hexdigest()
    interpreter = os.environ.get("PROJECT_PYTHON") or _stamp(folder)[1]
    place = os.path.realpath(folder / ".venv")  # a clone may link to the .venv of another
    return "\n".join([place, interpreter, lock, ",".join(groups), ""])


def _stamp(folder: Path) -> list[str]:
    """Return the four lines of the fingerprint that `.venv` has; empty ones where it has none."""
    try:
        text = (folder / ".venv" / "lab-environment").read_text(encoding="utf-8")
    except OSError:
        text = ""
    return (text.splitlines() + [""] * 4)[:4]


def _groups(folder: Path) -> list[str]:
    """Return the optional groups: those of `WITH` and those that `.venv` already has."""
    asked = [os.environ.get("WITH", ""), _stamp(folder)[3]]
    names = {n for text in asked for n in re.split(r"[,\s]+", text) if n}
    return sorted(names)


def _python() -> str:
    """Return an interpreter that the lock allows."""
    own = getattr(sys, "_base_executable", sys.executable)
    chosen = os.environ.get("PROJECT_PYTHON")
    if chosen:
        return chosen
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return own
    import platform
    import shutil

    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    raise PreparationError(
        f"this project needs Python 3.{OLDEST[1]} to 3.{NEWEST[1]};"
        f" {own} is {platform.python_version()}\n"
        "  install one of them, or enter the project with: nix develop"
    )


def _same_place(venv: Path, python: str) -> bool:
    """Tell whether `.venv` works, was made in this folder and by this interpreter's version.

    Where an interpreter is asked for by its path (Nix), it must have been that one: another may
    lack the libraries that wheels need, or be deleted with the next garbage collection.
    """
    config, program = venv / "pyvenv.cfg", venv / "bin" / "python"
    if not config.exists() or not os.access(program, os.X_OK):
        return False
    made = dict(line.split(" = ", 1) for line in config.read_text().splitlines() if " = " in line)
    asked = ["-c", "import platform; print(platform.python_version())"]
    versions = [_ask([p, *asked]) for p in (program, python)]
    same = versions[0].returncode == 0 and versions[0].stdout == versions[1].stdout
    if os.environ.get("PROJECT_PYTHON"):
        same = same and made.get("home") == str(Path(python).parent)
    return same and made.get("command", "").endswith(str(venv))


def _sync(folder: Path, venv: Path, groups: list[str]) -> None:
    """Install exactly what `poetry.lock` lists."""
    import subprocess

    command = [*poetry(), "sync", "--no-interaction", "--no-ansi"]
    if groups:
        command += ["--with", ",".join(groups)]
    env = poetry_environment() | {"VIRTUAL_ENV": str(venv)}
    log = venv / "lab-environment.log"
    with log.open("w", encoding="utf-8") as sink:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        _show_progress(process.stdout, sink)
    if process.wait():
        end = "\n".join("  " + line for line in log.read_text().rstrip().splitlines()[-12:])
        raise PreparationError(
            f"Poetry could not install the packages of poetry.lock\n{end}\n"
            f"  the whole log: {log}\n"
            "  no network? connect and run make again; nothing else is lost"
        )


def _show_progress(lines, sink) -> None:
    """Copy Poetry's lines to the log and show how many packages are done."""
    total, done = 0, 0
    terminal = sys.stderr.isatty()
    for line in lines:
        sink.write(line)
        found = re.search(r"Package operations: (\d+) installs?, (\d+) updates?, (\d+) remov", line)
        if found:
            total = sum(map(int, found.groups()))
            print(f"installing {total} packages into .venv", file=sys.stderr)
        elif re.match(r"\s+- (Installing|Updating|Removing|Downgrading)", line):
            done += 1
            if terminal:
                print(f"\r  {done} of {total} ", end="", file=sys.stderr, flush=True)
            elif done % 20 == 0:
                print(f"  {done} of {total}", file=sys.stderr, flush=True)
    if terminal and done:
        print("\r" + " " * 20, end="\r", file=sys.stderr)


def poetry() -> list[str]:
    """Return the command that runs Poetry: the one on the PATH, else a private, pinned one."""
    import shutil

    found = shutil.which("poetry")
    if found and not _needs_mirror() and _is_two(found):
        return [found]
    mirror = f"poetry-plugin-pypi-mirror=={MIRROR_PLUGIN}"
    return [tool("poetry", POETRY, mirror)]


def tool(name: str, version: str, *more: str) -> str:
    """Return a program in a private environment of this user, made once at a pinned version."""
    major, minor = sys.version_info[:2]
    home = _cache_home() / f"{name}-{version}-{major}.{minor}"
    program = home / "bin" / name
    if not (program.exists() and os.access(home / "bin" / "python", os.X_OK)):
        print(f"installing {name.capitalize()} {version} for this user, once", file=sys.stderr)
        _install(home, [f"{name}=={version}", *more])
    return str(program)


def _install(home: Path, wanted: list[str]) -> None:
    """Make a private environment with these packages; a broken attempt leaves nothing behind."""
    import shutil

    shutil.rmtree(home, ignore_errors=True)
    try:
        _run([_python(), "-m", "venv", "--without-pip", str(home)], f"making {home}")
        pip = [*_pip(), "--python", str(home / "bin" / "python")]
        quiet = ["install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, *quiet, *wanted], f"installing {wanted[0]}")
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise


def _pip() -> list[str]:
    """Return the command that runs pip: the machine's, else the wheel that Python brings."""
    python = _python()
    if _ask([python, "-m", "pip", "--version"]).returncode == 0:
        return [python, "-m", "pip"]
    bundled = (
        "import ensurepip, pathlib\n"
        "print(*pathlib.Path(ensurepip.__file__).parent.rglob('pip-*.whl'))"
    )
    wheels = _ask([python, "-c", bundled]).stdout.split()
    if not wheels:
        raise PreparationError(
            f"{python} has no pip, which is needed once to install Poetry\n"
            "  install it (Debian, Ubuntu: apt install python3-pip) or enter with: nix develop"
        )
    return [python, f"{wheels[-1]}/pip"]


def _is_two(poetry: str) -> bool:
    """Tell whether this Poetry has `poetry sync`, which came with 2.0."""
    version = re.search(r"(\d+)\.\d+", _ask([poetry, "--version"]).stdout)
    return bool(version) and int(version[1]) >= 2


def poetry_environment() -> dict[str, str]:
    """Return the environment for Poetry; behind a mirror of the Python index, with its address."""
    dropped = ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "CONDA_PREFIX", "VIRTUAL_ENV")
    env = {k: v for k, v in os.environ.items() if k not in dropped}
    env |= {"POETRY_VIRTUALENVS_IN_PROJECT": "true", "POETRY_VIRTUALENVS_CREATE": "true"}
    if _needs_mirror():
        env.setdefault("POETRY_PYPI_MIRROR_URL", index_url()[0])
    return env


def index_url() -> tuple[str, bool]:
    """Return the package index that pip uses on this machine, and whether it is the public one."""
    ask = (
        "from pip._internal.models.index import PyPI\n"
        "from pip._internal.cli.main_parser import create_main_parser\n"
        "from pip._internal.commands import create_command\n"
        "found = create_command('install').parser.get_default_values().index_url\n"
        "print(found, found.rstrip('/') == PyPI.simple_url.rstrip('/'))"
    )
    pip = _pip()
    path = {"PYTHONPATH": os.path.dirname(pip[-1])} if pip[-1].endswith("/pip") else {}
    url, _, public = _ask([pip[0], "-c", ask], env=os.environ | path).stdout.strip().partition(" ")
    return url, public != "False"


_mirror: list[bool] = []


def _needs_mirror() -> bool:
    """Tell whether Poetry's own client cannot use the index: another one, or only in HTML.

    Poetry needs the JSON form of the simple API and otherwise fails with
    "Expecting value: line 1 column 1".
    """
    if not _mirror:
        _mirror.append(_index_lacks_json())
    return _mirror[0]


def _index_lacks_json() -> bool:
    if os.environ.get("POETRY_PYPI_MIRROR_URL"):
        return True
    index, public = index_url()
    if not public or not index:
        return not public
    import urllib.request

    wanted = {"Accept": "application/vnd.pypi.simple.v1+json"}
    try:
        request = urllib.request.Request(index.rstrip("/") + "/poetry/", headers=wanted)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return "json" not in answer.headers.get("Content-Type", "")
    except OSError:
        return False


def _cache_home() -> Path:
    """Return the folder of the user's cache in which the tools of all projects live."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "labflake"


def _ask(command: list, **options):
    """Run a command; return its exit code and what it printed, as text."""
    import subprocess

    return subprocess.run(command, capture_output=True, text=True, **options)


def _run(command: list[str], what: str) -> None:
    """Run a command; a failure shows the end of what it printed."""
    done = _ask(command)
    if done.returncode:
        end = "\n".join("  " + line for line in (done.stdout + done.stderr).splitlines()[-8:])
        raise PreparationError(f"{what} failed\n{end}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
