"""The options of a command: its command line sets them, and everything else only reads them.

Inside they are variables with a prefix of ours, so that nothing that a shell happens to export
(`NAME`, `CI`, `JOBS`) is taken for one of them. Old versions of Python read this file, too.
"""

import os
import re

from labflake.errors import LabError

PREFIX = "LABFLAKE_"
# What describes a machine, or the work at it, people may export: `export LABFLAKE_CACHE=/group`.
EXPORTED = (
    *("CACHE", "CACHE_READONLY", "CACHE_SIZE", "DEBUG", "EXPERIMENT", "GPUS", "JOBS", "KEEP"),
    *("LOCKED", "MEMORY", "PROFILE", "STRICT"),
)
_OF_THE_PLACE = ("PROJECT", "STARTED_IN")  # which `experiments.enter` has just set
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


def option(name: str) -> str:
    """Return the value of an option, such as `option("JOBS")`; "" where it is not given."""
    return os.environ.get(PREFIX + name, "")


def flag(name: str, otherwise: bool = False) -> bool:
    """Return whether an option is on; `otherwise` where it is not given.

    Raises:
        LabError: its value is neither true nor false.
    """
    value = os.environ.get(PREFIX + name)
    if value is None:
        return otherwise
    if value.strip().lower() not in (*_TRUE, *_FALSE):
        raise LabError(
            f"{name}={value} is neither true nor false\n"
            f"  on: {', '.join(_TRUE)}   off: {', '.join(_FALSE[:-1])}"
        )
    return value.strip().lower() in _TRUE


def is_locked() -> bool:
    """Return whether unknown data is an error: `LOCKED` says it, else whether this is CI.

    `CI` is the one name without a prefix: each service sets it, to whatever text it likes.
    """
    in_ci = os.environ.get("CI", "").strip().lower() not in _FALSE
    return flag("LOCKED", otherwise=in_ci)


def is_debugging() -> bool:
    """Return whether tracebacks and Snakemake's own log are wanted."""
    return option("DEBUG").strip().lower() not in _FALSE


def take(given: dict) -> None:
    """Set the options of this command; those of another one, or of a shell, are forgotten."""
    kept = {PREFIX + name for name in (*EXPORTED, *_OF_THE_PLACE)}
    for name in [n for n in os.environ if n.startswith(PREFIX) and n not in kept]:
        del os.environ[name]
    os.environ.update({PREFIX + name: value for name, value in given.items()})


def make_words() -> list:
    """Return the words `NAME=value` of make's command line as they were typed.

    Its own `-k` is `KEEP_GOING=1`, and `-j4` is `JOBS=4`, where these words say nothing else.
    """
    flags, _, given = os.environ.get("MAKEFLAGS", "").partition(" -- ")
    words = re.findall(r"(?:\\.|[^ \t\\])+", given, re.DOTALL)
    jobs = re.search(r"(?:^| )-j(\d+)", flags)
    own = ["KEEP_GOING=1"] if "k" in flags.partition(" ")[0].partition("-")[0] else []
    own += [f"JOBS={jobs[1]}"] if jobs else []
    return own + [
        re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL).replace("$$", "$") for word in words
    ]
