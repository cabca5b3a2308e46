"""File systems for tests, mounted where that is allowed: else the test is skipped and says so."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def mounted(place: Path, *options: str) -> Iterator[Path]:
    """Mount something at `place` for a while."""
    place.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *options, str(place)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no mounting here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def image(file: Path, content: str) -> Path:
    """Write an ext4 image with one `raw.csv`; all its times are the same, whenever it is made."""
    if not shutil.which("mke2fs"):
        pytest.skip("there is no mke2fs here")
    folder = file.with_suffix(".src")
    folder.mkdir()
    (folder / "raw.csv").write_text(content)
    for each in (folder / "raw.csv", folder):
        os.utime(each, (1_500_000_000, 1_500_000_000))
    file.write_bytes(b"")
    os.truncate(file, 4 << 20)
    seed = "00000000-0000-0000-0000-000000000001"
    subprocess.run(
        ["mke2fs", "-q", "-t", "ext4", "-d", folder, "-U", seed, "-E", f"hash_seed={seed}", file],
        env=os.environ | {"E2FSPROGS_FAKE_TIME": "1500000000", "SOURCE_DATE_EPOCH": "1500000000"},
        check=True,
    )
    return file


def mount_of(path: Path) -> str:
    """Return the type of the file system on which a file lies."""
    done = subprocess.run(["stat", "-f", "-c", "%T", str(path)], capture_output=True, text=True)
    return done.stdout.strip()
