"""Tell whether two files hold the same numbers, but for a tolerance, and are else the same.

`config.yaml` may say how far numbers may differ, for all artifacts or by patterns of their paths:

    tolerance:
      "*": 1e-9
      assets/data/fit.csv: {relative: 1e-6, absolute: 1e-12}
"""

import fnmatch
import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labflake.errors import LabError
from labflake.verify import inside

_NUMBER = re.compile(
    r"(?<![\w.])([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?=(?:pt|px|em|cm|mm|in|%)?(?!\w|\.\d))",
    re.ASCII,
)
_OF_LENGTHS = re.compile(rb"\nxref\n.*|/Length \d+", re.S)  # in a PDF they follow from the rest
_IDENTIFIERS = re.compile(rb"(?i)(?:document|instance)ID>[^<]*<")


@dataclass(frozen=True)
class Tolerance:
    """Numbers are equal if they differ by less than this part of them, or than this amount."""

    relative: float = 1e-9
    absolute: float = 1e-12

    def allows(self, one: float, two: float) -> bool:
        """Tell whether two numbers are equal."""
        if math.isnan(one) and math.isnan(two):
            return True
        return math.isclose(one, two, rel_tol=self.relative, abs_tol=self.absolute)


DRAWN = Tolerance(relative=1e-5, absolute=1e-3)  # of drawings: a thousandth of a point


def for_artifact(name: str, declared: Any) -> Tolerance:
    """Return the tolerance of an artifact: that of the last pattern which fits its path.

    Without one, lines and letters of a drawing may be a thousandth of a point elsewhere.

    Raises:
        LabError: the declaration is not as described above.
    """
    patterns = declared if isinstance(declared, dict) else {"*": declared}
    fitting = [v for p, v in patterns.items() if fnmatch.fnmatch(name, str(p)) and v is not None]
    if not fitting:
        return DRAWN if name.endswith((".svg", ".pdf")) else Tolerance()
    value = fitting[-1]
    try:
        if isinstance(value, dict):
            return Tolerance(**{key: float(number) for key, number in value.items()})
        return Tolerance(relative=float(value))
    except (TypeError, ValueError):
        raise LabError(
            f"config.yaml: tolerance of {name}: {value!r} is no number"
            " nor {relative: …, absolute: …}"
        ) from None


def largest_difference(one: Path, two: Path, tolerance: Tolerance) -> float | None:
    """Return how far the numbers of two files differ at most, as a part of them.

    None means that they differ by more than the tolerance, or in something that is no number.
    """
    if max(one.stat().st_size, two.stat().st_size) > inside.LARGE:
        return None
    parts, others = inside.parts(one), inside.parts(two)
    if len(parts) == 1 and (whole := _tables(one, two, tolerance)) is not None:
        return whole
    if [name for name, _ in parts] != [name for name, _ in others]:
        return None
    drawn = DRAWN if tolerance == Tolerance() else tolerance
    pairs = [
        (a, b, drawn if name.startswith(inside.EMBEDDED) else tolerance)
        for (name, a), (_, b) in zip(parts, others, strict=True)
        if name not in inside.CONTAINERS
    ]
    return _largest(_difference(a, b, limit) for a, b, limit in pairs)


def _largest(differences: Iterable[float | None]) -> float | None:
    """Return the largest of some differences; None if one of them is too large to be one."""
    largest = 0.0
    for each in differences:
        if each is None:
            return None
        largest = max(largest, each)
    return largest


def _difference(one: bytes, two: bytes, tolerance: Tolerance) -> float | None:
    """Return the largest difference of two parts; None if they are not equal."""
    if one == two:
        return 0.0
    if one.startswith(b"\x93NUMPY"):
        return _arrays(_array(one), _array(two), tolerance)
    if one.startswith(b"\x89PNG"):
        return 0.0 if _pixels(one) == _pixels(two) else None
    if one.startswith(b"%PDF-") or b"xpacket" in one[:100]:
        one, two = (_IDENTIFIERS.sub(b"", _OF_LENGTHS.sub(b"", data)) for data in (one, two))
    return _texts(one.decode("latin-1"), two.decode("latin-1"), tolerance)


def _texts(one: str, two: str, tolerance: Tolerance) -> float | None:
    """Compare the numbers of two texts; whole numbers and all else must be the same."""
    parts, others = _NUMBER.split(one), _NUMBER.split(two)
    if parts[::2] != others[::2]:
        return None
    largest = 0.0
    for a, b in zip(parts[1::2], others[1::2], strict=True):
        if a != b:
            x, y = float(a), float(b)
            if (_is_whole(a) and _is_whole(b)) or not tolerance.allows(x, y):
                return None
            largest = max(largest, _relative(x, y))
    return largest


def _is_whole(text: str) -> bool:
    return text.lstrip("+-").isdecimal()


def _relative(one: float, two: float) -> float:
    size = max(abs(one), abs(two))
    return abs(one - two) / size if size and math.isfinite(size) else 0.0


def _array(data: bytes) -> Any:
    import numpy as np

    return np.load(io.BytesIO(data), allow_pickle=False)


def _arrays(one: Any, two: Any, tolerance: Tolerance) -> float | None:
    """Compare two arrays; what is no floating-point number must be the same."""
    import numpy as np

    if one.shape != two.shape or one.dtype != two.dtype:
        return None
    if one.dtype.kind not in "fc":
        return 0.0 if np.array_equal(one, two) else None
    if not np.allclose(one, two, tolerance.relative, tolerance.absolute, equal_nan=True):
        return None
    size = np.maximum(abs(one), abs(two))
    finite = np.isfinite(size) & (size > 0)
    return float(np.max(abs(one[finite] - two[finite]) / size[finite], initial=0.0))


def _tables(one: Path, two: Path, tolerance: Tolerance) -> float | None:
    """Compare two Parquet files column by column; None for other files."""
    if one.suffix != ".parquet":
        return None
    import pandas as pd

    try:
        a, b = pd.read_parquet(one), pd.read_parquet(two)
    except (ImportError, ValueError, OSError):
        return None
    if list(a.columns) != list(b.columns) or not a.index.equals(b.index):
        return None
    return _largest(
        _arrays(a[c].to_numpy(), b[c].to_numpy(), tolerance) if a[c].dtype.kind in "fc"
        else 0.0 if a[c].equals(b[c]) else None
        for c in a.columns
    )  # fmt: skip


def _pixels(data: bytes) -> tuple:
    """Return size and pixels of a picture."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as picture:
        full = picture.convert("RGBA")
        return full.size, full.tobytes()
