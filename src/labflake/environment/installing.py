"""Install requirements with hashes into an environment: uv, and pip where uv cannot do it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from . import PreparationError, altered, edited, failures, programs, progress, sources, uv

INSTALLED = "labflake-requirements.txt"  # in `.venv`: what it was made of


class Wanted(NamedTuple):
    """What shall be in an environment: files of requirements, as pip and uv read them."""

    packages: Path
    tools: Path  # uv, and what builds packages from source
    indexes: tuple[str, ...] = ()  # that the lock itself names


def create(venv: Path, python: str, wanted: Callable[[], Wanted]) -> None:
    """Make an empty environment; what has to be known to fill it is found out meanwhile."""
    command = [python, "-I", "-S", "-m", "venv", "--without-pip", str(venv)]
    done = programs.ask(command, meanwhile=lambda: (uv.find(wanted().tools), sources.probable()))
    if done.returncode:
        end = "\n".join(f"  {line}" for line in (done.stdout + done.stderr).splitlines()[-3:])
        raise PreparationError(f"{python} could not make {venv}\n{end}")


def install(folder: Path, venv: Path, wanted: Wanted, said: str = "") -> None:
    """Install into an empty environment: with uv, unless it failed as it `said`, else with pip.

    Raises:
        PreparationError: neither could.
    """
    said = said or by_uv(folder, venv, wanted)
    if said and (words := by_pip(folder, venv, wanted, said)):
        raise failures.explain(said, words, _version(venv))


def _version(venv: Path) -> str:
    """Return the version of the Python of an environment."""
    config = (venv / "pyvenv.cfg").read_text(encoding="utf-8")
    found = re.search(r"^version = (\S+)", config, re.MULTILINE)
    return found[1] if found else ""


def by_uv(folder: Path, venv: Path, wanted: Wanted) -> str:
    """Install exactly these packages with uv; return what it said if it could not.

    What this user installed before needs no network, so the first attempt is without one.
    """
    program, reason = uv.find(wanted.tools)
    if not program:
        return reason
    python = str(venv / "bin" / "python")
    command = [program, "pip", "sync", "--python", python, "--require-hashes"]
    command += [str(wanted.packages), "--build-constraint", str(wanted.tools)]
    command += [f"--reinstall-package={name}" for name in _other_files(venv, wanted)]
    before = altered.installed(venv)
    said = _sync(command, wanted, folder, venv.name)
    if not said and (names := edited.packages(venv, before)):
        programs.say(
            f"edited in uv's cache, through another .venv: {', '.join(names)}; fetched anew"
        )
        env = sources.for_uv((), sources.probable())
        programs.ask([program, "cache", "clean", "--force", *names], env, folder)
        command += [f"--reinstall-package={name}" for name in names]
        said = _sync(command, wanted, folder, venv.name)
        if not said and edited.packages(venv, before):
            said = "uv's cache holds other files than those that were fetched"
    return said


def _sync(command: list[str], wanted: Wanted, folder: Path, place: str) -> str:
    """Install with uv, at first without the network; return what it said if it could not.

    What is cached lies there by the address of its index, so pip is asked only if it is needed.
    """
    env = sources.for_uv(wanted.indexes, sources.probable())
    done = programs.ask([*_with_index(command, env), "--offline"], env, folder)
    if done.returncode:
        probable, env = env, sources.for_uv(wanted.indexes)
        if env != probable:
            done = programs.ask([*_with_index(command, env), "--offline"], env, folder)
    if done.returncode:
        return _while_it_goes_on(_with_index(command, env), env, folder, place)
    if found := re.search(r"Installed (\d+) packages?", done.stderr):
        many = "" if found[1] == "1" else "s"
        programs.say(f"installed {found[1]} package{many} into {place}, without the network")
    return ""


def _with_index(command: list[str], env: dict[str, str]) -> list[str]:
    """Say by a word, too, that no index is to be asked: uv knows no variable for it."""
    return [*command, *(["--no-index"] if env.get("UV_NO_INDEX") else [])]


def _other_files(venv: Path, wanted: Wanted) -> list[str]:
    """Return the packages that the lock pins to other files than those that `.venv` was made of.

    Their version may be the same, and then uv would leave them as they are.
    """
    if not (venv / INSTALLED).exists():
        return []
    before, now = set(_lines(venv / INSTALLED)), _lines(wanted.packages)
    return sorted({_name(line) for line in now if line not in before})


def _lines(requirements: Path) -> list[str]:
    return requirements.read_text(encoding="utf-8").splitlines()


def _name(line: str) -> str:
    return re.split("==| @ ", line)[0]


def _while_it_goes_on(command: list[str], env: dict[str, str], folder: Path, place: str) -> str:
    """Try with the network, and again as long as each attempt brings files that were missing.

    What was fetched stays in uv's cache, so a bad line costs no file twice, and none at all is
    found out soon.
    """
    printed = "Downloaded"
    while "Downloaded" in printed:
        code, printed = progress.run(command, {"UV_HTTP_RETRIES": "1"} | env, folder, place)
        if code == 0:
            return ""
        if failures.cause(printed) is not failures.NO_NETWORK:
            break
    return printed.strip()


def by_pip(folder: Path, venv: Path, wanted: Wanted, said: str) -> str:
    """Install these packages with pip into an empty environment; return its words if it could not.

    It is slower, and works wherever pip does. The package at which uv stopped, as it `said`, is
    asked for first.
    """
    lines = _lines(wanted.packages)
    first = [line for line in lines if _name(line) == failures.package(said)]
    cut_off = failures.cause(said) is failures.NO_NETWORK
    patience = {"PIP_RETRIES": "0", "PIP_TIMEOUT": "5"} if cut_off else {"PIP_RETRIES": "1"}
    env = patience | sources.for_pip()
    programs.say("uv could not install the packages, so pip tries")
    building, missing = _building(folder, venv, wanted, env)
    if missing and failures.cause(missing) is not failures.NOT_FOUND:
        return missing
    for part in filter(None, (first, lines)):
        if words := _pip(folder, venv, wanted, part, env | building):
            return missing or words
    edited.packages(venv, altered.installed(venv))
    return ""


def _building(
    folder: Path, venv: Path, wanted: Wanted, env: dict[str, str]
) -> tuple[dict[str, str], str]:
    """Put what builds packages from source beside them; return how to find it, or pip's words.

    Left to itself, pip takes the newest of the index. Packages with a wheel do without.
    """
    place = wanted.tools.with_name("building")
    lines = [line for line in _lines(wanted.tools) if _name(line) != "uv"]
    words = _pip(folder, venv, wanted, lines, env, "--target", str(place)) if lines else ""
    return {"PYTHONPATH": str(place)} if place.exists() else {}, words


def _pip(
    folder: Path, venv: Path, wanted: Wanted, lines: list[str], env: dict[str, str], *more: str
) -> str:
    given = wanted.packages.with_name("for-pip.txt")
    given.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    command = [*sources.pip(), "--python", str(venv / "bin" / "python"), "install", "--no-deps"]
    command += ["--no-compile", "--no-user", "--require-hashes", "--quiet", *more]
    command += ["--ignore-installed", "--no-build-isolation", "--use-pep517"]
    command += [word for url in wanted.indexes for word in ("--extra-index-url", url)]
    command += ["--requirement", str(given)]
    done = programs.ask(command, env, folder)
    words = (done.stdout + done.stderr).strip()
    if done.returncode and failures.cause(words) is failures.NOT_FOUND:
        name = failures.package(words)
        given.write_text("".join(f"{line}\n" for line in lines if _name(line) == name))
        words += "\n" + _reasons(programs.ask([*command, "-vvv"], env, folder).stdout)
    return words if done.returncode else ""


def _reasons(told: str) -> str:
    """Return why pip left out pages and files; it says so only where it is asked for all words."""
    told_of = r"Could not fetch URL .*|.*none of the wheel's tags.*|Fetched page \S+ as text/html"
    return "\n".join(re.findall(told_of, told))
