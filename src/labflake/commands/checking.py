"""Check what can be checked without a build: the data, then the texts (`make check`)."""

from labflake.commands import check, lint


def main(argv: list[str]) -> int:
    """Print what is not as it should be; the texts come where the data is as recorded."""
    return check.main([]) or lint.main([])
