"""The gate: data is fetched, recorded, verified, and refused when it changed."""

import os
import re
import subprocess
import sys
import time

import pytest
from data_projects import NAME, Project, error

TABLE = 'import pandas as pd\n\n\ndef table(n=3):\n    return pd.DataFrame({"x": range(n)})\n'
SHA = "cc74f5f4b5b8bd8f2fd6ae1b1e5dcdb9d7fdda3dbfb8f3d2f49ae6d7f0bcdd3b"


@pytest.fixture
def project(tmp_path):
    """Return a project with one file made by a function and one brought by hand."""
    project = Project(tmp_path)
    (project.root / "src/study/data_access.py").write_text(TABLE)
    project.declare(raw__csv={"function": "table"}, hand__txt={"manual": "Ask Ann."})
    (project.brought / "hand.txt").write_text("by hand\n")
    return project


@pytest.fixture
def recorded(project):
    """Return the project after its data was recorded."""
    done = project.prepare()
    assert done.returncode == 0, done.stderr
    return project


def refusal(done):
    """Return the lines of an error, which has no traceback and goes with exit code 1."""
    return error(done).splitlines()


def test_first_seen_data_is_recorded(project):
    """Data that is seen for the first time is fetched and recorded, and the run says so."""
    done = project.prepare()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "fetched assets/data/raw.csv   function table"
    assert lines[1].startswith("recorded assets/data/hand.txt   ")
    assert lines[3] == f"recorded in scripts/{NAME}/hashes.txt: commit it"
    assert lines[4:] == ["assets/data/raw.csv", "assets/data/hand.txt"]
    assert project.coreutils() == 0
    assert project.shell().stdout == f"{NAME}: verified (files of data: 2)\n"


def test_a_second_run_says_nothing(recorded):
    """Verified data is silent, and the record is not written again."""
    before = recorded.hashes.stat().st_mtime_ns
    assert recorded.prepare().stdout.splitlines() == ["assets/data/raw.csv", "assets/data/hand.txt"]
    assert recorded.hashes.stat().st_mtime_ns == before


@pytest.mark.long
@pytest.mark.parametrize("variable", [{"LOCKED": "1"}, {"CI": "true"}])
def test_unknown_data_is_an_error_when_locked(project, variable):
    """With LOCKED or CI, data that is not recorded is refused, and nothing is fetched."""
    assert "raw.csv" in refusal(project.prepare(**variable))[0]
    assert not project.hashes.exists()
    assert not (project.data / "raw.csv").exists()
    assert project.prepare(CI="false", LOCKED="0").returncode == 0
    assert project.prepare(**variable).returncode == 0


def test_a_changed_file_is_refused(recorded):
    """The error names the file, both digests and sizes, and the two ways out."""
    (recorded.data / "raw.csv").write_text("x\n0\n1\n3\n5\n")
    lines = refusal(recorded.prepare())
    assert lines[0] == "the data of this experiment changed since it was recorded"
    assert re.fullmatch(
        r"  assets/data/raw\.csv   recorded \w{6}… \(8 bytes\)   found \w{6}… \(10 bytes\)",
        lines[1],
    )
    assert lines[2] == (
        '  intended? make accept REASON="…"   not intended? restore the file, then make'
    )
    assert recorded.coreutils() == 1
    shell = recorded.shell(NAME)
    assert (shell.returncode, shell.stdout.splitlines()[1]) == (1, "  CHANGED  assets/data/raw.csv")


@pytest.mark.long
def test_a_change_that_hides_its_time_is_seen(recorded):
    """A byte changed with size and mtime restored is seen: the ctime differs."""
    path = recorded.data / "hand.txt"
    time.sleep(2.1)
    recorded.prepare()
    times = path.stat()
    path.write_text("by hend\n")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "hand.txt" in refusal(recorded.prepare())[1]


def test_accepting_needs_a_reason(recorded):
    """Without a reason nothing is accepted."""
    (recorded.data / "hand.txt").write_text("changed\n")
    before = recorded.hashes.read_bytes()
    for reason in ("", "  \n"):
        assert "needs a reason" in refusal(recorded.run("accept", REASON=reason))[0]
    assert recorded.hashes.read_bytes() == before


def test_an_accepted_change_is_written_down(recorded):
    """Accepting records the new digest below a comment with day, old digest and reason."""
    old = dict(reversed(line.split("  ")) for line in recorded.hashes.read_text().splitlines())
    (recorded.data / "hand.txt").write_text("changed\n")
    begun = today()
    done = recorded.run("accept", REASON="Ann sent\nanother  # one")
    assert done.returncode == 0, done.stderr
    comment, new, _ = recorded.hashes.read_text().splitlines()
    was = old["assets/data/hand.txt"]
    said = f"accepted, was {was}: Ann sent another # one"
    assert comment in [f"# {day} {said}" for day in (begun, today())]
    assert new.endswith("  assets/data/hand.txt")
    assert recorded.prepare().returncode == recorded.coreutils() == 0
    assert recorded.run("accept", REASON="again").stdout.startswith("nothing to accept")
    assert comment in recorded.hashes.read_text()


def today():
    """Return the day, as records say it."""
    return time.strftime("%Y-%m-%d", time.gmtime())


def test_a_missing_file_is_fetched_again(recorded):
    """A file that has a source is fetched again and verified; one without is asked for."""
    (recorded.data / "raw.csv").unlink()
    assert recorded.prepare().returncode == 0
    assert recorded.coreutils() == 0
    (recorded.brought / "hand.txt").unlink()
    lines = refusal(recorded.prepare(CACHE="off"))
    assert lines[1].startswith("  assets/data/hand.txt   recorded ")
    here = f"  put it here: data/{NAME}/hand.txt"
    assert lines[2:4] == ["  assets/data/hand.txt is brought by hand: Ask Ann.", here]
    recorded.hashes.unlink()
    lines = refusal(recorded.prepare())
    missing = "assets/data/hand.txt is brought by hand, and is not there"
    assert lines == [missing, "  Ask Ann.", here]


def test_a_recorded_file_without_source(recorded):
    """A recorded file that nothing declares is verified like the others."""
    recorded.declare()
    (recorded.data / "raw.csv").unlink()
    lines = refusal(recorded.prepare(CACHE="off"))
    assert re.fullmatch(r"  assets/data/raw\.csv   recorded \w{6}… \(8 bytes\)   missing", lines[1])
    assert recorded.run("accept", REASON="not needed").returncode == 0
    assert "raw.csv taken out, was" in recorded.hashes.read_text().splitlines()[-1]
    assert recorded.prepare().returncode == recorded.coreutils() == 0


def folder(project):
    """Declare and fill a folder with names that are hard to write down."""
    there = project.root / "share"
    names = [
        "a.txt",
        "sub/b c.txt",
        "sub/ü\n\\x\r.txt",
        ".hidden",
        "-n",
        "*.txt",
        os.fsdecode(b"\xff"),
    ]
    for name in names:
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_text(f"content of {name!r}")
    return there, names


@pytest.mark.parametrize("copy", [False, True])
def test_folders_are_recorded_file_by_file(project, copy):
    """A folder is recorded file by file, whatever the names, as sha256sum does it."""
    there, names = folder(project)
    project.declare(images={"folder": "share", "copy": copy})
    assert project.prepare().returncode == 0
    assert (project.data / "images").is_symlink() != copy
    command = ["sha256sum", *sorted(os.fsencode(f"assets/data/images/{name}") for name in names)]
    expected = subprocess.run(command, cwd=project.generated, capture_output=True).stdout
    assert project.hashes.read_bytes() == expected
    assert project.shell().stdout == f"{NAME}: verified (files of data: {len(names)})\n"
    assert project.prepare().returncode == 0
    assert there.exists()


def test_folders_extra_missing_changed(project):
    """Extra, missing and changed files of a folder are each named."""
    there, _ = folder(project)
    project.declare(images={"folder": "share"})
    project.prepare()
    (there / "new\n1").write_text("x")
    (there / "a.txt").unlink()
    (there / "-n").write_text("y")
    rows = sorted(refusal(project.prepare())[1:4])
    assert re.match(r"  assets/data/images/-n +recorded \w+… \(\d+ bytes\) +found", rows[0])
    assert re.match(r"  assets/data/images/a\.txt +recorded \w+… \(\d+ bytes\) +missing", rows[1])
    assert re.match(r"  assets/data/images/new\\n1 +not recorded +found", rows[2])
    assert sorted(project.shell().stdout.splitlines()[1:]) == [
        "  CHANGED  assets/data/images/-n",
        "  EXTRA    assets/data/images/new\\n1",
        "  MISSING  assets/data/images/a.txt",
    ]


def test_links_in_circles_end(project):
    """A folder that links to itself is walked once, by us and by the shell script."""
    there, names = folder(project)
    (there / "sub/loop").symlink_to(there)
    (there / "sub/self").symlink_to(there / "sub")
    project.declare(images={"folder": "share"})
    assert project.prepare().returncode == 0
    assert project.shell().stdout == f"{NAME}: verified (files of data: {len(names)})\n"


def test_check_prints_a_table(recorded):
    """`make check` shows what is verified and what is not, and tells it by its exit code."""
    done = recorded.run("check")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"data of {NAME}",
        "  assets/data/raw.csv    verified   8 bytes   function table",
        "  assets/data/hand.txt   verified   8 bytes   by hand",
    ]
    (recorded.data / "hand.txt").write_text("changed!\n")
    (recorded.data / "raw.csv").unlink()
    done = recorded.run("check")
    words = [line.split()[1:3] for line in done.stdout.splitlines()[1:]]
    assert done.returncode == 1
    assert ["CHANGED", "recorded"] in words
    assert ["MISSING", "recorded"] in words


@pytest.mark.long
def test_unchanged_data_is_not_read_again(recorded):
    """A file whose stat did not change is not opened, except with FULL=1."""
    time.sleep(2.1)
    recorded.run("check")
    count = (
        "import sys\nopened = []\n"
        "sys.addaudithook(lambda e, a: opened.append(a[0]) if e == 'open' else None)\n"
        "from labflake.commands import check\nassert check.main([]) == 0\n"
        "print(sum('raw.csv' in str(name) for name in opened))"
    )
    assert recorded.python("-c", count).stdout.splitlines()[-1] == "0"
    assert recorded.python("-c", count, FULL="1").stdout.splitlines()[-1] == "1"


def test_a_changed_declaration_is_noticed(recorded):
    """Another call that gives other data is refused; the new bytes lie aside until accepted."""
    recorded.declare(raw__csv={"function": "table", "arguments": {"n": 4}})
    for _ in range(2):
        lines = refusal(recorded.prepare())
        assert "no longer at its source" in lines[0]
        assert lines[1].startswith("  assets/data/raw.csv   recorded ")
        assert lines[2:5] == ["    line 5: - (none)", "    line 5: + 3", "    4 lines, now 5"]
        assert re.search(r"rm -r \S*assets/data/raw.csv.drifted'?, then make$", lines[-1])
    assert (recorded.data / "raw.csv").read_text() == "x\n0\n1\n2\n"
    assert (recorded.data / "raw.csv.drifted").read_text() == "x\n0\n1\n2\n3\n"
    assert recorded.run("check").returncode == 1
    assert recorded.run("accept", REASON="one row more").returncode == 0
    assert not (recorded.data / "raw.csv.drifted").exists()
    assert recorded.prepare().returncode == recorded.coreutils() == 0


def test_data_of_another_declaration_is_not_recorded_as_that_of_this_one(recorded):
    """Where a person takes the record away, data comes from what is declared now."""
    recorded.declare(raw__csv={"function": "table", "arguments": {"n": 4}})
    recorded.hashes.write_text("")
    assert recorded.prepare().returncode == 0
    assert (recorded.data / "raw.csv").read_text() == "x\n0\n1\n2\n3\n"
    assert recorded.prepare().returncode == recorded.coreutils() == 0


def test_edited_code_that_gives_the_same_data_passes(recorded):
    """A function whose code changed is called again; the same bytes are good."""
    access = recorded.root / "src/study/data_access.py"
    access.write_text(TABLE + "\n# a comment\n")
    assert recorded.prepare().stdout.splitlines()[0].startswith("fetched")
    access.write_text(TABLE.replace("range(n)", "range(1, n + 1)"))
    assert "raw.csv" in refusal(recorded.prepare())[1]


def test_failing_functions(project):
    """A function that is missing or fails is named with its message and its line."""
    project.declare(a__csv={"function": "nothing"})
    assert "has no function nothing" in refusal(project.prepare())[1]
    code = "import os\ndef bad():\n    raise ValueError('why ' + os.environ['API_KEY'])\n"
    (project.root / "src/study/data_access.py").write_text(code)
    project.declare(a__csv={"function": "bad"})
    lines = refusal(project.prepare(API_KEY="a-Secret-12345"))
    assert lines == [
        "assets/data/a.csv: function bad failed",
        "  ValueError: why …",
        "  src/study/data_access.py, line 3",
    ]


def test_functions_of_other_modules(project):
    """`module.function` is one of that module; a module that is not there is named."""
    (project.root / "src/study/wines.py").write_text("def numbers():\n    return {'a': 1}\n")
    project.declare(a__json={"function": "wines.numbers"})
    assert project.prepare().returncode == 0
    assert (project.data / "a.json").read_text() == '{\n  "a": 1\n}\n'
    project.declare(a__json={"function": "beers.numbers"})
    assert "there is no src/study/beers.py" in refusal(project.prepare())[0]


def test_functions_that_write_themselves(project):
    """A function with a parameter `path` may write any file, or a folder."""
    (project.root / "src/study/data_access.py").write_text(
        "def many(path, n):\n    path.mkdir()\n"
        "    for i in range(n):\n        (path / f'{i}.xyz').write_text(str(i))\n"
    )
    project.declare(many={"function": "many", "arguments": {"n": 3}})
    assert project.prepare().stdout.splitlines()[-1] == "assets/data/many"
    assert len(project.hashes.read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<<<<<<< HEAD\n", "line 1: this is no record"),
        ("abc  assets/data/raw.csv\n", "line 1: this is no record"),
        (f"{SHA}  a\n{SHA}  a\n", "line 2: a is recorded twice"),
        (f"{SHA}  ../../x\n", "leads out of"),
        (f"{SHA}  /etc/passwd\n", "leads out of"),
    ],
)
def test_a_damaged_record_is_refused(recorded, content, words):
    """A line that is no record stops everything, with its number."""
    recorded.hashes.write_text(content)
    assert words in refusal(recorded.prepare())[0]


def test_spellings_of_sha256sum_are_read(recorded):
    """Binary marks and capital letters are understood."""
    text = recorded.hashes.read_text()
    recorded.hashes.write_text(
        "\n".join(f"{ln[:64].upper()} *{ln[66:]}" for ln in text.splitlines())
    )
    assert recorded.prepare().returncode == recorded.coreutils() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="needs file descriptors in /proc")
def test_strange_things_in_a_folder(project):
    """A pipe or a broken link in a data folder is named, and does not hang."""
    there, _ = folder(project)
    os.mkfifo(there / "pipe")
    project.declare(images={"folder": "share"})
    assert "pipe is neither a file nor a folder" in refusal(project.prepare())[0]
