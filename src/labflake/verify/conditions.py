"""What differs between two places in which an experiment is built, and must not matter."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

DAYS = 400.3  # another year, season, day of the week and hour
_LANGUAGES = ("de_DE.utf8", "fr_FR.utf8", "tr_TR.utf8", "C.utf8", "C.UTF-8")


@dataclass(frozen=True)
class Conditions:
    """The circumstances of one build."""

    name: str
    place: Path
    environment: dict[str, str]
    processors: int
    umask: int
    reverse: bool = False
    days: float = 0

    def command(self, command: list[str]) -> list[str]:
        """Return the command with the clock of this build before it; times of files stay true."""
        if not self.days:
            return command
        return ["env", "NO_FAKE_STAT=1", "faketime", "-m", "-f", f"+{self.days}d", *command]

    def begin(self) -> None:
        """Set in a child process what is no environment variable."""
        os.umask(self.umask)
        if hasattr(os, "sched_setaffinity"):
            allowed = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, allowed[: self.processors])


@dataclass(frozen=True)
class Build:
    """A complete build: its circumstances, where it is, when it began and ended, what it made."""

    conditions: Conditions
    generated: Path
    began: float
    ended: float
    artifacts: dict[str, Path]


def first(place: Path) -> Conditions:
    """Return the plain conditions: few processors, one thread, a short path."""
    own = _variables(place, "C", "UTC0", threads=1, seed=1, width=80, user="ada")
    return Conditions("first", place, own, max(1, _processors() // 2), 0o022)


def second(place: Path) -> Conditions:
    """Return conditions that differ in all that can be changed here."""
    zone = "<+1245>-12:45"  # spelt out, so that it needs no table of zones
    own = _variables(place, _language(), zone, threads=3, seed=31337, width=132, user="grace")
    days = DAYS if shutil.which("faketime") else 0
    return Conditions("second", place, own, _processors(), 0o077, reverse=True, days=days)


def table(one: Conditions, two: Conditions, listed_alike: bool) -> list[tuple[str, str, str]]:
    """Return what differed: a name and a value for each of the two, and what could not differ."""
    homes = [Path(each.environment["HOME"]).name for each in (one, two)]
    variables = {
        "user": "USER",
        "time zone": "TZ",
        "locale": "LANG",
        "hash seed": "PYTHONHASHSEED",
        "threads": "OMP_NUM_THREADS",
        "columns": "COLUMNS",
    }
    rows = [("folder", str(one.place), str(two.place)), ("HOME", homes[0], homes[1])]
    rows += [(k, one.environment[v], two.environment[v]) for k, v in variables.items()]
    rows += [
        ("clock", "now", f"{two.days:g} days later" if two.days else _NO_CLOCK),
        ("processors", str(one.processors), _unlike(one.processors, two.processors)),
        ("umask", f"{one.umask:03o}", f"{two.umask:03o}"),
        ("file order", "as found", "the same, here" if listed_alike else "another"),
    ]
    return rows


_NO_CLOCK = "the same: install faketime (Debian: apt install faketime) to change it"


def _unlike(one: int, two: int) -> str:
    return str(two) if one != two else "the same: this machine has one"


def _variables(
    place: Path, language: str, zone: str, threads: int, seed: int, width: int, user: str
) -> dict[str, str]:
    home = place / f"home-of-{user}"
    libraries = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")
    return {f"{name}_NUM_THREADS": str(threads) for name in libraries} | {
        "HOME": str(home),
        "USER": user,
        "LOGNAME": user,
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "LANG": language,
        "LC_ALL": language,
        "TZ": zone,
        "PYTHONHASHSEED": str(seed),
        "COLUMNS": str(width),
    }


def _language() -> str:
    """Return a locale that this machine has, with a decimal comma if there is one."""
    try:
        listed = subprocess.run(["locale", "-a"], capture_output=True, text=True).stdout.split()
    except OSError:
        listed = []
    return next((name for name in _LANGUAGES if name in listed), "C.UTF-8")


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
