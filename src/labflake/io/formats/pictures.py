"""Write a figure without the date and the random names that matplotlib would put in."""

from pathlib import Path
from typing import Any

from labflake.errors import LabError

_UNDATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}


def write(figure: Any, path: Path, kind: str) -> None:
    """Write a matplotlib figure as `kind` (svg, pdf or png).

    Raises:
        LabError: `figure` is no matplotlib figure.
    """
    import matplotlib

    if not hasattr(figure, "savefig"):
        raise LabError(f"svg, png and pdf hold matplotlib figures, not {type(figure).__name__}")
    with matplotlib.rc_context({"svg.hashsalt": "lab"}), open(path, "wb") as handle:
        figure.savefig(handle, format=kind, metadata=_UNDATED[kind])
