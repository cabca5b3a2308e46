"""The surroundings of real machines: a right result, or a short error and nothing lost."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import building
import pytest
from building import TINY
from waiting import PATIENCE, until

SNAKEFILE = """
    from labflake import code, step

    rule all:
        input: "assets/data/one.txt", "assets/data/two.txt",

    rule one:
        input: code=code("one.py"),
        output: "assets/data/one.txt",
        shell: step("python {input.code[0]} > {output}")

    rule two:
        input: "assets/data/one.txt",
        output: "assets/data/two.txt",
        shell: step("cat {input} {input} > {output}")
"""
REPORT = """
    ---
    title: One
    bibliography: references.bib
    ---

    ```python
    x = 41
    ```

    It is `{python} x + 1` [@one].

    ![A dot.](../../generated/2024-02-29-Tiny/assets/figures/dot.svg)
"""
BIBLIOGRAPHY = "@book{one, title={Title}, author={Author, Ann}, year={2020}}\n"
DOT = """
    rule dot:
        input: code=code("dot.py"),
        output: "assets/figures/dot.svg",
        shell: step("python {input.code[0]} > {output}")
"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="9"/></svg>'
# A library that is loaded before all others: the file system has no locks.
NO_LOCKS = r"""
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <errno.h>
    #include <fcntl.h>
    #include <stdarg.h>

    static int none(void) { errno = ENOLCK; return -1; }
    static int is_lock(int command) {
        return command == F_SETLK || command == F_SETLKW
            || command == F_OFD_SETLK || command == F_OFD_SETLKW;
    }
    int flock(int file, int how) { return none(); }
    int lockf(int file, int how, off_t length) { return none(); }
    int lockf64(int file, int how, off64_t length) { return none(); }
    #define WITHOUT_LOCKS(name) \
        int name(int file, int command, ...) { \
            static int (*real)(int, int, ...); \
            va_list list; \
            va_start(list, command); \
            void *argument = va_arg(list, void *); \
            va_end(list); \
            if (is_lock(command)) return none(); \
            if (!real) real = dlsym(RTLD_NEXT, #name); \
            return real(file, command, argument); \
        }
    WITHOUT_LOCKS(fcntl)
    WITHOUT_LOCKS(fcntl64)
"""


@pytest.fixture(scope="module")
def small(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the project with one tiny experiment and no document."""
    project = building.copy(built, tmp_path_factory.mktemp("places") / "p", generated=False)
    shutil.rmtree(project / "scripts" / building.SAMPLE)
    building.experiment(project, TINY, Snakefile=SNAKEFILE, one_py="print(1)\n")
    return project


@pytest.fixture
def project(small: Path, tmp_path: Path) -> Path:
    """Copy the small project to change it."""
    return building.copy(small, tmp_path / "p")


def error(done: subprocess.CompletedProcess[str]) -> str:
    """Expect an error of a few lines without a traceback, and return it."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    _, mark, text = done.stderr.partition("error: ")
    assert mark
    lines = [line for line in text.splitlines() if not line.startswith("make: ")]
    assert len(lines) <= 5, text
    return "\n".join(lines)


# Without locks


@pytest.fixture(scope="module")
def without_locks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Compile the library; return the variable that loads it."""
    if not shutil.which("gcc") or sys.platform != "linux":
        pytest.skip("gcc makes the library that refuses locks, and it is not here")
    folder = tmp_path_factory.mktemp("locks")
    (folder / "none.c").write_text(NO_LOCKS, encoding="utf-8")
    command = ["gcc", "-shared", "-fPIC", "-o", "none.so", "none.c", "-ldl"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return {"LD_PRELOAD": str(folder / "none.so")}


def slow(project: Path, seconds: float) -> None:
    """Let the first step take its time."""
    program = project / "scripts" / TINY / "one.py"
    program.write_text(f"import time\ntime.sleep({seconds})\nprint(1)\n", encoding="utf-8")


def started(project: Path, **environment: str) -> subprocess.Popen[str]:
    """Start a build, and return when its first step runs."""
    process = begun(project, **environment)
    until((project / "generated" / TINY / ".labflake" / "logs" / "one.log").exists, process)
    return process


def begun(project: Path, **environment: str) -> subprocess.Popen[str]:
    """Start a build."""
    variables = building.variables(CACHE=str(project.parent / "cache"), **environment)
    return subprocess.Popen(
        ["make"], cwd=project, env=variables, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("locks", [True, False])
def test_builds_wait_for_each_other(
    project: Path, without_locks: dict[str, str], locks: bool
) -> None:
    """Of two builds at the same time the second waits for the first, on every file system."""
    variables, go = {} if locks else without_locks, project.parent / "go"
    wait = f"import os, time\nwhile not os.path.exists({str(go)!r}):\n    time.sleep(0.02)\n"
    (project / "scripts" / TINY / "one.py").write_text(f"{wait}print(1)\n", encoding="utf-8")
    first = started(project, **variables)
    second = begun(project, **variables)
    said = second.stdout.readline()
    while "another make is building" not in said:
        said += second.stdout.readline() or pytest.fail(said)
    go.touch()
    said += second.communicate(timeout=PATIENCE)[0]
    assert (second.returncode, "[1/2]" in said) == (0, False), said
    assert "[1/2] one" in first.communicate(timeout=PATIENCE)[0]


def test_a_killed_build_leaves_no_lock(project: Path, without_locks: dict[str, str]) -> None:
    """Without locks, too, the next build follows a killed one at once."""
    slow(project, 600)
    build = started(project, **without_locks)
    os.killpg(build.pid, signal.SIGKILL)
    build.communicate()
    slow(project, 0)
    printed = building.made(project, **without_locks)
    assert "waiting" not in printed
    assert "done in" in printed


def test_a_lock_of_another_machine_is_named(project: Path, without_locks: dict[str, str]) -> None:
    """Who waits for another machine learns for which, and what to do if that is gone."""
    state = project / "generated" / TINY / ".labflake"
    state.mkdir(parents=True)
    (state / "lock.7").symlink_to("node17 boot space 12 345")
    process = subprocess.Popen(
        ["make"], cwd=project, env=building.variables() | without_locks,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    said = process.stdout.readline()
    assert "(on node17; if that is gone: rm generated/" in said
    (state / "lock.7").unlink()
    assert "done in" in process.communicate(timeout=PATIENCE)[0]


# Users


def somebody() -> list[str]:
    """Return the command before another that makes us a user without a name and special rights."""
    prefix = ["unshare", "--user", "--map-user=1234", "--map-group=1234"]
    with contextlib.suppress(OSError):
        if subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
            return prefix
    pytest.skip("this machine gives nobody a user of their own: unshare --map-user")


def as_somebody(project: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make as a user without a name."""
    dropped = ("USER", "LOGNAME", "LNAME", "USERNAME", "HOME", "XDG_CACHE_HOME")
    kept = {k: v for k, v in building.variables().items() if k not in dropped}
    return subprocess.run(
        [*somebody(), "make", *words], cwd=project, env=kept | environment,
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("home", [{}, {"HOME": "/proc"}], ids=["without", "not ours"])
def test_a_user_without_a_name_builds(project: Path, home: dict[str, str]) -> None:
    """A number without an entry in passwd, and no home that can be written, build all the same."""
    building.experiment(project, TINY, report_md="---\ntitle: One\n---\n\nText.\n")
    done = as_somebody(project, **home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project / "generated" / TINY / "outputs" / "report.pdf").is_file()


@contextlib.contextmanager
def others(path: Path) -> Iterator[None]:
    """Give a file or folder to somebody else for a while."""
    if os.geteuid():
        pytest.skip("only root can give files to somebody else")
    subprocess.run(["chown", "-R", "4321:4321", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["chown", "-R", "0:0", path], check=True)


@pytest.mark.long
@pytest.mark.parametrize("part", ["", f"{TINY}/.labflake", f"{TINY}/assets"])
def test_what_another_user_made_is_told(project: Path, part: str) -> None:
    """What a build as root left behind is named, with the command that takes it over."""
    assert as_somebody(project).returncode == 0
    program = project / "scripts" / TINY / "one.py"
    program.write_text("print(2)\n", encoding="utf-8")
    with others(project / "generated" / part):
        assert "chown" in error(as_somebody(project))
    made = project / "generated" / TINY / "assets" / "data" / "one.txt"
    assert made.read_text(encoding="utf-8") == "1\n"
    assert as_somebody(project).returncode == 0
    assert made.read_text(encoding="utf-8") == "2\n"


@pytest.mark.long
@pytest.mark.parametrize("name", ["one.py", "Snakefile", "config.yaml", "report.md", "hashes.txt"])
def test_a_file_that_cannot_be_read_is_named(project: Path, name: str) -> None:
    """Whatever of an experiment may not be read, its name and the way out are told."""
    building.experiment(project, TINY, report_md="---\ntitle: One\n---\n", hashes_txt="")
    path = project / "scripts" / TINY / name
    path.touch()
    path.chmod(0)
    said = error(as_somebody(project))
    assert f"scripts/{TINY}/{name} is not yours to read" in said
    assert "chmod u+rwX" in said


def test_a_project_that_cannot_be_written_is_told(project: Path) -> None:
    """Where nothing may be written, the folder is named."""
    project.chmod(0o555)
    assert "chmod u+rwX" in error(as_somebody(project))


# Disks


@contextlib.contextmanager
def tiny_disk(place: Path, kilobytes: int) -> Iterator[None]:
    """Mount a small disk."""
    place.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(place)]
    try:
        mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.long
@pytest.mark.parametrize("free", [0, 4, 16, 40, 100])
def test_a_full_disk_loses_nothing(project: Path, free: int) -> None:
    """At whatever moment the disk is full, that is what is said; with room, the build goes on."""
    building.experiment(project, TINY, report_md="---\ntitle: One\n---\n\nText.\n")
    with tiny_disk(project / "generated", 8000):
        ballast = project / "generated" / "ballast"
        space = shutil.disk_usage(project / "generated").free
        ballast.write_bytes(b"x" * (space - free * 1024))
        done = building.make(project)
        assert done.returncode == 2
        assert "Traceback" not in done.stdout + done.stderr
        assert "full" in done.stderr or "No space left" in done.stderr
        ballast.unlink()
        building.made(project)
        two = project / "generated" / TINY / "assets" / "data" / "two.txt"
        assert two.read_text(encoding="utf-8") == "1\n1\n"


# Names and texts


@pytest.mark.long
@pytest.mark.long
@pytest.mark.parametrize("what", ["../../generated", ".labflake"])
@pytest.mark.parametrize("moment", ["while it runs", "later", "before it is long done"])
def test_results_that_are_removed_while_they_are_made(
    project: Path, what: str, moment: str
) -> None:
    """Whoever removes them during a build is told, and the next build makes all of them."""
    one = project / "scripts" / TINY / "one.py"
    program = one.read_text(encoding="utf-8")
    removes = f"import shutil\nshutil.rmtree({what!r}, ignore_errors=True)\n"
    late = "import os, sys\nos.fork() and sys.exit()\nimport time\ntime.sleep(0.3)\n"
    before, after = late * (moment == "later"), "import time\ntime.sleep(1)\n" * ("long" in moment)
    one.write_text(program + before + removes + after, encoding="utf-8")
    done = building.make(project, EXPERIMENT=TINY)
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 2), done.stderr
    one.write_text(program, encoding="utf-8")
    building.made(project, EXPERIMENT=TINY)
    assert (project / "generated" / TINY / "assets/data/two.txt").is_file()


def test_signs_in_the_path_do_no_harm(project: Path, tmp_path: Path) -> None:
    """A project with all signs that programs give a meaning in its path builds its documents."""
    snakefile = SNAKEFILE.replace('two.txt",', 'two.txt", "assets/figures/dot.svg",', 1) + DOT
    files = {"report_md": REPORT, "references_bib": BIBLIOGRAPHY, "dot_py": f"print({SVG!r})\n"}
    building.experiment(project, TINY, Snakefile=snakefile, **files)
    place = tmp_path / "50%20 %2F;semi?q#h 'x' &p (r) [s] {t} $u ~v!"
    project.rename(place)
    building.made(place)
    assert building.made(place).endswith("up to date\n")
    page = (place / "generated" / TINY / "outputs" / "report.html").read_text(encoding="utf-8")
    assert "42" in page
    assert "Author" in page
    assert 'circle r="9"' in page or "data:image" in page


@pytest.mark.parametrize("sign", ["\n", ":", "\x1b", "\udcff"])
def test_a_path_that_cannot_be_told_is_refused(project: Path, tmp_path: Path, sign: str) -> None:
    """A colon, a line break or a byte that is no text in the path is refused, and nothing done."""
    place = project.rename(tmp_path / f"a{sign}b")
    assert "the path of this project has a " in error(building.make(place))
    assert not (place / "generated").exists()


def test_settings_that_are_not_utf8_are_told(project: Path) -> None:
    """Settings in another encoding are an error with its line."""
    config = project / "scripts" / TINY / "config.yaml"
    config.write_bytes("# Größe\nsize: 3\n".encode("latin-1"))
    for command in ([], ["plan"], ["index"]):
        done = building.make(project, *command)
        if command != ["index"]:
            assert f"scripts/{TINY}/config.yaml, line 1: this is not UTF-8" in error(done)
        assert "Traceback" not in done.stderr


@pytest.mark.long
@pytest.mark.parametrize("name", ["one.py", "Snakefile", "report.md"])
def test_other_files_that_are_not_utf8_are_told(project: Path, name: str) -> None:
    """A program, a Snakefile or a report in another encoding is an error that names it."""
    building.experiment(project, TINY, report_md="---\ntitle: One\n---\n")
    path = project / "scripts" / TINY / name
    path.write_bytes(path.read_bytes() + "# Größe\n".encode("latin-1"))
    done = building.make(project)
    assert done.returncode == 2
    assert name in done.stderr
    assert "Traceback" not in done.stderr
