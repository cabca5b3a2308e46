"""Data is never lost, and nothing is believed of it that is not so."""

import mmap
import time

import pytest
from data_projects import NAME, Project, error
from mounting import image, mount_of, mounted


def digest(text: str) -> str:
    """Return the sha256 of a text."""
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def project(tmp_path):
    """Return a project with one file that a person brought."""
    project = Project(tmp_path)
    project.declare(raw__csv={"manual": "Ask Ann."})
    (project.data / "raw.csv").write_text("good\n")
    return project


RIGHT, WRONG = digest("good\n"), digest("bad\n")
FILE = "assets/data/raw.csv"
RECORDS = {
    "right": (f"{RIGHT}  {FILE}\n", True),
    "wrong": (f"{WRONG}  {FILE}\n", False),
    "lines of Windows": (f"# why\r\n{RIGHT}  {FILE}\r\n", True),
    "lines of Windows, wrong": (f"{WRONG}  {FILE}\r\n", False),
    "byte order mark": (f"\ufeff{RIGHT}  {FILE}\n", False),
    "twice": (f"{RIGHT}  {FILE}\n{WRONG}  {FILE}\n", False),
    "twice the same": (f"{RIGHT}  {FILE}\n{RIGHT}  {FILE}\n", False),
    "twice, once escaped": (f"{RIGHT}  {FILE}\n\\{RIGHT}  {FILE}\n", False),
    "capital letters": (f"{RIGHT.upper()}  {FILE}\n", True),
    "binary": (f"{RIGHT} *{FILE}\n", True),
    "one blank": (f"{RIGHT} {FILE}\n", False),
    "dot": (f"{RIGHT}  ./{FILE}\n", False),
    "double slash": (f"{RIGHT}  assets//data/raw.csv\n", False),
    "up": (f"{RIGHT}  assets/data/../data/raw.csv\n", False),
    "out": (f"{RIGHT}  ../../scripts/{NAME}/config.yaml\n", False),
    "absolute": (f"{RIGHT}  /etc/passwd\n", False),
    "BSD": (f"SHA256 ({FILE}) = {RIGHT}\n", False),
    "MD5": (f"{RIGHT[:32]}  {FILE}\n", False),
    "conflict": (f"<<<<<<< HEAD\n{RIGHT}  {FILE}\n=======\n{WRONG}  {FILE}\n>>>>>>> x\n", False),
    "blank before": (f" {RIGHT}  {FILE}\n", False),
    "blank behind": (f"{RIGHT}  {FILE} \n", False),
    "NUL": (f"{RIGHT}  {FILE}\0x\n", False),
    "no line break": (f"{RIGHT}  {FILE}", True),
    "blank lines": (f"\n  \t\n{RIGHT}  {FILE}\n\n", True),
    "another file": (f"{RIGHT}  assets/data/other.csv\n", False),
    "needless mark": (f"\\{RIGHT}  {FILE}\n", True),
    "unknown escape": (f"\\{RIGHT}  assets/data/\\raw.csv\n\\{RIGHT}  {FILE}\\t\n", False),
    "a folder": (f"{RIGHT}  assets/data\n", False),
}


@pytest.mark.parametrize("case", RECORDS)
def test_one_verdict_on_a_record(project, case):
    """`make`, `make check` and check-hash.sh say the same of a record, however it is spelt."""
    text, good = RECORDS[case]
    project.hashes.write_bytes(text.encode())
    verdicts = {
        "make check": project.run("check").returncode == 0,
        "check-hash.sh": project.shell(NAME).returncode == 0,
        "make": project.prepare().returncode == 0,
    }
    assert verdicts == dict.fromkeys(verdicts, good)


def test_an_exchanged_image_is_noticed(tmp_path):
    """Data in an image is read, not believed: another image has the same size, times and inodes."""
    images = [image(tmp_path / f"{x}.img", f"x\n{x}\n") for x in (1, 2)]
    project, place = Project(tmp_path), tmp_path / "mnt"
    project.declare(raw__csv={"file": str(place / "raw.csv")})
    with mounted(place, "-o", "ro,loop", str(images[0])):
        assert project.prepare().returncode == 0
        assert project.prepare().returncode == 0
    with mounted(place, "-o", "ro,loop", str(images[1])):
        assert "assets/data/raw.csv" in error(project.prepare())
        assert project.run("check").returncode == 1


def test_a_store_into_mapped_data_is_noticed(project):
    """A process that changes data in its memory is noticed, before and after it was hashed."""
    path = project.data / "raw.csv"
    path.write_bytes(bytes(100_000))
    if mount_of(path) == "tmpfs":
        pytest.skip("tmpfs gives mapped files no new time")
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[10] = 1
        time.sleep(2.1)
        assert project.prepare().returncode == project.prepare().returncode == 0
        mapped[20] = 2
        assert "raw.csv" in error(project.prepare())
