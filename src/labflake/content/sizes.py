"""Sizes as people write them: `16GB`, `512M`, `1.5 GiB`."""

import re

from labflake.errors import LabError

_UNITS = {"k": -1, "m": 0, "g": 1, "t": 2}


def megabytes(text: str, name: str) -> int:
    """Return a size such as `16GB`, `512M` or `1.5 GiB` in megabytes (10⁶ bytes)."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt])(i?)b?\s*", text.lower())
    if not match:
        raise LabError(f"{name}={text} is no size\n  examples: 500MB, 16GB, 1.5GiB")
    power = _UNITS[match[2]]
    factor = 1.048576 * 1024**power if match[3] else 1000**power
    return max(1, round(float(match[1]) * factor))
