"""Files, folders and addresses as sources: in place, copied, expected, drifted, accepted."""

import hashlib
import io
import subprocess
import zipfile

import pytest
from data_projects import NAME, Project, error
from servers.web import Web

OLD, NEW = "id,name,price\n1,a,2.5\n2,b,3.5\n", "id,name,price\n1,a,2.5\n2,b,3.25\n3,c,1\n"


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture(scope="module")
def web():
    with Web() as server:
        yield server


@pytest.fixture
def remote(project, web):
    """Return a project whose raw.csv was fetched from the server and recorded."""
    project.declare(raw__csv=web.put("/raw.csv", OLD.encode()))
    assert project.prepare().returncode == 0
    return project


def test_a_file_in_place(project):
    """A file is used where it lies; a change there is refused, a missing share is named."""
    share = project.root / "share"
    share.mkdir()
    (share / "raw.csv").write_text(OLD)
    project.declare(raw__csv={"file": "share/raw.csv"})
    assert project.prepare().returncode == 0
    assert (project.data / "raw.csv").readlink() == share / "raw.csv"
    (share / "raw.csv").write_text(NEW)
    assert "assets/data/raw.csv   recorded" in error(project.prepare())
    share.rename(project.root / "elsewhere")
    assert "is the disk or share mounted?" in error(project.prepare())


def test_a_copied_file(project):
    """A copy does not change with its source, until it is fetched again."""
    (project.root / "raw.csv").write_text(OLD)
    project.declare(raw__csv={"file": "$SHARE/raw.csv", "copy": True})
    assert "this variable is not set" in error(project.prepare())
    variables = {"SHARE": str(project.root)}
    assert project.prepare(**variables).returncode == 0
    (project.root / "raw.csv").write_text(NEW)
    assert project.prepare(**variables).returncode == 0
    assert (project.data / "raw.csv").read_text() == OLD
    assert "no longer at its source" in error(project.run("fetch", **variables))


def test_the_same_name_from_another_place(project):
    """A declaration that names another file is not answered with the old file."""
    (project.root / "one.csv").write_text(OLD)
    (project.root / "two.csv").write_text(NEW)
    (project.root / "same.csv").write_text(OLD)
    for copy in (True, False):
        project.declare(raw__csv={"file": "one.csv", "copy": copy})
        assert project.prepare().returncode == 0
        project.declare(raw__csv={"file": "same.csv", "copy": copy})
        assert project.prepare().returncode == 0
        project.declare(raw__csv={"file": "two.csv", "copy": copy})
        assert "no longer at its source" in error(project.prepare())
        (project.data / "raw.csv.drifted").unlink()


def test_members_of_a_local_archive(project):
    """Members come out of an archive on disk, which stays where it is."""
    with zipfile.ZipFile(project.root / "all.zip", "w") as out:
        out.writestr("in/raw.csv", OLD)
        out.writestr("in/more.csv", NEW)
    project.declare(
        raw__csv={"file": "all.zip", "member": "in/raw.csv"},
        both={"file": "all.zip", "members": "in/*.csv"},
    )
    assert project.prepare().returncode == 0
    assert (project.data / "both/in/more.csv").read_text() == NEW
    assert sorted(p.name for p in project.data.iterdir()) == ["both", "raw.csv"]
    assert len(project.hashes.read_text().splitlines()) == 3


def test_an_expected_digest(project, web):
    """A digest in config.yaml is compared before the file gets its name, and with the record."""
    url = web.put("/raw.csv", OLD.encode())
    project.declare(raw__csv={"url": url, "sha256": sha256(NEW)})
    message = error(project.prepare())
    assert "is not what config.yaml expects" in message
    assert not (project.data / "raw.csv").exists()
    project.declare(raw__csv={"url": url, "sha256": sha256(OLD).upper()})
    assert project.prepare().returncode == 0
    project.declare(raw__csv={"url": url, "sha256": sha256(NEW)})
    assert "they have to agree" in error(project.prepare())


def test_a_drifted_address(remote, web):
    """Other bytes at the address are refused and shown; the old file stays."""
    web.put("/raw.csv", NEW.encode())
    for command in (lambda: remote.run("fetch", NAME="raw.csv"), remote.prepare):
        lines = error(command()).splitlines()
        assert lines[0].startswith("data is no longer at its source")
        assert lines[2:5] == [
            "    line 3: price: 3.5 → 3.25",
            "    line 4: - (none)",
            "    line 4: + 3,c,1",
        ]
        assert "the old data is untouched" in lines[6]
    assert (remote.data / "raw.csv").read_text() == OLD
    assert (remote.data / "raw.csv.drifted").read_text() == NEW
    assert remote.coreutils() == 0


def test_drifted_data_is_accepted_or_not(remote, web):
    """Either the old file is kept, or the new one is accepted with a reason."""
    web.put("/raw.csv", NEW.encode())
    error(remote.run("fetch"))
    (remote.data / "raw.csv.drifted").unlink()
    assert remote.prepare().returncode == 0
    error(remote.run("fetch"))
    assert remote.run("accept", REASON="a correction").returncode == 0
    assert (remote.data / "raw.csv").read_text() == NEW
    comment, line = remote.hashes.read_text().splitlines()
    assert f"accepted, was {sha256(OLD)}: a correction" in comment
    assert line == f"{sha256(NEW)}  assets/data/raw.csv"
    assert remote.run("fetch").returncode == remote.prepare().returncode == 0


def test_a_drifted_address_in_a_fresh_clone(remote, web):
    """Without the old bytes the error says that they are not here."""
    web.put("/raw.csv", NEW.encode())
    subprocess.run(["rm", "-r", str(remote.root / "generated")], check=True)
    for _ in range(2):
        lines = error(remote.prepare(LOCKED="1", CACHE="off"))
        assert "the recorded data is not on this machine" in lines
    web.put("/raw.csv", OLD.encode())
    (remote.data / "raw.csv.drifted").unlink()
    assert remote.prepare(LOCKED="1").returncode == 0


def test_a_drifted_folder(project, web):
    """Of a folder, the files that differ are named."""

    def packed(**files):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return out.getvalue()

    url = web.put("/all.zip", packed(a="1", b="2", c="3"))
    project.declare(many={"url": url, "members": "*"})
    assert project.prepare().returncode == 0
    web.put("/all.zip", packed(a="1", b="x", d="4"))
    lines = error(project.run("fetch")).splitlines()
    assert lines[2:5] == ["    c is gone", "    d is new", "    b changed"]
    assert (project.data / "many/b").read_text() == "2"
    assert project.run("accept", REASON="new files").returncode == 0
    assert sorted(p.name for p in (project.data / "many").iterdir()) == ["a", "b", "d"]
    assert project.prepare().returncode == project.coreutils() == 0
    assert project.shell(NAME).returncode == 0


def test_fetch_knows_its_names(remote):
    """A name that is not declared is refused with the one that was meant."""
    assert "did you mean raw.csv?" in error(remote.run("fetch", NAME="row.csv"))
    assert remote.run("fetch", NAME="assets/data/raw.csv").returncode == 0


def test_recorded_data_is_fetched_when_locked(remote):
    """LOCKED allows to fetch what is recorded."""
    (remote.data / "raw.csv").unlink()
    assert remote.prepare(CI="true").returncode == 0
    assert remote.coreutils() == 0
