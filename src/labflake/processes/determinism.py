"""The environment of all that makes artifacts: the same source gives the same bytes."""

import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from labflake.project.options import make_words

HERE = Path(__file__).parent
DOCUMENT_FORMAT = 8  # changes when the same text and results give other bytes of documents
EPOCH = 315532800  # 1980-01-01, the first day that zip archives can name
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "GOTO_NUM_THREADS",
)
_PINNED = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONTZPATH": "",  # the package tzdata of the lock, not the zones of this machine
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "SOURCE_DATE_EPOCH": str(EPOCH),
    "MPLBACKEND": "agg",
    "MPL_IGNORE_SYSTEM_FONTS": "1",  # its own fonts, and those that a program adds by their paths
    # BLAS and NumPy choose kernels by processor, and the last digits follow.
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "IPYKERNEL_CELL_NAME": "<cell>",
}
# What says where things are on this machine, and how programs start: it may not decide a result.
MACHINE = (
    "HOME|USER|LOGNAME|SHELL|PATH|TMPDIR|TMP|TEMP|TERM|XDG_.+|(DY)?LD_.+|LOCALE_ARCHIVE"
    "|(http|https|ftp|all|no)_proxy|.*SSL_CERT_(FILE|DIR)|.+_CA_BUNDLE|NIX_LD.*"
    "|(CUDA|NVIDIA|ROCR|HIP|HSA|SLURM|PBS|LSB)_.+|JOB_ID|FAKETIME.*|NO_FAKE_STAT"
)
_MACHINE = re.compile(MACHINE, re.IGNORECASE)
# Settings of this person for languages and shells, of make for its children, of one build.
_SETTINGS = re.compile(
    r"""
    PYTHON\w*|R_\w+|JULIA_\w+|PERL5?\w*|BASH_ENV|ENV|BASH_FUNC_.*|CDPATH
    |GLOBIGNORE|POSIXLY_CORRECT
    |MAKE\w*|MFLAGS|GNUMAKEFLAGS|LANGUAGE|LC_\w+|MPLCONFIGDIR|GIT_\w+|LAB_STEP|LABFLAKE_\w+
    """,
    re.VERBOSE,
)


def environment(threads: int = 1) -> dict[str, str]:
    """Return the complete environment for a child process that makes artifacts.

    It lacks the variables by which make and people set other programs.

    Args:
        threads: how many threads the numerical libraries may use.
    """
    given = _given_to_make()
    kept = {k: v for k, v in os.environ.items() if not _SETTINGS.fullmatch(k) and k not in given}
    return kept | pinned(threads) | {"PATH": _path()}


def of_step(names: Iterable[str]) -> dict[str, str]:
    """Return the complete environment of a step: what it may depend on, and nothing else.

    Args:
        names: further variables that its experiment asks for.
    """
    kept = {name: os.environ[name] for name in _may_reach(frozenset(os.environb))}
    wanted = {name: os.environ[name] for name in names if name in os.environ}
    return kept | wanted | pinned() | {"PATH": _path()}


@cache  # of the same variables, all steps of a build ask
def _may_reach(names: frozenset[bytes]) -> list[str]:
    """Return those of the variables that a step may have unasked, in a fixed order."""
    return sorted(name for name in map(os.fsdecode, names) if _MACHINE.fullmatch(name))


def conditions_of_documents() -> str:
    """Return what all documents are made on, and how: a change makes each of them again."""
    import hashlib

    return hashlib.sha256(f"{DOCUMENT_FORMAT} {conditions()}".encode()).hexdigest()


def conditions() -> str:
    """Return the digest of what all steps run on: Python, the machine, what labflake sets, writes.

    The packages are not in it: each step has the pins of those that it can see. Nor are the tools
    of Nix: the path of a program in its store, which a step has, is that of one build of it.
    """
    import hashlib
    import sys

    from labflake.io import formats

    python = f"{sys.version_info[0]}.{sys.version_info[1]}"  # a patch changes no result
    parts = (python, sys.platform, os.uname().machine, formats.FORMAT, fingerprint())
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def fingerprint() -> str:
    """Return what of this module and of Matplotlib's settings decides the bytes of results."""
    settings = (HERE / "matplotlibrc").read_text(encoding="utf-8")
    return repr((sorted(_PINNED.items()), _THREAD_VARIABLES, settings))


def _path() -> str:
    from labflake.project.experiments import root

    programs = str(root() / ".venv" / "bin")
    given = os.environ.get("PATH", os.defpath)
    return given if f"{given}:".startswith(f"{programs}:") else f"{programs}:{given}"


def _given_to_make() -> set[str]:
    """Return the names of the variables on make's command line: it tells them to its children."""
    return {word.partition("=")[0] for word in make_words()}


def pinned(threads: int = 1) -> dict[str, str]:
    """Return the variables that are the same wherever artifacts are made, also in a container.

    Args:
        threads: how many threads the numerical libraries may use.
    """
    from labflake.project.experiments import PROJECT, root

    audit = HERE / "audit"  # notes what the programs of a step read
    modules = os.pathsep.join(map(str, [audit, root() / "src", root()]))
    own = {"PYTHONPATH": modules, "MATPLOTLIBRC": str(HERE / "matplotlibrc"), PROJECT: str(root())}
    return _PINNED | dict.fromkeys(_THREAD_VARIABLES, str(threads)) | own
