"""Data is never lost, and nothing is believed of it that is not so."""

import mmap
import os
import re
import shutil
import time
import zipfile

import building
import pytest
from building import TINY
from data_projects import NAME, Project, error
from mounting import image, mount_of, mounted
from servers import ssh


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


@pytest.mark.long
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


@pytest.mark.long
def test_a_change_behind_sshfs_is_noticed(tmp_path):
    """Data of another machine is read, not believed: it changes there with its size and times."""
    if not shutil.which("sshfs") or not ssh.program():
        pytest.skip("not installed: sshfs, ssh, sshd")
    project, place = Project(tmp_path), tmp_path / "mnt"
    project.declare(raw__csv={"file": str(place / "raw.csv")})
    with ssh.Ssh() as server:
        file = server.files / "raw.csv"
        file.parent.mkdir()
        file.write_text("x\n1\n")
        before = file.stat()
        address, by = f"127.0.0.1:{server.files}", f"{server.folder}/bin/ssh -p {server.port}"
        options = ["-t", "fuse.sshfs", "-o", f"ssh_command={by}", address]
        with mounted(place, *options):
            assert project.prepare().returncode == project.prepare().returncode == 0
            file.write_text("x\n2\n")
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
            assert "assets/data/raw.csv" in error(project.prepare())
            assert project.run("check").returncode == 1


@pytest.mark.long
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


def accepted(project, text):
    """Let a person replace the data, and accept it; return the record."""
    (project.brought / "raw.csv").write_text(text)
    assert project.run("accept", REASON="newer").returncode == 0
    return project.hashes.read_bytes()


@pytest.fixture
def versions(project):
    """Return a project with two recorded versions of its data, and both records."""
    assert project.prepare().returncode == 0
    first = project.hashes.read_bytes()
    return project, first, accepted(project, "newer\n")


def test_data_that_people_bring_has_its_own_place(project):
    """It is moved out of generated/, which may go with all that is in it, and linked from there."""
    done = project.prepare()
    assert "raw.csv: data that people bring lives there" in done.stdout
    assert (project.brought / "raw.csv").read_text() == "good\n"
    shutil.rmtree(project.root / "generated")
    assert project.prepare().returncode == 0
    assert project.coreutils() == 0
    assert project.run("clean").returncode == 0
    assert (project.brought / "raw.csv").read_text() == "good\n"


def test_what_lies_in_both_places_is_not_lost(versions):
    """A file that a person puts into the old place is the newest one; the other is kept."""
    project, *_ = versions
    (project.data / "raw.csv").unlink()
    (project.data / "raw.csv").write_text("newest\n")
    assert "changed since it was recorded" in error(project.prepare())
    assert (project.brought / "raw.csv").read_text() == "newest\n"
    assert (project.brought / ".versions" / digest("newer\n")).read_text() == "newer\n"


@pytest.mark.parametrize("cache", ["cache", "off"])
def test_the_data_follows_the_record(versions, tmp_path, cache):
    """After a checkout the recorded version is there, and after the next one the other."""
    project, first, second = versions
    variables = {"CACHE": str(tmp_path / "cache")}
    project.hashes.write_bytes(first)
    done = project.prepare(**variables)
    assert "brought back" in done.stdout, done.stderr
    assert (project.data / "raw.csv").read_text() == "good\n"
    project.hashes.write_bytes(second)
    # What was in the way is beside it, so this needs no cache.
    done = project.prepare(**variables | ({"CACHE": "off"} if cache == "off" else {}))
    assert (done.returncode, (project.data / "raw.csv").read_text()) == (0, "newer\n")


def test_a_change_by_hand_is_not_taken_back(versions):
    """What a person changed since it was verified is refused, and stays; `make fetch` goes back."""
    project, *_ = versions
    (project.brought / "raw.csv").write_text("mine\n")
    lines = error(project.prepare()).splitlines()
    assert "intended? make accept" in lines[2]
    assert lines[3] == "  it is kept: make fetch NAME=raw.csv brings it back"
    assert (project.brought / "raw.csv").read_text() == "mine\n"
    assert project.run("fetch", NAME="raw.csv").returncode == 0
    assert (project.data / "raw.csv").read_text() == "newer\n"
    assert (project.brought / ".versions" / digest("mine\n")).read_text() == "mine\n"


def test_a_record_that_nobody_can_serve(project):
    """Where only the record changed and nobody has its data, accepting is not the advice."""
    assert project.prepare().returncode == 0
    project.hashes.write_text(f"{digest('elsewhere')}  {FILE}\n")
    lines = error(project.prepare()).splitlines()
    assert lines[0].startswith("hashes.txt records data that is not here")
    assert "would record the older data again" in lines[-1]


TABLE = "import pandas as pd\n\n\ndef table(n):\n    return pd.DataFrame({'x': range(n)})\n"


@pytest.mark.long
def test_old_versions_of_fetched_data(tmp_path):
    """An accepted change of what a source gives leaves the old version, also without generated/."""
    project = Project(tmp_path)
    (project.root / "src/study/data_access.py").write_text(TABLE)

    def declare(n):
        project.declare(raw__csv={"function": "table", "arguments": {"n": n}})

    declare(1)
    assert project.prepare().returncode == 0
    first = project.hashes.read_bytes()
    declare(2)
    assert "no longer at its source" in error(project.prepare())
    assert project.run("accept", REASON="more").returncode == 0
    second = project.hashes.read_bytes()
    for n, record in ((1, first), (2, second), (1, first)):
        declare(n)
        project.hashes.write_bytes(record)
        (project.root / "src/study/data_access.py").write_text("")  # nobody makes it again
        assert project.prepare().returncode == 0
        assert (project.data / "raw.csv").read_text() == "x\n" + "".join(f"{i}\n" for i in range(n))
    shutil.rmtree(project.root / "generated")
    done = project.prepare()
    assert "brought back assets/data/raw.csv   as it was kept: " in done.stdout
    declare(3)  # of which nothing says that it is the same
    (project.data / "raw.csv").unlink()
    assert "function table failed" in error(project.prepare())


def test_new_data_that_is_recorded_by_now(tmp_path):
    """New bytes that lie aside are taken when the record says what they are."""
    project = Project(tmp_path)
    (project.root / "raw.csv").write_text("old\n")
    project.declare(raw__csv={"file": "raw.csv", "copy": True})
    assert project.prepare().returncode == 0
    (project.data / "raw.csv.drifted").write_text("new\n")
    assert "no longer at its source" in error(project.prepare())
    project.hashes.write_text(f"{digest('new' + chr(10))}  {FILE}\n")
    assert project.prepare().returncode == 0
    assert (project.data / "raw.csv").read_text() == "new\n"
    assert not (project.data / "raw.csv.drifted").exists()


def test_a_share_is_never_written(tmp_path):
    """The old version of a folder that is used where it is does not go into that folder."""
    project, share = Project(tmp_path), tmp_path / "share"
    share.mkdir()
    for name in "ab":
        (share / name).write_text(f"{name}1")
    project.declare(scans={"folder": str(share)})
    assert project.prepare().returncode == 0
    first = project.hashes.read_bytes()
    (share / "a").write_text("a2")
    (share / "c").write_text("c2")
    assert project.run("accept", REASON="newer").returncode == 0
    second = project.hashes.read_bytes()
    before = {p.name: p.read_text() for p in share.iterdir()}
    project.hashes.write_bytes(first)
    assert project.prepare().returncode == 0, project.prepare().stderr
    scans = {p.name: p.read_text() for p in (project.data / "scans").iterdir()}
    assert scans == {"a": "a1", "b": "b1"}
    project.hashes.write_bytes(second)
    assert project.prepare().returncode == 0
    assert {p.name: p.read_text() for p in (project.data / "scans").iterdir()} == before
    assert {p.name: p.read_text() for p in share.iterdir()} == before


def test_a_copy_in_the_place_of_a_share(tmp_path):
    """Where a share changed and that is not wanted, what is kept of it takes its place."""
    project, share = Project(tmp_path), tmp_path / "share"
    share.mkdir()
    (share / "a").write_text("a1")
    project.declare(scans={"folder": str(share)})
    assert project.prepare().returncode == 0
    (share / "a").write_text("a2")
    (share / ".DS_Store").write_text("")
    assert "it is kept: make fetch NAME=scans" in error(project.prepare())
    assert project.run("fetch", NAME="scans").returncode == 0
    assert [p.name for p in (project.data / "scans").iterdir()] == ["a"]
    assert (project.data / "scans/a").read_text() == "a1"
    assert (share / "a").read_text() == "a2"


def test_a_source_that_becomes_manual(tmp_path):
    """Data whose source is gone becomes data that people bring, and back; nobody is locked out."""
    project = Project(tmp_path)
    (project.root / "raw.csv").write_text("old\n")
    project.declare(raw__csv={"file": "raw.csv", "copy": True})
    assert project.prepare().returncode == 0
    (project.root / "raw.csv").unlink()
    project.declare(raw__csv={"manual": "the server is gone"})
    assert project.prepare().returncode == project.prepare().returncode == 0
    assert (project.brought / "raw.csv").read_text() == "old\n"
    (project.root / "raw.csv").write_text("old\n")
    project.declare(raw__csv={"file": "raw.csv", "copy": True})
    assert project.prepare().returncode == 0
    notes = project.generated / ".labflake/sources.json"
    (project.root / "raw.csv").unlink()
    for damage in (b"", b"[]", b"{}", notes.read_bytes().replace(b'"a', b'"b').replace(b"1", b"2")):
        notes.write_bytes(damage)
        (project.generated / ".labflake/seal.json").unlink(missing_ok=True)
        assert project.prepare().returncode == 0


def test_clean_leaves_data(tmp_path):
    """What is declared or recorded as data stays, all else in the generated folder goes."""
    project, scratch = Project(tmp_path), tmp_path / "scratch"
    project.generated.rename(scratch)
    project.generated.symlink_to(scratch)
    (project.root / "raw.csv").write_text("x\n")
    project.declare(deep={"folder": "raw", "copy": True}, raw__csv={"file": "raw.csv"})
    (project.root / "raw/in").mkdir(parents=True)
    (project.root / "raw/in/one.csv").write_text("1\n")
    assert project.prepare().returncode == 0
    (project.data / "result.csv").write_text("made\n")
    (project.generated / "outputs").mkdir()
    (project.generated / "outputs/report.pdf").write_text("made\n")
    done = project.run("clean")
    assert "which is a link" in done.stdout
    left = sorted(str(p.relative_to(scratch)) for p in scratch.rglob("*") if not p.is_dir())
    assert left == ["assets/data/deep/in/one.csv", "assets/data/raw.csv"]
    assert project.prepare().returncode == project.coreutils() == 0


def test_a_reason_is_recorded_as_it_was_typed(built, tmp_path):
    """Nothing in the words of a person is expanded by make, and nothing runs."""
    project = building.copy(built, tmp_path / "project", generated=False)
    building.experiment(project, TINY, Snakefile="", config_yaml="data: {a: {manual: x}}\n")
    (project / "data" / TINY).mkdir(parents=True)
    (project / "data" / TINY / "a").write_text("a")
    reason = f"it was $100, $(shell touch {tmp_path}/made) `id` \"$HOME\" 'x' # 3"
    building.made(project, "accept", f"REASON={reason}", EXPERIMENT=TINY)
    record = (project / "scripts" / TINY / "hashes.txt").read_text()
    assert record.splitlines()[0].endswith(f"added: {reason}")
    assert not (tmp_path / "made").exists()


FREEZE = """
    from labflake import data, step
    rule all:
        input: "assets/data/out.txt"
    rule clean:
        output: "assets/data/clean.csv"
        shell: step("echo cleaned > {output}")
    rule one:
        input: "assets/data/clean.csv"
        output: "assets/data/out.txt"
        shell: step("cat {input} > {output}")
"""


@pytest.fixture
def experiment(built, tmp_path):
    """Return a project with a built experiment of two steps, and what makes it."""
    project = building.copy(built, tmp_path / "project", generated=False)
    building.experiment(project, TINY, Snakefile=FREEZE)
    cache = {"EXPERIMENT": TINY, "CACHE": str(tmp_path / "cache")}
    building.made(project, **cache)
    return project, cache


@pytest.mark.long
def test_a_result_that_becomes_data(experiment):
    """It moves to the place of data and stays, edited or not; no step writes it any more."""
    project, cache = experiment
    folder = building.experiment(project, TINY, config_yaml="data: {clean.csv: {manual: Ada}}\n")
    refused = building.make(project, **cache)
    assert "its output assets/data/clean.csv is data, which no step may replace" in refused.stderr
    own = project / "data" / TINY / "clean.csv"
    with own.open("a") as file:
        file.write("corrected by hand\n")
    without = re.sub(r"    rule clean.*?(?=    rule one)", "", FREEZE, flags=re.DOTALL)
    text = without.replace('input: "assets/data/clean.csv"', 'input: data("clean.csv")')
    building.experiment(project, TINY, Snakefile=text)
    building.made(project, "accept", "REASON=by hand", **cache)
    for _ in range(2):
        building.made(project, **cache)
        assert own.read_text() == "cleaned\ncorrected by hand\n"
        assert (folder / "assets/data/clean.csv").read_text() == own.read_text()
        assert (folder / "assets/data/out.txt").read_text() == own.read_text()
    shutil.rmtree(project / "generated")
    target = f"generated/{TINY}/assets/data/clean.csv"
    building.made(project, target, **cache)
    assert (project / target).read_text() == own.read_text()


def test_files_that_nobody_declared(experiment, tmp_path):
    """A file that no rule makes and nobody declared is named; with LOCKED or CI it is an error."""
    project, cache = experiment
    far = tmp_path / "far.csv"
    far.write_text("1\n")
    text = FREEZE.replace('input: "assets/data/clean.csv"', f'input: "{far}"')
    building.experiment(project, TINY, Snakefile=text)
    locked = building.make(project, **cache, LOCKED="1")
    assert locked.returncode != 0
    assert f"rule one reads {far}, which no rule makes" in locked.stderr
    done = building.make(project, **cache)
    assert done.returncode == 0
    assert f"warning: rule one reads {far}" in done.stderr
    assert building.make(project, **cache, CI="1").returncode != 0  # though it is up to date


DECIDED = """
    from labflake import step

    def parts(wildcards):
        with checkpoints.split.get().output[0].open() as file:
            return expand("assets/data/{{n}}.txt", n=file.read().split())

    rule all:
        input: "assets/data/sum.txt"

    checkpoint split:
        input: "{early}"
        output: "assets/data/parts.txt"
        shell: step("cat {{input}} > {{output}}")

    rule part:
        input: "{late}"
        output: "assets/data/{{n}}.txt"
        shell: step("cat {{input}} > {{output}}")

    rule sum:
        input: parts
        output: "assets/data/sum.txt"
        shell: step("cat {{input}} > {{output}}")
"""


@pytest.mark.long
def test_files_that_jobs_of_a_checkpoint_read(experiment, tmp_path):
    """Whenever the jobs are known that read them, files that nobody declared are looked at."""
    project, cache = experiment
    early, late = tmp_path / "early.txt", tmp_path / "late.txt"
    early.write_text("1 2\n")
    late.write_text("1\n")
    building.experiment(project, TINY, Snakefile=DECIDED.format(early=early, late=late))
    done = building.make(project, **cache)
    assert done.returncode == 0
    for rule, path in (("split", early), ("part", late)):
        assert done.stderr.count(f"warning: rule {rule} reads {path}") == 1
        locked = building.make(project, **cache, LOCKED="1")  # though it is up to date
        assert "which no rule makes" in locked.stderr
    ours = project / "scripts" / TINY / "early.txt"
    ours.write_text("1 2 3\n")
    early = f"../../scripts/{TINY}/early.txt"
    building.experiment(project, TINY, Snakefile=DECIDED.format(early=early, late=late))
    locked = building.make(project, **cache, LOCKED="1")
    assert locked.returncode != 0
    assert f"rule part reads {late}, which no rule makes" in locked.stderr
    assert "Traceback" not in locked.stderr
    building.made(project, **cache)
    shutil.copy(late, ours.with_name("late.txt"))
    ours = f"../../scripts/{TINY}/late.txt"
    building.experiment(project, TINY, Snakefile=DECIDED.format(early=early, late=ours))
    building.made(project, **cache, LOCKED="1")
    building.made(project, **cache, LOCKED="1")


@pytest.mark.parametrize(("limit", "word"), [("6 KB", "bomb"), ("1 MB", "damaged")])
def test_a_refused_archive_leaves_nothing(tmp_path, limit, word):
    """An archive that is refused leaves neither itself nor what came out of it."""
    project = Project(tmp_path)
    with zipfile.ZipFile(project.root / "all.zip", "w") as out:
        out.writestr("a.txt", "a" * 7000)
        out.writestr("b.txt", "b" * 5000)
    content = (project.root / "all.zip").read_bytes()
    (project.root / "all.zip").write_bytes(content.replace(b"b" * 5000, b"c" * 5000))
    project.declare(all={"file": "all.zip", "copy": True, "members": "*", "limit": limit})
    assert word in error(project.prepare())
    assert not (project.data / ".fetch").exists()


def test_a_pipe_as_data(project):
    """A pipe in the place of data is named, and nothing waits for it."""
    project.prepare()
    (project.brought / "raw.csv").unlink()
    os.mkfifo(project.brought / "raw.csv")
    assert "is neither a file nor a folder" in error(project.prepare())


def test_a_folder_follows_the_record(tmp_path):
    """Changed, missing and further files follow the record; what is removed by hand is refused."""
    project = Project(tmp_path)
    project.declare(scans={"manual": "Ask Ann."})
    scans = project.brought / "scans"

    def fill(**files):
        shutil.rmtree(scans, ignore_errors=True)
        scans.mkdir()
        for name, text in files.items():
            (scans / name).write_text(text)

    first, second = {"a": "1", "b": "2"}, {"a": "11", "c": "3"}
    fill(**first)
    assert project.prepare().returncode == 0
    records = [project.hashes.read_bytes()]
    fill(**second)
    assert project.run("accept", REASON="newer").returncode == 0
    records.append(project.hashes.read_bytes())
    for record, files in ((records[0], first), (records[1], second)):
        project.hashes.write_bytes(record)
        assert project.prepare().returncode == 0
        assert {path.name: path.read_text() for path in scans.iterdir()} == files
    (scans / "c").unlink()
    assert "assets/data/scans/c   recorded" in error(project.prepare())
    shutil.rmtree(scans)
    assert project.prepare().returncode == 0
    assert {path.name: path.read_text() for path in scans.iterdir()} == second
