"""Which file systems are believed when a stat says that nothing changed."""

import os

import pytest
from mounting import image, mounted

from data_projects import TEMPLATE  # isort: skip: it makes the equipment importable
from labflake.content import filesystems

pytestmark = pytest.mark.long

assert TEMPLATE


@pytest.fixture(autouse=True)
def fresh():
    """Forget what was learnt of other mounts."""
    filesystems._known.clear()
    filesystems._mounts.clear()


LINE = "27 1 254:0 / {place} rw shared:1 - {kind} {source} {options}\n"


@pytest.mark.parametrize(
    ("kind", "source", "options", "honest"),
    [
        ("ext4", "/dev/sda1", "rw", True),
        ("tmpfs", "tmpfs", "rw", True),
        ("ext4", "/dev/loop3", "ro", False),
        ("squashfs", "/dev/sda1", "ro", False),
        ("fuse.sshfs", "host:/x", "rw", False),
        ("nfs4", "host:/x", "rw", False),
        ("cifs", "//host/x", "rw", False),
        ("9p", "share", "rw", False),
        ("vfat", "/dev/sdb1", "rw", False),
        ("overlay", "overlay", "rw,lowerdir=/a,upperdir=/b,workdir=/c", True),
        ("overlay", "overlay", "rw,lowerdir=/a,upperdir=/b,workdir=/c,xino=on", False),
        ("overlay", "overlay", "ro,lowerdir=/a:/b", False),
    ],
)
def test_types(kind, source, options, honest):
    """Local file systems with a real ctime are believed; networks, FUSE and images are not."""
    line = LINE.format(place="/mnt/a\\040b", kind=kind, source=source, options=options)
    assert filesystems._mount(line) == (os.makedev(254, 0), "/mnt/a b", honest, kind)


def test_this_disk(tmp_path):
    """A file of the disk that the tests run on is asked for once, a missing one is not trusted."""
    (tmp_path / "x").write_text("x")
    assert filesystems.trusted(tmp_path / "x") == filesystems.trusted(tmp_path)
    assert not filesystems.trusted(tmp_path / "y")
    stat = os.stat(tmp_path)
    answers = {filesystems.trusted(tmp_path, each) for each in (None, stat, stat.st_dev)}
    assert len(answers) == 1


def test_an_image_is_not_believed(tmp_path):
    """A file in an image that can be exchanged under its mount is not believed."""
    file = image(tmp_path / "a.img", "x\n1\n")
    with mounted(tmp_path / "mnt", "-o", "ro,loop", str(file)) as place:
        assert not filesystems.trusted(place / "raw.csv")


def test_an_overlay_over_an_image_is_not_believed(tmp_path):
    """A file of an image is not believed through an overlay either."""
    file = image(tmp_path / "a.img", "x\n1\n")
    with mounted(tmp_path / "lower", "-o", "ro,loop", str(file)) as lower:
        for name in ("upper", "work"):
            (tmp_path / name).mkdir()
        options = f"lowerdir={lower},upperdir={tmp_path}/upper,workdir={tmp_path}/work"
        with mounted(tmp_path / "all", "-t", "overlay", "overlay", "-o", options) as place:
            filesystems._known.clear()
            filesystems._mounts.clear()
            assert not filesystems.trusted(place / "raw.csv")
