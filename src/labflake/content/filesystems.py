"""Which file systems deserve that an unchanged stat is believed: local ones, with a real ctime.

On the others (networks, FUSE, images that can be exchanged under their mount, FAT) a file can
change and keep its size, times and inode: what lies there is read again. Standard library only.
"""

import os
import sys

# Their kernel sets the ctime at every change, and nobody can set it back.
_HONEST = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "bcachefs", "zfs", "f2fs", "jfs", "nilfs2"}
    | {"reiserfs", "tmpfs", "ramfs", "apfs", "hfs"}
)
_SUBVOLUMES = frozenset({"btrfs", "bcachefs"})  # each has a device that no list of mounts names
_LOOP = 7  # the major number of devices that are images
_known: dict[int, bool] = {}
_mounts: list[tuple[int, str, bool, str]] = []


def trusted(path: str | os.PathLike, stat: os.stat_result | int | None = None) -> bool:
    """Return whether a file with an unchanged stat is unchanged; asked once per device.

    Args:
        path: the file; one that is not there is not trusted.
        stat: its stat, or the `st_dev` of that, where it is known already.
    """
    try:
        stat = os.stat(path) if stat is None else stat
    except OSError:
        return False
    device = stat if isinstance(stat, int) else stat.st_dev
    if device not in _known:
        _known[device] = _deserves(device, os.path.realpath(path))
    return _known[device]


def _deserves(device: int, path: str) -> bool:
    if sys.platform == "darwin":
        return _deserves_on_mac(path)
    mounts = _read_mounts()
    of_device = [honest for number, _, honest, _ in mounts if number == device]
    if of_device:
        return all(of_device)
    above = [m for m in mounts if path == m[1] or path.startswith(m[1].rstrip("/") + "/")]
    # Of mounts at one place, the last hides the others.
    here = max(enumerate(above), key=lambda each: (len(each[1][1]), each[0]), default=None)
    return here is not None and here[1][2] and here[1][3] in _SUBVOLUMES


def _read_mounts() -> list[tuple[int, str, bool, str]]:
    """Return device, place, honesty and type of each mount; nothing where no list is."""
    if not _mounts:
        try:
            with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
                _mounts.extend(map(_mount, file))
        except (OSError, ValueError, IndexError):
            _mounts.clear()
    return _mounts


def _mount(line: str) -> tuple[int, str, bool, str]:
    before, _, after = line.rstrip("\n").partition(" - ")
    major, minor = map(int, before.split(" ")[2].split(":"))
    kind, source, options = after.split(" ", 2)
    image = major == _LOOP or source.startswith("/dev/loop")
    honest = kind in _HONEST or (kind == "overlay" and _is_of_one_disk(options))
    place = before.split(" ")[4]
    for code in ("\\040", "\\011", "\\012", "\\134"):  # as the kernel writes blanks and backslashes
        place = place.replace(code, chr(int(code[1:], 8)))
    return os.makedev(major, minor), place, honest and not image, kind


def _is_of_one_disk(options: str) -> bool:
    """Tell whether files with the device of this overlay lie on the disk that it writes to.

    Without `xino`, files of another disk, such as an image, have a device of their own.
    """
    words = options.split(",")
    joined = any(word.startswith("xino=") and word != "xino=off" for word in words)
    return not joined and any(word.startswith("upperdir=") for word in words)


def _deserves_on_mac(path: str) -> bool:
    """Ask `statfs`: local, and of a type with a real ctime."""
    import ctypes

    libc = ctypes.CDLL(None)
    statfs = getattr(libc, "statfs$INODE64", None) or libc.statfs
    answer = ctypes.create_string_buffer(4096)
    if statfs(os.fsencode(path), answer):
        return False
    local = int.from_bytes(answer.raw[64:68], sys.byteorder) & 0x1000
    kind = answer.raw[72:88].split(b"\0")[0].decode("ascii", "replace")
    return bool(local) and kind in _HONEST
