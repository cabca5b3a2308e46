"""Archives: members come out exactly; whatever tries to get out of its folder is refused."""

import io
import stat
import tarfile
import zipfile

import pytest

from labflake.data_files.sources import unpacking
from labflake.data_files.sources.archive import Unpacked
from labflake.data_files.sources.job import Job
from labflake.data_files.sources.local import File
from labflake.errors import LabError

MEMBERS = {"top.csv": b"a\n1\n", "in/side.csv": b"b\n2\n", "in/ü mlaut.txt": b"", "x": b"\0" * 10}
KINDS = ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst", "7z"]
pytestmark = pytest.mark.usefixtures("in_the_template")


def pack(path, members):
    """Write an archive of the kind that its name says."""
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            for name, data in members.items():
                out.writestr(name, data)
    elif path.name.endswith(".7z"):
        with pytest.importorskip("py7zr").SevenZipFile(path, "w") as out:
            for name, data in members.items():
                out.writestr(data, name)
    elif path.name.endswith(".zst"):
        zstd = pytest.importorskip("backports.zstd")
        pack(path.with_suffix(""), members)
        path.write_bytes(zstd.compress(path.with_suffix("").read_bytes()))
    else:
        kind = path.name.rpartition(".")[2]
        with tarfile.open(path, "w" if kind == "tar" else f"w:{kind}") as out:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))
    return path


def unpack(path, **choice):
    """Extract from an archive as a source does, and return what is there by name."""
    scratch = path.parent / "scratch/one"
    target = scratch / "new"
    scratch.mkdir(parents=True, exist_ok=True)
    source = Unpacked(source=File(file=str(path)), **choice)
    assert source.problem("x") is None
    source.fetch(Job(None, "x", target, scratch))
    if target.is_file():
        return target.read_bytes()
    found = {str(p.relative_to(target)): p.read_bytes() for p in target.rglob("*") if p.is_file()}
    return found


def refusal(path, **choice):
    """Return why an archive is refused; nothing may have been written outside its folder."""
    before = {p for p in path.parent.rglob("*") if "scratch" not in p.parts}
    with pytest.raises(LabError) as error:
        unpack(path, **choice)
    assert {p for p in path.parent.rglob("*") if "scratch" not in p.parts} == before
    return str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_members(tmp_path, kind):
    """One member, some, or all come out as they went in."""
    path = pack(tmp_path / f"archive.{kind}", MEMBERS)
    assert unpack(path, member="in/side.csv") == b"b\n2\n"
    for number, (patterns, names) in enumerate(
        [("*", MEMBERS), (["*.csv"], ["top.csv", "in/side.csv"]), ("in/*.txt", ["in/ü mlaut.txt"])]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = path.rename(folder / path.name)
        assert unpack(path, members=patterns) == {name: MEMBERS[name] for name in names}


@pytest.mark.parametrize("patterns", ["*", "*.csv", ["__MACOSX/*", "a.csv"]])
def test_what_the_finder_of_macos_adds(tmp_path, patterns):
    """No pattern takes the notes of macOS, which have the names of the data."""
    members = {"a.csv": b"a\n1\n", "__MACOSX/._a.csv": b"\0\5\x16\7"}
    path = pack(tmp_path / "archive.zip", members)
    assert unpack(path, members=patterns) == {"a.csv": b"a\n1\n"}
    other = tmp_path / "other"
    other.mkdir()
    path = path.rename(other / path.name)
    assert unpack(path, member="__MACOSX/._a.csv") == members["__MACOSX/._a.csv"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_such_member(tmp_path, kind):
    """A name that is not there is refused with the names that are close."""
    path = pack(tmp_path / f"archive.{kind}", MEMBERS)
    message = refusal(path, member="in/sid.csv")
    assert message.startswith(
        "the archive of assets/data/x has no in/sid.csv\n  it has: in/side.csv"
    )


@pytest.mark.parametrize("name", ["../evil", "/evil", "in/../../evil", "C:/evil", "..\\evil"])
@pytest.mark.parametrize("kind", ["zip", "tar", "7z"])
def test_names_that_lead_out(tmp_path, kind, name):
    """A path that leaves the folder, or would on another system, is refused."""
    try:
        path = pack(tmp_path / f"archive.{kind}", {"good": b"1", name: b"2"})
    except ValueError:
        pytest.skip("py7zr does not even write such a name")
    assert "leads out of its folder" in refusal(path, members="*")


@pytest.mark.parametrize("kind", KINDS)
def test_bombs(tmp_path, kind):
    """An archive that holds more than the limit is refused before the disk is full."""
    path = pack(tmp_path / f"archive.{kind}", {"zeros": b"\0" * 20_000_000})
    assert "more than 1.0 MB: is it a bomb?" in refusal(path, members="*", limit="1 MB")
    written = sum(p.stat().st_size for p in (tmp_path / "scratch/one").rglob("*") if p.is_file())
    assert written < 12_000_000


def add_link(out, name, target, kind):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    out.addfile(info)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "../up"])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE], ids=["symbolic", "hard"])
def test_links_out(tmp_path, kind, target):
    """A link out of the folder is refused."""
    with tarfile.open(tmp_path / "a.tar", "w") as out:
        add_link(out, "in/link", f"../{target}" if target == "../up" else target, kind)
    assert "leads out" in refusal(tmp_path / "a.tar", members="*")


def test_links_inside(tmp_path):
    """A link to another member becomes a copy of it."""
    with tarfile.open(tmp_path / "a.tar", "w") as out:
        info = tarfile.TarInfo("in/file")
        info.size = 3
        out.addfile(info, io.BytesIO(b"abc"))
        add_link(out, "in/soft", "file", tarfile.SYMTYPE)
        add_link(out, "hard", "in/file", tarfile.LNKTYPE)
    expected = {"in/file": b"abc", "in/soft": b"abc", "hard": b"abc"}
    assert unpack(tmp_path / "a.tar", members="*") == expected
    assert not any(p.is_symlink() for p in (tmp_path / "scratch/one/new").rglob("*"))


def test_links_through_links(tmp_path):
    """A folder that is a link cannot carry later members out."""
    with tarfile.open(tmp_path / "a.tar", "w") as out:
        add_link(out, "dir", "/tmp", tarfile.SYMTYPE)
        info = tarfile.TarInfo("dir/evil")
        info.size = 1
        out.addfile(info, io.BytesIO(b"x"))
    assert "leads out" in refusal(tmp_path / "a.tar", members="*")


def test_devices(tmp_path):
    """Devices and pipes are refused."""
    with tarfile.open(tmp_path / "a.tar", "w") as out:
        add_link(out, "pipe", "", tarfile.FIFOTYPE)
    assert "a device or a pipe" in refusal(tmp_path / "a.tar", members="*")


def test_links_in_zip(tmp_path):
    """A symbolic link in a zip is refused."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        out.writestr(info, "/etc/passwd")
    assert "a link or a device" in refusal(tmp_path / "a.zip", members="*")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_twice_the_same_name(tmp_path, kind, recwarn):
    """Two members of one name are refused: which one is meant?"""
    path = tmp_path / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as out:
            out.writestr("x", "1")
            out.writestr("x", "2")
    else:
        with tarfile.open(path, "w") as out:
            for data in (b"1", b"2"):
                info = tarfile.TarInfo("x")
                info.size = 1
                out.addfile(info, io.BytesIO(data))
    assert "'x' twice" in refusal(path, members="*")


@pytest.mark.parametrize("kind", KINDS)
def test_damaged(tmp_path, kind):
    """A truncated archive is refused, not half extracted without a word."""
    path = pack(tmp_path / f"archive.{kind}", {f"f{i}": bytes([i]) * 5000 for i in range(50)})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "the archive of assets/data/x" in refusal(path, members="*")


@pytest.mark.parametrize(
    "data", [b"", b"a,b\n1,2\n", b"PK nonsense", b"7z\xbc\xaf\x27\x1c nonsense"]
)
def test_no_archive(tmp_path, data):
    """What is no archive is refused as such."""
    (tmp_path / "a.zip").write_bytes(data)
    assert "the archive of assets/data/x" in refusal(tmp_path / "a.zip", members="*")


def test_too_many_files(tmp_path, monkeypatch):
    """An archive with very many files is refused."""
    monkeypatch.setattr(unpacking, "MOST", 10)
    path = pack(tmp_path / "a.zip", {f"f{i}": b"" for i in range(11)})
    assert "more than 10 files" in refusal(path, members="*")


def test_encrypted(tmp_path):
    """An archive with a password is refused with that reason."""
    py7zr = pytest.importorskip("py7zr")
    with py7zr.SevenZipFile(tmp_path / "a.7z", "w", password="x") as out:
        out.writestr(b"1", "f")
    assert "cannot be extracted" in refusal(tmp_path / "a.7z", members="*")
