"""The shared cache gives back what was kept, whoever else uses it and whatever happens to it."""

import contextlib
import errno
import hashlib
import multiprocessing
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import building
import caching
import pytest
from building import TINY
from caching import DAMAGES, KEY, OTHER, THIRD, Project, Situation, damage, tree
from waiting import PATIENCE

from labflake.cache import Cache, entries, limit, tally
from labflake.cache.folder import Folder
from labflake.steps import keys
from labflake.steps.step import Step

ROUNDS = 300  # of each of the builds that share a folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return where a cache may be."""
    return tmp_path / "a cäche"


@pytest.fixture
def project(tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make a folder of a project that uses the cache."""
    monkeypatch.chdir(tmp_path)  # back to where it was at the end
    return Project(tmp_path / "a pröject", Cache(Folder(place)))


def test_result_comes_back_as_it_was(project: Project) -> None:
    """A restored output has the bytes that the step wrote, here and in another clone."""
    project.made(KEY, a_txt="one", b_csv="two\n")
    expected = {"a.txt": ("file", False, b"one"), "b.csv": ("file", False, b"two\n")}
    assert project.restored(KEY, "a.txt", "b.csv") == expected
    assert (project.cache.hits, project.cache.saved) == (1, 2.5)


def test_unknown_key_is_no_hit(project: Project, capsys: pytest.CaptureFixture) -> None:
    """What was never kept is not there, and that is no reason for a message."""
    assert project.restored(KEY, "a.txt") is None
    assert (project.cache.hits, capsys.readouterr().err) == (0, "")


def test_other_outputs_are_a_miss(project: Project) -> None:
    """A result is restored for exactly the outputs that it was kept for, in their order."""
    project.made(KEY, a_txt="one", b_txt="two")
    assert project.restored(KEY, "a.txt") is None
    assert project.restored(KEY, "b.txt", "a.txt") is None
    assert project.restored(KEY, "a.txt", "b.txt") is not None


def test_folder_comes_back_whole(project: Project) -> None:
    """Programs, empty folders and links inside an output come back; other links are followed."""
    out = project.folder / "model ö"
    (out / "empty" / "deeper").mkdir(parents=True)
    (out / "sub").mkdir()
    (out / "sub" / "data.txt").write_text("data")
    (out / "run.sh").write_text("#!/bin/sh\n")
    (out / "run.sh").chmod(0o755)
    (out / "latest.txt").symlink_to("sub/data.txt")
    (out / "again").symlink_to("sub")
    (project.folder / "outside.txt").write_text("outside")
    (out / "sub" / "copied.txt").symlink_to("../../outside.txt")
    project.keep(KEY, "model ö")
    expected = tree(out) | {"sub/copied.txt": ("file", False, b"outside")}
    expected = {"model ö": ("folder",)} | {f"model ö/{n}": what for n, what in expected.items()}
    assert project.restored(KEY, "model ö") == expected


@pytest.mark.parametrize("end", ["nowhere", "."])
def test_link_without_content_is_not_kept(
    project: Project, end: str, capsys: pytest.CaptureFixture
) -> None:
    """A link that leads out to nothing, or in a circle, is named; the result is not kept."""
    (project.folder / "out").mkdir()
    (project.folder / "out" / "link").symlink_to(project.folder / "out" / end)
    made = {"out": "0" * 64}
    project.cache.store(KEY, "fit", made, 1.0, project.contents.digest)
    assert "the result of fit is not kept" in capsys.readouterr().err
    assert project.restored(KEY, "out") is None


@pytest.mark.parametrize(("umask", "file", "program"), [(0o22, 0o644, 0o755), (0o77, 0o600, 0o700)])
def test_restored_files_have_normal_permissions(
    project: Project, umask: int, file: int, program: int
) -> None:
    """The umask decides, as for a file that the step writes; only programs can be executed."""
    project.made(KEY, a_txt="one", b_sh="two")
    (project.folder / "b.sh").chmod(0o755)
    project.keep(OTHER, "a.txt", "b.sh")
    before = os.umask(umask)
    try:
        project.restored(OTHER, "a.txt", "b.sh")
    finally:
        os.umask(before)
    made = project.folder / ".labflake" / "running"
    modes = [(made / name).stat().st_mode & 0o777 for name in ("a.txt", "b.sh")]
    assert modes == [file, program]


def test_edit_of_a_result_never_reaches_the_cache(project: Project) -> None:
    """Neither the file that was kept nor the one that was restored is shared with the cache."""
    project.made(KEY, a_txt="one")
    with (project.folder / "a.txt").open("r+") as file:
        file.write("1")
    project.restored(KEY, "a.txt")
    with (project.folder / ".labflake/running/a.txt").open("r+") as file:
        file.write("2")
    assert project.restored(KEY, "a.txt") == {"a.txt": ("file", False, b"one")}


def test_edit_while_a_result_is_kept_is_not_kept(project: Project) -> None:
    """What somebody else wrote after the step is not a result of the step."""
    (project.folder / "a.txt").write_text("one")
    made = {"a.txt": project.contents.digest("a.txt")}
    (project.folder / "a.txt").write_text("edited")
    project.cache.store(KEY, "fit", made, 1.0, lambda path: made[path])
    assert project.restored(KEY, "a.txt") is None


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("kind", ["steps", "objects"])
def test_damaged_result_is_dropped(
    project: Project, place: Path, kind: str, how: str, capsys: pytest.CaptureFixture
) -> None:
    """Damage is said in one line, nothing is restored, and the next result is kept as usual."""
    project.made(KEY, a_txt="some text", b_txt="other text")
    assert damage(place / kind, how) == (1 if kind == "steps" else 2)
    assert project.restored(KEY, "a.txt", "b.txt") is None
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert project.restored(KEY, "a.txt", "b.txt") is None
    assert capsys.readouterr().err == ""
    project.made(KEY, a_txt="some text", b_txt="other text")
    project.restored(KEY, "a.txt", "b.txt")  # finds the second damaged file, if there were two
    project.made(KEY, a_txt="some text", b_txt="other text")
    assert project.restored(KEY, "a.txt", "b.txt")["b.txt"] == ("file", False, b"other text")


def test_entry_under_another_key_is_not_used(project: Project, place: Path) -> None:
    """An entry says which key it is of; a copy under another name is damage."""
    project.made(KEY, a_txt="one")
    project.made(OTHER, a_txt="two")
    (mine,) = (place / "steps" / KEY[:2]).iterdir()
    (other,) = (place / "steps" / OTHER[:2]).iterdir()
    shutil.copyfile(other, mine.with_name("x"))
    os.replace(mine.with_name("x"), mine)
    assert project.restored(KEY, "a.txt") is None


@pytest.mark.parametrize("name", ["../../escaped.txt", "/tmp/escaped.txt"])
def test_entry_cannot_write_outside(project: Project, place: Path, name: str) -> None:
    """An entry that somebody made up does not lead out of the outputs of its step."""
    output = entries.Output("0" * 64, files={name: "0" * 64})
    data = entries.Entry(KEY, "fit", 1.0, {"out": output}).data()
    project.made(OTHER, a_txt="one")
    project.cache.folder.write(KEY, data)
    assert project.restored(KEY, "out") is None


UP = "/".join(["b"] * 9 + [".."] * 9)
MADE_UP = {
    "link behind a link": {"links": {"b": ".", "x": f"{UP}/../../secret.txt"}},
    "absolute link": {"links": {"x": "/etc/passwd"}},
    "link out": {"links": {"x": "../../../../secret.txt"}},
    "link to nowhere": {"links": {"x": "nowhere"}},
    "circle": {"links": {"b": ".", "c": "."}},
    "circle of two": {"folders": ["d", "e"], "links": {"d/x": "../e", "e/x": "../d"}},
    "file behind a link": {"links": {"b": "../.."}, "files": {"b/x": "0" * 64}},
    "folder behind a link": {"links": {"b": "../.."}, "folders": ["b/x"]},
    "link on a link": {"links": {"b": "../..", "b/x": "."}},
    "digest that is a path": {"files": {"x": "ab/../../../../../a pr\u00f6ject/secret.txt"}},
    "digest that is a path, alone": {"files": {"": "ab/../../../../../a pr\u00f6ject/secret.txt"}},
    "file and folder": {"files": {"": "0" * 64, "x": "0" * 64}},
    "names that are none": {"folders": ["a//b", "."]},
    "other types": {"files": ["x"]},
    "no text": {"links": {"x": 7}},
}


@pytest.mark.parametrize("how", MADE_UP)
def test_entry_of_somebody_else_leads_nowhere(project: Project, how: str) -> None:
    """Links, names and digests of an entry are believed only as far as they stay in its outputs."""
    (project.folder / "secret.txt").write_text("secret")
    before = tree(project.folder)
    output = entries.Output("0" * 64 + "/", **MADE_UP[how])
    project.made(OTHER, a_txt="one")
    project.cache.folder.write(KEY, entries.Entry(KEY, "fit", 1.0, {"out": output}).data())
    assert project.restored(KEY, "out") is None
    assert {n: w for n, w in tree(project.folder).items() if n in before} == before
    assert [path for path in project.folder.parent.rglob("*") if path.name == "x"] == []
    assert project.restored(OTHER, "a.txt") is not None


@pytest.mark.parametrize("line", [b"[]", b"{}", b"null", b'{"outputs": 1}', b"{"])
def test_entry_of_another_form_is_a_miss(project: Project, line: bytes) -> None:
    """What another version wrote is dropped, and the step is done again."""
    project.made(KEY, a_txt="one")
    data = hashlib.sha256(line + b"\n").hexdigest().encode() + b"\n" + line + b"\n"
    project.cache.folder.write(KEY, data)
    assert project.restored(KEY, "a.txt") is None


def test_read_only_cache_stays_as_it_is(project: Project, place: Path) -> None:
    """With CACHE_READONLY=1 results come from it; nothing is kept, dropped or marked."""
    project.made(KEY, a_txt="one")
    project.made(THIRD, b_txt="two")
    for path in (place / "objects").rglob("*"):
        os.utime(path, (1, 1))
    damage(place / "steps" / THIRD[:2], "flipped")
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in place.rglob("*")}
    reader = Project(project.folder, Cache(Folder(place, read_only=True), most=1))
    assert reader.restored(KEY, "a.txt") is not None
    assert reader.restored(THIRD, "b.txt") is None
    reader.made(OTHER, c_txt="three")
    reader.cache.forget(KEY)
    reader.cache.close(project.folder)
    after = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in place.rglob("*")}
    assert after == before


def test_result_with_a_file_gone_is_a_miss(
    project: Project, place: Path, capsys: pytest.CaptureFixture
) -> None:
    """The size limit may take a file of a result: then the step runs, without a word."""
    project.made(KEY, a_txt="one", b_txt="two")
    next(path for path in (place / "objects").rglob("*") if path.is_file()).unlink()
    assert project.restored(KEY, "a.txt", "b.txt") is None
    assert capsys.readouterr().err == ""
    assert not list((place / "steps").rglob("*.json"))


def test_what_a_killed_process_left_never_counts(project: Project, place: Path) -> None:
    """Unfinished files have names of their own, and old ones go away with the next clearing."""
    project.made(KEY, a_txt="one")
    for folder in (place / "steps" / KEY[:2], next((place / "objects").iterdir())):
        (folder / "new-0123").write_text("half")
        (folder / "new-4567").write_text("half")
        os.utime(folder / "new-4567", (1, 1))
    assert limit.measure(project.cache.folder).results == 1
    assert [path.name for path in place.rglob("new-*")] == ["new-0123", "new-0123"]


def test_folder_decides_who_may_use_the_cache(project: Project, place: Path) -> None:
    """Everything in a cache has the permissions of its folder: a group shares one folder."""
    place.mkdir()
    place.chmod(0o2770)
    project.made(KEY, a_txt="one")
    folders = {path.stat().st_mode & 0o7777 for path in place.rglob("*") if path.is_dir()}
    files = {path.stat().st_mode & 0o7777 for path in place.rglob("*") if path.is_file()}
    assert (folders, files) == ({0o2770}, {0o440})


def other_group() -> int:
    """Return a group that this user may give to files, and that new files do not have."""
    groups = [20_000] if os.geteuid() == 0 else [g for g in os.getgroups() if g != os.getegid()]
    return groups[0] if groups else pytest.skip("this user has one group only")


@pytest.mark.parametrize("mode", [0o770, 0o2770])
def test_everything_in_a_cache_belongs_to_its_group(
    project: Project, place: Path, tmp_path: Path, mode: int
) -> None:
    """A folder that a group shares needs no setgid: what is made in it is the group's, too."""
    place.mkdir()
    os.chown(place, -1, other_group())
    place.chmod(mode)
    project.made(KEY, a_txt="one")
    project.cache.most = 1
    project.restored(KEY, "a.txt")
    project.cache.close(tmp_path)
    found = [path.stat() for path in place.rglob("*")]
    assert {stat.st_gid for stat in found} == {place.stat().st_gid}
    assert {stat.st_mode & 0o77 for stat in found} == {0o70, 0o40, 0o60}


@contextlib.contextmanager
def somebody(user: int, *groups: int):
    """Be another user for a while, in groups of a name and of none."""
    before = os.getgroups()
    os.setgroups(groups)
    os.setegid(user)
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


@pytest.fixture
def shared() -> Iterator[Path]:
    """Return a folder of one group, which any user can reach; only root can be several users."""
    if os.geteuid():
        pytest.skip("only root can be two users")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "cache").mkdir()
        os.chown(Path(folder) / "cache", -1, 20_000)
        (Path(folder) / "cache").chmod(0o770)
        yield Path(folder)


def home(shared: Path, user: int) -> None:
    """Make the folder of a user."""
    (shared / str(user)).mkdir()
    os.chown(shared / str(user), user, user)


def member(shared: Path, user: int) -> Project:
    """Return the project of a user."""
    return Project(shared / str(user), Cache(Folder(shared / "cache")))


def test_second_user_of_a_group_gets_what_the_first_one_kept(
    shared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Two users with a group in common share its folder, with no more than `chgrp` and 0770."""
    monkeypatch.chdir(shared)
    before = os.umask(0o77)
    try:
        for user, key in ((20_001, KEY), (20_002, OTHER)):
            home(shared, user)
            with somebody(user, 20_000):
                member(shared, user).made(key, a_txt=key)
        for user, other in ((20_001, OTHER), (20_002, KEY)):
            with somebody(user, 20_000):
                found = member(shared, user).restored(other, "a.txt")
                assert found["a.txt"][2] == other.encode()
    finally:
        os.umask(before)
    assert capsys.readouterr().err == ""


def test_group_that_cannot_be_given_is_said(
    shared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Who owns the folder and is not in its group keeps nothing there that locks the group out."""
    monkeypatch.chdir(shared)
    os.chown(shared / "cache", 20_003, -1)
    home(shared, 20_003)
    with somebody(20_003):
        member(shared, 20_003).made(KEY, a_txt="one")
    said = capsys.readouterr().err
    assert "does not get its group; results are not kept" in said
    assert f"chmod g+s {shared / 'cache'}" in said
    assert not list((shared / "cache").iterdir())


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch):
    """Return a function that lets the file system refuse new names with an error number."""

    def fail(number: int) -> None:
        def refuse(*names: object) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr("labflake.cache.folder.os.replace", refuse)

    return fail


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.EROFS, "read-only"), (errno.ENOSPC, "it is full"), (errno.EACCES, "denied")],
)
def test_unwritable_cache_still_gives(
    project: Project, failing, number: int, reason: str, capsys: pytest.CaptureFixture
) -> None:
    """A cache that is full or read only says so once, and what it has comes from it."""
    project.made(KEY, a_txt="one")
    failing(number)
    project.made(OTHER, a_txt="two")
    project.made(THIRD, a_txt="three")
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line
    assert "results are not kept" in line
    assert project.restored(KEY, "a.txt") == {"a.txt": ("file", False, b"one")}
    assert not [p for p in project.cache.folder.place.rglob("new-*")]


def test_no_cache_at_all_is_one_warning(
    project: Project, place: Path, capsys: pytest.CaptureFixture
) -> None:
    """Where the cache cannot be, the build goes on without it."""
    place.write_text("a file")
    for key in (KEY, OTHER):
        assert project.restored(key, "a.txt") is None
        project.made(key, a_txt="one")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_cache_can_be_off(project: Project) -> None:
    """Without a cache nothing is kept and nothing restored."""
    project.cache = Cache(None)
    project.made(KEY, a_txt="one")
    assert project.restored(KEY, "a.txt") is None
    project.cache.close(project.folder)


# What is kept when there is not enough room


def aged(place: Path, key: str, days: float) -> None:
    """Let a result look as if it was used last that many days ago."""
    entry = next((place / "steps" / key[:2]).glob(f"{key[2:]}*"))
    then = time.time() - days * 86400
    outputs = entries.parse(entry.read_bytes(), key).outputs.values()
    digests = [digest for output in outputs for digest in output.files.values()]
    for path in [entry, *(Folder(place).object(digest) for digest in digests)]:
        os.utime(path, (then, then))


def fill(project: Project, count: int, size: int) -> list[str]:
    """Keep results, the first one as the oldest; return their keys."""
    keys = [f"{number:02x}" * 32 for number in range(count)]
    for number, key in enumerate(keys):
        (project.folder / "a.bin").write_bytes(random.Random(number).randbytes(size))
        project.keep(key, "a.bin")
        aged(project.cache.folder.place, key, count - number)
    return keys


def test_least_recently_used_goes_first(project: Project) -> None:
    """Over its limit the cache forgets what was used longest ago; using a result keeps it."""
    keys = fill(project, 10, 100_000)
    assert project.restored(keys[0], "a.bin") is not None
    gone = limit.shrink(project.cache.folder, 600_000)
    there = [key for key in keys if project.cache.digests(key)]
    assert there == [keys[0], *keys[-3:]]
    assert gone.results == 6
    assert limit.measure(project.cache.folder).bytes <= 600_000


def test_limit_holds_after_a_build(project: Project, tmp_path: Path) -> None:
    """A build that keeps more than there is room for leaves the cache below its limit."""
    project.cache.most = 1_000_000
    for number in range(20):
        (project.folder / "a.bin").write_bytes(random.Random(number).randbytes(100_000))
        project.keep(f"{number:02x}" * 32, "a.bin")
        project.cache.close(tmp_path)
        assert limit.measure(project.cache.folder).bytes <= 1_000_000
    assert project.cache.digests("13" * 32)


def test_cache_below_its_limit_is_not_read_through(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Builds add up what they keep: only a sum over the limit is a reason to look at every file."""
    project.cache.most = 10_000_000
    fill(project, 2, 100_000)
    project.cache.close(tmp_path)
    monkeypatch.setattr(Folder, "files", lambda self: pytest.fail("the cache was read through"))
    fill(project, 5, 100_000)
    project.cache.close(tmp_path)


def test_tally_adds_up(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hits, misses and the time saved are counted for the last build and for all."""
    monkeypatch.setattr("labflake.cache.tally._FOLD", 200)
    for _ in range(20):
        project.cache = cache = Cache(project.cache.folder)
        if not project.restored(KEY, "a.txt"):
            project.made(KEY, a_txt="one")
        project.restored(KEY, "a.txt")
        cache.close(tmp_path)
    assert tally.last(tmp_path) == tally.Tally(builds=1, hits=2, misses=0, saved=5.0)
    assert tally.every(cache.folder.place) == tally.Tally(builds=20, hits=39, misses=1, saved=97.5)


def test_tally_counts_steps_alone(project: Project, tmp_path: Path) -> None:
    """A step counts once, by how it ended; what is kept to find its result counts as none."""
    cache = project.cache
    note = project.folder / "reads.json"
    note.write_text("[]", encoding="utf-8")
    cache.keep("b" * 64, "fit (reads)", {str(note): "c" * 64}, 0, lambda path: "c" * 64)
    cache.bring("b" * 64, {str(note): str(tmp_path / "copy.json")})
    assert project.restored(KEY, "a.txt") is None
    project.made(KEY, a_txt="one")
    cache.close(tmp_path)
    assert tally.last(tmp_path) == tally.Tally(builds=1, hits=0, misses=1, saved=0.0)


# Many builds at the same time


@pytest.mark.long
def test_many_builds_share_one_folder(place: Path, tmp_path: Path) -> None:
    """Builds keep, restore, clear and damage the same results at once: no wrong byte comes back."""
    context = multiprocessing.get_context("spawn")  # pytest has threads
    answers = context.Queue()
    storms = [
        context.Process(target=caching.storm, args=(place, tmp_path, seed, ROUNDS, answers))
        for seed in range(4)
    ]
    for process in storms:
        process.start()
    found = [answers.get(timeout=PATIENCE) for _ in storms]
    for process in storms:
        process.join()
    assert [answer for answer in found if not isinstance(answer, int)] == []
    assert sum(found) > ROUNDS


# Which situations have the same result


@pytest.mark.long
def test_hits_are_right_in_a_thousand_situations(project: Project) -> None:
    """Two steps share a result if and only if command, inputs, outputs and environment agree."""
    chance = random.Random(4)
    known: set[bytes] = set()
    for _ in range(2000):
        now = Situation(chance)
        key, result = now.key(project.folder), now.result()
        found = project.restored(key, *now.outputs)
        assert (found is not None) == (result in known)
        if found:
            assert {name: found[name][2] for name in now.outputs} == dict.fromkeys(
                now.outputs, result
            )
            continue
        known.add(result)
        for name in now.outputs:
            (project.folder / name).write_bytes(result)
        project.keep(key, *now.outputs)
    assert min(project.cache.hits, project.cache.misses) > 500


def test_folder_is_not_a_file_that_lists_it(project: Project) -> None:
    """A step that reads a folder has another key than one that reads a list of its contents."""
    (project.folder / "in").mkdir()
    (project.folder / "in" / "a.txt").write_text("one")
    session = SimpleNamespace(contents=project.contents, environment="")

    def key() -> str:
        return keys.key_of(Step("fit", "cat in > out", ["in"], ["out"]), session)

    of_folder = key()
    listed = f"{project.contents.digest('in/a.txt')}  a.txt\n"
    shutil.rmtree(project.folder / "in")
    (project.folder / "in").write_text(listed)
    assert key() != of_folder


# With a real make

SNAKEFILE = """
    from labflake import step

    rule all:
        input:
            expand("assets/data/{order}.txt", order=["forward", "backward"]),
            expand("assets/data/word/{word}.txt", word=["p", "q", "p q"]),
            expand("assets/data/threads/{n}.txt", n=[1, 2]),
            "assets/data/model", "assets/data/left.txt",

    rule source:
        output: "assets/data/a.txt", "assets/data/b.txt",
        shell: step("echo a > {output[0]}; echo b > {output[1]}; sleep 0.3")

    rule forward:
        input: "assets/data/a.txt", "assets/data/b.txt",
        output: "assets/data/forward.txt",
        shell: step("cat {input} > {output}")

    rule backward:
        input: "assets/data/b.txt", "assets/data/a.txt",
        output: "assets/data/backward.txt",
        shell: step("cat {input} > {output}")

    rule word:
        output: "assets/data/word/{word}.txt",
        shell: step("echo {wildcards.word:q} > {output:q}")

    rule threads:
        output: "assets/data/threads/{n}.txt",
        threads: lambda wildcards: int(wildcards.n)
        shell: step("echo {threads} > {output}")

    rule sides:
        output: left="assets/data/left.txt", right="assets/data/right.txt",
        params: twice=config["twice"],
        shell: step("echo left {params.twice} > {output.left}; echo right > {output.right}")

    rule model:
        output: directory("assets/data/model"),
        shell: step("mkdir -p {output}/empty; echo 'exit 0' > {output}/run; chmod +x {output}/run")
"""


@pytest.fixture
def clone(built: Path, tmp_path: Path):
    """Return a function that gives clones of a project with one experiment, all with one cache."""

    def give(name: str) -> Path:
        project = building.copy(built, tmp_path / name, generated=False)
        building.experiment(
            project, TINY, Snakefile=SNAKEFILE, config_yaml="twice: 2\n", hashes_txt=""
        )
        return project

    return give


def make(project: Path, *arguments: str, **environment: str) -> str:
    """Build the experiment with the cache of all clones; nothing may go wrong on the way."""
    shared = {"CACHE": str(project.parent / "cache"), "EXPERIMENT": TINY, "JOBS": "2"}
    done = building.make(project, *arguments, **(shared | environment))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def results(project: Path) -> dict[str, tuple]:
    """Return what a build made."""
    return tree(project / "generated" / TINY / "assets")


@pytest.mark.long
def test_clone_restores_what_another_made(clone) -> None:
    """Orders, wildcards, threads, several outputs and folders: all come from the cache, alike."""
    first, second = clone("first"), clone("second")
    make(first)
    printed = make(second)
    assert building.ran(printed) == []
    assert results(second) == results(first)
    data = {name: what[-1] for name, what in results(second).items()}
    assert data["data/forward.txt"] == b"a\nb\n"
    assert data["data/backward.txt"] == b"b\na\n"
    assert data["data/word/p q.txt"] == b"p q\n"
    assert [data[f"data/threads/{n}.txt"] for n in (1, 2)] == [b"1\n", b"2\n"]


@pytest.mark.long
def test_clones_build_at_the_same_time(clone) -> None:
    """Two builds of the same steps with one cache do not disturb each other."""
    clones = [clone(name) for name in ("one", "two", "three")]
    with ThreadPoolExecutor() as pool:
        list(pool.map(make, clones))
    assert results(clones[0]) == results(clones[1]) == results(clones[2])
    assert sum(what[0] == "file" for what in results(clones[0]).values()) == 12


@pytest.mark.long
def test_make_cache_tells_what_it_is_good_for(clone) -> None:
    """The command names the place, the size, the limit, and what came from it."""
    project = clone("first")
    make(project)
    make(project, "clean")
    make(project)
    printed = make(project, "cache", CACHE_SIZE="5GB")
    assert str(project.parent / "cache") in printed
    assert "10 results" in printed
    assert "of at most 5.0 GB" in printed
    assert "last build  10 steps came from it (100%), 0 ran" in printed
    assert "all builds  2 builds: 10 steps came from it (50%), 10 ran" in printed


@pytest.mark.long
def test_emptied_cache_computes_again(clone) -> None:
    """`make cache CLEAR=1` removes the results, and nothing else that is in the folder."""
    project = clone("first")
    make(project)
    (project.parent / "cache" / "mine.txt").write_text("not the cache's")
    assert "removed 10 results" in make(project, "cache", CLEAR="1")
    assert [path.name for path in (project.parent / "cache").iterdir()] == ["mine.txt"]
    assert make(project).splitlines()[-1] == "up to date"
    make(project, "clean")
    assert len(building.ran(make(project))) == 10


@pytest.mark.long
def test_cache_off_runs_everything(clone) -> None:
    """`CACHE=off` neither restores nor keeps."""
    project = clone("first")
    make(project)
    make(project, "clean")
    assert len(building.ran(make(project, CACHE="off"))) == 10
    assert "the cache is off" in make(project, "cache", CACHE="off")
