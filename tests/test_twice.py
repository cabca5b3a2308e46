"""`make twice`: the same bytes under other circumstances, or what differs and the suspect."""

import os
import re
import signal
import subprocess
from pathlib import Path

import building
import data_projects  # noqa: F401 - the equipment can be imported then
import pytest
import rendering
from waiting import until

from labflake.content import temporary

pytestmark = pytest.mark.long

KINDS = "2024-02-28-Kinds"
CAUSES = "2024-02-29-Causes"
KILLED = "2024-03-01-Killed"
FORMATS = ["csv", "json", "npy", "npz", "svg", "png", "pdf", "skops", "txt", "md"]
DOCUMENTS = [
    "assets/2024-03-01-talk/2024-03-01-talk.ipynb",
    "assets/report/report.ipynb",
    "outputs/2024-03-01-talk-notes.pdf",
    "outputs/2024-03-01-talk.html",
    "outputs/2024-03-01-talk.pdf",
    "outputs/2024-03-01-talk.provenance.json",
    "outputs/report.html",
    "outputs/report.pdf",
    "outputs/report.provenance.json",
]
KINDS_SNAKEFILE = """
    from labflake import code, step

    rule all:
        input: expand("assets/data/made.{kind}", kind=config["kinds"]),

    rule made:
        input: code=code("make.py"),
        output: "assets/data/made.{kind}",
        shell: step("python {input.code[0]} {output}")
"""
MAKE = """
    import sys
    from pathlib import Path

    import numpy as np
    import pandas as pd

    from labflake import save

    path = Path(sys.argv[1])
    values = np.random.default_rng(1).normal(size=(40, 3))
    if path.suffix in (".svg", ".png", ".pdf"):
        from matplotlib import pyplot

        figure, axes = pyplot.subplots()
        axes.plot(values)
        save(figure, path)
    elif path.suffix == ".skops":
        from sklearn.linear_model import Ridge

        save(Ridge().fit(values[:, :2], values[:, 2]), path)
    elif path.suffix in (".txt", ".md"):
        path.write_text(f"mean {values.mean()}")
    elif path.suffix in (".csv", ".parquet"):
        save(pd.DataFrame(values, columns=list("abc")), path)
    else:
        made = {"json": {"mean": values.mean()}, "npy": values, "npz": {"values": values}}
        save(made[path.suffix[1:]], path)
"""
REPORT = """
    ---
    title: All kinds of artifacts
    ---

    ```python
    #| label: tbl:head
    #| caption: The first rows.
    from labflake import load
    table = load("made.csv")
    table.head(3)
    ```

    The mean is `{python} f"{table['a'].mean():.3f}"`.
"""
TALK = """
    ---
    title: All kinds of artifacts
    ---

    # Only slide

    Its text is `{python} 1 + 1`.

    <div class="notes">

    Say something.

    </div>
"""
# What a step must not write, and a word of the suspect that has to be named.
PLANTED = {
    "address": "address in memory",
    "archive": "clock",
    "clock": "clock",
    "date": "clock or the time zone",
    "folder": "folder",
    "home": "home folder",
    "listing": "",
    "order": "order",
    "processors": "processors",
    "random": "random numbers",
    "sum": "last digits",
    "user": "user",
}
CAUSES_SNAKEFILE = """
    from labflake import code, step

    rule all:
        input: "assets/data/calm.txt", "assets/data/follows.txt",

    rule calm:
        output: "assets/data/calm.txt",
        shell: step("echo calm > {output}")

    rule cause:
        input: code=code("cause.py"),
        output: "assets/data/cause-{name}.txt",
        shell: step("env -u PYTHONHASHSEED python {input.code[0]} {wildcards.name} {output}")

    rule follows:
        input: expand("assets/data/cause-{name}.txt", name=config["causes"]),
        output: "assets/data/follows.txt",
        shell: step("cat {input} > {output}")
"""
CAUSE = """
    import getpass, math, os, random, sys, time, zipfile
    from functools import reduce
    from operator import add
    from pathlib import Path

    name, output = sys.argv[1:]
    processors = len(os.sched_getaffinity(0))
    values = [math.sin(i) for i in range(100_000)]
    parts = [reduce(add, values[i::processors]) for i in range(processors)]  # sum() rounds once
    texts = {
        "address": lambda: repr(object()),
        "clock": lambda: f"at {time.time()} s",
        "date": lambda: time.strftime("on %A, %d %B %Y at %H:%M"),
        "folder": lambda: f"in {os.getcwd()}",
        "home": lambda: f"{Path.home()}/.cache",
        "listing": lambda: " ".join(os.listdir("../../src/study")),
        "order": lambda: " ".join({f"w{i}" for i in range(30)}),
        "processors": lambda: f"workers: {processors}",
        "random": lambda: f"drawn,{random.random()}",
        "sum": lambda: f"sum,{reduce(add, parts)!r}",
        "user": lambda: f"by {getpass.getuser()}",
    }
    if name == "archive":
        with zipfile.ZipFile(output, "w") as archive:
            archive.writestr("member.txt", "always the same")
    else:
        Path(output).write_text(f"first line\\n{texts[name]()}\\n")
"""


def twice(project: Path, experiment: str) -> tuple[int, str]:
    """Run `make twice`; return its exit code and what it printed."""
    done = building.make(project, "twice", EXPERIMENT=experiment)
    return done.returncode, done.stdout + done.stderr


def table(printed: str) -> dict[str, str]:
    """Return the verdict of each artifact."""
    found = re.findall(r"^  (\S+\.\w+) +[\d.]+ \w+ +[0-9a-f]{8} +(.+)$", printed, re.MULTILINE)
    return dict(found)


def details(printed: str, name: str) -> str:
    """Return the lines that explain why an artifact differs."""
    found = re.search(rf"^  {re.escape(name)} .*\n((?:      .*\n)*)", printed, re.MULTILINE)
    return found[1] if found else ""


@pytest.fixture(scope="module")
def copy(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the project, for small experiments."""
    return building.copy(built, tmp_path_factory.mktemp("twice") / "p", generated=False)


@pytest.fixture(scope="module")
def causes(copy: Path) -> tuple[int, str]:
    """Run `make twice` on steps that all depend on something that they must not depend on."""
    building.experiment(
        copy,
        CAUSES,
        Snakefile=CAUSES_SNAKEFILE,
        config_yaml=f"causes: [{', '.join(PLANTED)}]\n",
        cause_py=CAUSE,
        hashes_txt="",
    )
    return twice(copy, CAUSES)


def test_every_kind_of_artifact_is_identical(copy: Path) -> None:
    """At least eighteen kinds of artifacts have the same bytes whatever the circumstances."""
    packages = copy / ".venv" / "lib"
    kinds = [*FORMATS, *(["parquet"] if [*packages.glob("*/site-packages/pyarrow")] else [])]
    building.experiment(
        copy,
        KINDS,
        Snakefile=KINDS_SNAKEFILE,
        config_yaml=f"kinds: [{', '.join(kinds)}]\n",
        make_py=MAKE,
        report_md=REPORT,
        hashes_txt="",
        **{"2024__03__01__talk_md": TALK},
    )
    code, printed = twice(copy, KINDS)
    expected = [*DOCUMENTS, *(f"assets/data/made.{kind}" for kind in kinds)]
    assert table(printed) == dict.fromkeys(sorted(expected), "identical"), printed
    assert code == 0
    assert len(expected) >= 18


def test_a_difference_is_an_error(causes: tuple[int, str]) -> None:
    """One artifact that differs is enough for exit code 1; what is the same is called identical."""
    code, printed = causes
    assert code == 2  # make's own
    assert table(printed)["assets/data/calm.txt"] == "identical"


@pytest.mark.parametrize("cause", [name for name in PLANTED if name != "listing"])
def test_planted_cause_is_caught_and_suspected(causes: tuple[int, str], cause: str) -> None:
    """The table shows that it differs, where first, which step made it, and what to suspect."""
    if cause in ("processors", "sum") and "this machine has one" in causes[1]:
        pytest.skip("one processor")
    name = f"assets/data/cause-{cause}.txt"
    assert table(causes[1])[name].startswith("DIFFERS")
    why = details(causes[1], name)
    assert f"made by step cause:{cause}" in why
    assert PLANTED[cause] in why.splitlines()[-1]


def test_order_of_a_listing_is_caught_where_it_can_be(causes: tuple[int, str]) -> None:
    """The table says whether the file systems listed in another order; if so, it is found."""
    row = re.search(r"^  file order +as found +(.+)$", causes[1], re.MULTILINE)
    verdict = table(causes[1])["assets/data/cause-listing.txt"]
    assert row
    assert (row[1] == "another") == verdict.startswith("DIFFERS")


def test_what_follows_is_not_blamed(causes: tuple[int, str]) -> None:
    """An artifact made from one that differs names that one, and nothing to suspect."""
    why = details(causes[1], "assets/data/follows.txt")
    assert why.strip().startswith("follows from assets/data/cause-address.txt")
    assert "suspect" not in why


def test_both_files_are_kept(causes: tuple[int, str], copy: Path) -> None:
    """What differs can be looked at afterwards; what is identical is not kept."""
    kept = copy / "generated" / CAUSES / ".labflake" / "twice"
    texts = [(kept / s / "assets/data/cause-user.txt").read_text() for s in ("first", "second")]
    assert texts[0] != texts[1]
    assert not [*kept.rglob("calm.txt")]


@pytest.mark.parametrize("command", ["twice", "reproduce"])
def test_what_a_killed_one_left_is_removed(copy: Path, tmp_path: Path, command: str) -> None:
    """The folder in which a build was killed is removed at the next start."""
    place, started = tmp_path / "t", tmp_path / "started"
    place.mkdir()
    snakefile = f"""
        rule one:
            output: "assets/data/one.txt",
            shell: "test ! -e {started}; touch {started}; sleep 300"
    """
    generated = building.experiment(copy, KILLED, Snakefile=snakefile, hashes_txt="")
    (generated / "assets" / "data").mkdir(parents=True, exist_ok=True)
    (generated / "assets" / "data" / "one.txt").touch()
    rendering.commit_all(copy, command)
    own = {"EXPERIMENT": KILLED, "TMPDIR": str(place)}
    environment = building.variables() | own
    process = subprocess.Popen(["make", command], cwd=copy, env=environment, start_new_session=True)
    until(started.exists, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert len([*place.glob(f"labflake-{command}-*")]) == 1
    assert building.make(copy, command, **own).returncode == 2
    assert not [*place.glob("labflake-*")]


def test_the_folder_of_a_running_one_stays(tmp_path: Path) -> None:
    """Who needs a folder of the same name leaves that of a program that still runs."""
    with temporary.folder("a", tmp_path) as one, temporary.folder("a", tmp_path) as two:
        assert one.is_dir()
        assert two.is_dir()
    assert not [*tmp_path.iterdir()]


def test_failure_under_other_circumstances_is_told(copy: Path) -> None:
    """A step that works in one copy only stops with its log."""
    building.experiment(
        copy,
        building.TINY,
        Snakefile="""
            from labflake import step

            rule all:
                output: "assets/data/one.txt",
                shell: step("[ $USER = ada ] || (echo I know only Ada; false); echo > {output}")
        """,
        hashes_txt="",
    )
    code, printed = twice(copy, building.TINY)
    assert code == 2
    assert "the build in the second copy failed" in printed
    assert "I know only Ada" in printed


def test_nothing_is_left_behind(causes: tuple[int, str], copy: Path, tmp_path: Path) -> None:
    """The copies are removed, and the project is as it was."""
    folder = re.search(r"^  folder +(\S+) +(\S+)$", causes[1], re.MULTILINE)
    assert folder
    assert [Path(place).exists() for place in folder.groups()] == [False, False]
    assert not (copy / "generated" / CAUSES / "assets").exists()
