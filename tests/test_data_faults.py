"""What may happen to data: 1,000 random changes, kills at any moment, a full disk."""

import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import tarfile
import time

import pytest
from data_projects import PREPARE, Project
from servers.web import Web, content

from labflake.data_files import gate
from labflake.errors import LabError

pytestmark = pytest.mark.usefixtures("in_the_template")
MANY = int(os.environ.get("LAB_CAMPAIGN", "0"))


class Place:
    """Stands for an experiment in a temporary folder, whose data nobody declares."""

    name = "2024-02-29-Changes"

    def __init__(self, folder):
        self.scripts = folder / "scripts"
        self.generated = folder / "generated"
        self.state = self.generated / ".labflake"
        self.data = self.generated / "assets/data"

    def config(self):
        return {}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return an experiment with twelve recorded files, of which eight lie in a folder."""
    place = Place(tmp_path)
    monkeypatch.setattr("labflake.data_files.gate.wording.current", lambda: place)
    monkeypatch.setenv("LABFLAKE_CACHE", str(tmp_path / "cache"))
    place.scripts.mkdir()
    names = [f"top{i}.bin" for i in range(4)] + [f"in/{'deep/' * (i % 3)}f{i}" for i in range(8)]
    for number, name in enumerate(names):
        (place.data / name).parent.mkdir(parents=True, exist_ok=True)
        (place.data / name).write_bytes(content(1 + number * 5000, seed=number))
    place.names = names
    lines = [f"{digest(place.data / name)}  assets/data/{name}\n" for name in names]
    (place.scripts / "hashes.txt").write_text("".join(lines))
    gate.prepare(place)
    return place


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def flip(data, rng):
    """Change one byte."""
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def insert(data, rng):
    """Insert one byte."""
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.randbytes(1) + data[at:]


def truncate(data, rng):
    """Cut the end off."""
    return data[: rng.randrange(len(data))]


def mutate(place, rng):
    """Change the data at random; return the names that an error has to name."""
    kind = rng.choice(["flip", "insert", "truncate", "delete", "rename", "swap", "extra"])
    one, two = rng.sample(place.names, 2)
    path = place.data / one
    if kind == "delete":
        path.unlink()
        return kind, [one]
    if kind == "rename":
        path.rename(place.data / "in/renamed")
        return kind, [one, "in/renamed"]
    if kind == "swap":
        first, second = path.read_bytes(), (place.data / two).read_bytes()
        path.write_bytes(second)
        (place.data / two).write_bytes(first)
        return kind, [one, two]
    if kind == "extra":
        (place.data / "in/extra").write_bytes(path.read_bytes())
        return kind, ["in/extra"]
    before = path.stat()
    path.write_bytes(globals()[kind](path.read_bytes(), rng))
    if rng.random() < 0.5:  # as rsync -a, cp -p and tar do
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return kind, [one]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_a_thousand_changes(place, seed):
    """Each of 1,000 random changes is stopped, and each changed file is named."""
    rng = random.Random(seed)
    saved = {name: (place.data / name).read_bytes() for name in place.names}
    record = (place.scripts / "hashes.txt").read_bytes()
    for _ in range(100):
        kind, names = mutate(place, rng)
        with pytest.raises(LabError) as error:
            gate.prepare(place)
        for name in names:
            assert f"assets/data/{name}" in str(error.value), (kind, names)
        for path in (place.data / "in/renamed", place.data / "in/extra"):
            path.unlink(missing_ok=True)
        for name in names:
            if name in saved:
                (place.data / name).write_bytes(saved[name])
        gate.prepare(place)
    assert (place.scripts / "hashes.txt").read_bytes() == record


def archive():
    """Return a tar with some files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as out:
        for number in range(40):
            info = tarfile.TarInfo(f"sub{number % 3}/f{number}")
            info.size = 20_000
            out.addfile(info, io.BytesIO(content(20_000, seed=number)))
    return packed.getvalue()


@pytest.mark.long
def test_kills(tmp_path):
    """A kill at any moment leaves no file that does not verify; the next run completes."""
    project, rng = Project(tmp_path), random.Random(1)
    code = "def table(path):\n    path.write_text('x\\n' + '1\\n' * 1_000_000)\n"
    (project.root / "src/study/data_access.py").write_text(code)
    (project.root / "big.bin").write_bytes(content(3_000_000, seed=7))
    with Web() as web:
        project.declare(
            web__bin=web.put("/web.bin", content(2_000_000), pace=4_000_000),
            some={"url": web.put("/some.tar", archive(), pace=4_000_000), "members": "*"},
            copy__bin={"file": "big.bin", "copy": True},
            table__csv={"function": "table"},
        )
        assert project.prepare().returncode == 0
        expected = {p: digest(p) for p in project.data.rglob("*") if p.is_file()}
        for number in range(MANY or 10):
            for path in rng.sample(sorted(project.data.iterdir()), rng.randint(1, 4)):
                subprocess.run(["rm", "-r", str(path)], check=True)
            if number % 4 == 3:
                project.hashes.unlink()
            kill_after(project, rng.uniform(0.1, 1.8))
            there = {p for p in project.data.rglob("*") if p.is_file() and ".fetch" not in p.parts}
            wrong = [path for path in there if expected.get(path) != digest(path)]
            assert wrong == []
            done = project.prepare()
            assert done.returncode == 0, done.stderr
            assert {p: digest(p) for p in project.data.rglob("*") if p.is_file()} == expected
            assert project.coreutils() == 0


def kill_after(project, seconds):
    """Fetch, and kill the whole group of processes after some seconds."""
    path = os.pathsep.join([str(project.root), str(project.root / "src")])
    process = subprocess.Popen(
        [sys.executable, "-c", PREPARE],
        cwd=project.root,
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture
def small_disk(tmp_path):
    """Return a project whose generated folder is on a disk of 2 MB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    project = Project(tmp_path)
    where = str(project.root / "generated")
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", where]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount")
    project.data.mkdir(parents=True)
    yield project
    subprocess.run(["umount", "-l", where], check=True)


def test_a_full_disk(small_disk):
    """Whatever the source, a full disk is named, and nothing that was there is lost."""
    project = small_disk
    (project.root / "small.bin").write_bytes(b"x" * 1000)
    (project.root / "big.bin").write_bytes(content(5_000_000))
    packed = archive() * 1
    (project.root / "some.tar").write_bytes(packed + b"\0" * 10_000)
    code = "import numpy as np\ndef much():\n    return np.zeros(1_000_000)\n"
    (project.root / "src/study/data_access.py").write_text(code)
    small = {"file": "small.bin", "copy": True}
    project.declare(small__bin=small)
    assert project.prepare().returncode == 0
    (project.data / "filler").write_bytes(b"0" * 1_500_000)
    for source in (
        {"file": "big.bin", "copy": True},
        {"file": "some.tar", "members": "*"},
        {"function": "much"},
    ):
        name = "a__npy" if "function" in source else "a"
        project.declare(small__bin=small, **{name: source})
        done = project.prepare()
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "No space left" in done.stderr or "the disk is full" in done.stderr
        assert not (project.data / name.replace("__", ".")).exists()
        assert (project.data / "small.bin").read_bytes() == b"x" * 1000
        assert project.coreutils() == 0
    (project.data / "filler").unlink()
    project.declare(small__bin=small, a={"file": "some.tar", "members": "*"})
    assert project.prepare().returncode == 0
