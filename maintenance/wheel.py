"""Build the wheel of labflake that travels in the template, and lock it there (`make wheel`)."""

import os
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PAYLOAD = REPOSITORY / "{{cookiecutter.project_slug}}"
EPOCH = "315532800"  # 1980-01-01, the first day that zip archives can name


def main() -> None:
    """Put the wheel of `src/` into the template, under its version and its hash."""
    with tempfile.TemporaryDirectory() as folder:
        put(build(Path(folder)), PAYLOAD)


def build(folder: Path) -> Path:
    """Build the wheel in a folder: the same bytes from the same sources."""
    from poetry.core.masonry import api

    os.environ["SOURCE_DATE_EPOCH"] = EPOCH
    os.umask(0o022)
    here = Path.cwd()
    os.chdir(REPOSITORY)
    try:
        return folder / api.build_wheel(str(folder))
    finally:
        os.chdir(here)


def put(wheel: Path, project: Path) -> None:
    """Let a wheel take the place of the one that a project has, in its lock, too."""
    from labflake.environment import vendored

    vendored.put(wheel, project)


if __name__ == "__main__":
    main()
