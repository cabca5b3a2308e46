"""The environment of all that makes artifacts: the same source gives the same bytes."""

import os

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
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "SOURCE_DATE_EPOCH": str(EPOCH),
    "MPLBACKEND": "agg",
    # BLAS and NumPy choose kernels by processor, and the last digits follow.
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "IPYKERNEL_CELL_NAME": "<cell>",
}
_DROPPED = (
    "LANGUAGE",
    "LC_NUMERIC",
    "LC_TIME",
    "MPLCONFIGDIR",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONWARNINGS",
)


def environment(threads: int = 1) -> dict[str, str]:
    """Return the complete environment for a child process that makes artifacts.

    Args:
        threads: how many threads the numerical libraries may use.
    """
    from lab.experiments import root

    kept = {k: v for k, v in os.environ.items() if k not in _DROPPED}
    programs = str(root() / ".venv" / "bin")
    path = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
    return kept | pinned(threads) | {"PATH": path}


def pinned(threads: int = 1) -> dict[str, str]:
    """Return the variables that are the same wherever artifacts are made, also in a container.

    Args:
        threads: how many threads the numerical libraries may use.
    """
    from lab.experiments import root

    modules = os.pathsep.join([str(root() / "src"), str(root())])
    own = {"PYTHONPATH": modules, "MATPLOTLIBRC": str(root() / "lab" / "matplotlibrc")}
    return _PINNED | dict.fromkeys(_THREAD_VARIABLES, str(threads)) | own
