"""The command line: one table for all commands, options from where people put them."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import building
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rendering import PAYLOAD, REPOSITORY

from labflake.command_line import completion, parsing
from labflake.command_line import table as commands
from labflake.command_line.table import COMMANDS, OPTIONS
from labflake.commands import formatting, new, run
from labflake.errors import LabError
from labflake.processes import determinism
from labflake.project import options

MAKEFILE = REPOSITORY / PAYLOAD / "Makefile"
STARTER = REPOSITORY / "src/labflake/starter"
TINY = "2024-02-29-Tiny"
SNAKEFILE = """
    '''Two steps, the first of which says the seed.'''

    rule second:
        input: "assets/data/a.txt"
        output: "assets/data/b.txt"
        shell: "env > {output}"

    rule first:
        output: "assets/data/a.txt"
        shell: "echo {config[seed]} > {output}"
"""
# Asks what a command would be told, instead of running one.
PROBE = """
import json, sys
from labflake.project import options
print(json.dumps(options.make_words()))
"""


@pytest.fixture(scope="module")
def shared(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the project with a small experiment in it, built once. Read only."""
    project = building.copy(built, tmp_path_factory.mktemp("cli") / "projekt ö", generated=False)
    files = {"config_yaml": "seed: 1\nscale: 2\n", "hashes_txt": "", "Snakefile": SNAKEFILE}
    building.experiment(project, TINY, **files)
    shutil.copy(STARTER / "Makefile", project / "scripts" / TINY)
    make(project)
    return project


@pytest.fixture
def project(shared: Path, tmp_path: Path) -> Path:
    """Copy the small project, to change it."""
    return building.copy(shared, tmp_path / "projekt ö")


def make(project: Path, *words: str, **given) -> str:
    """Run make for the small experiment, with a cache of its own, and return what it printed."""
    where = {"CACHE": str(project.parent / "cache"), "EXPERIMENT": TINY}
    return building.made(project, *words, **(where | given))


def labflake(
    project: Path, *words: str, folder: Path | None = None, **shell: str
) -> subprocess.CompletedProcess[str]:
    """Run the command as people do who leave make aside."""
    where = {"CACHE": str(project.parent / "cache")}
    return subprocess.run(
        [project / ".venv/bin/labflake", *words],
        cwd=folder or project,
        env=building.variables(**where) | shell,
        capture_output=True,
        text=True,
        timeout=300,
    )


def said(done: subprocess.CompletedProcess[str], code: int) -> str:
    """Expect an error without a traceback, and return it."""
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


# The table


def targets() -> dict[str, tuple[str, str]]:
    """Return the sentence of each target, and what it says about make's own variables."""
    lines = re.findall(r"^([a-z-]+):.*  ## (.*)", MAKEFILE.read_text(encoding="utf-8"), re.M)
    split = {name: re.fullmatch(r"(.*?)(?: \((.*=.*)\))?\.", text) for name, text in lines}
    return {name: (f"{found[1]}.", found[2] or "") for name, found in split.items()}


def test_every_target_is_a_command_with_the_same_sentence() -> None:
    """What `make help` says is what `labflake --help` says."""
    ours = {name: sentence for name, (sentence, _) in targets().items() if name != "help"}
    assert ours == {name: COMMANDS[name].sentence for name in ours}


def test_every_variable_of_make_is_an_option_of_its_command() -> None:
    """`make help` names no variable that the command has not."""
    named = {name: re.findall(r"\b([A-Z_]+)=", more) for name, (_, more) in targets().items()}
    unknown = {n: {*names} - {*COMMANDS[n].options} for n, names in named.items() if names}
    assert {name: names for name, names in unknown.items() if names} == {}
    asked = {option for command in COMMANDS.values() for option in command.options}
    assert asked == OPTIONS.keys()
    assert {*options.EXPORTED} - {"DEBUG"} <= OPTIONS.keys()


@pytest.mark.parametrize(
    ("word", "hint"),
    {
        "buidl": "did you mean build?",
        "report": "did you mean build?",  # as others call it
        "run": "did you mean build?",  # a command, though not of make
        "tests": "did you mean test?",  # a folder, too: make alone says there is nothing to do
        "hlep": "did you mean help?",
        "remove": "a package: delete its line in pyproject.toml, then make lock",
        "pyproject.toml": "all commands: make help",
        "scripts/2026-01-01-Own": "make EXPERIMENT=2026-01-01-Own",
        "2026-01-01-Own": "make EXPERIMENT=2026-01-01-Own",
    }.items(),
)
def test_what_is_no_command_of_make_says_what_was_meant(
    tmp_path: Path, word: str, hint: str
) -> None:
    """A target that is not there is answered, also where a file or a folder has its name."""
    done = own_make(tmp_path, word)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: there is no command {word}\n")
    assert hint in done.stderr.splitlines()[1]


def test_help_keeps_names_and_sentences_apart(tmp_path: Path) -> None:
    """Between the name of a command and what it does there is room, however long the name is."""
    for text in (own_make(tmp_path, "help").stdout, parsing.overview()):
        rows = [line for line in text.splitlines() if re.match("  [a-z-]+ +[A-Z]", line)]
        starts = {re.fullmatch(r"  ([a-z-]+)( +)[A-Z].*", row) for row in rows}
        assert len({match and match.end(2) for match in starts}) == 1


def test_a_command_without_its_word_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who forgets the program or the shell, or misspells it, is told so."""
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/pytest").touch()
    (tmp_path / "pyproject.toml").write_text("[tool.labflake]\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabError, match=r"needs a program of \.venv\n  example: "):
        run.main([])
    with pytest.raises(LabError, match=r"\.venv has no program pytets\n  did you mean pytest"):
        run.main(["pytets"])
    with pytest.raises(LabError, match="needs the name of a shell: bash, zsh, fish"):
        completion.main([])


@pytest.mark.parametrize("title", ["Dose of µM/nM", "Heteroskedasticity " * 12, "?"])
def test_a_title_that_gives_no_name_is_refused_with_one_that_does(title: str) -> None:
    """Too long or with a slash: the error has a name made of the same words, which is accepted."""
    with pytest.raises(LabError, match=r'make experiment NAME=".+"') as refused:
        new.named(title)
    example = re.search('NAME="(.+)"', str(refused.value))[1]
    assert new.named(example)[11:] == example.replace(" ", "-")
    assert title.split()[0] in example or title == "?"


@pytest.mark.parametrize(
    "words", [["clean", "STEP=fit"], ["twice", "STEP=fit"], ["plan", "NAME=a"]]
)
def test_an_option_of_other_commands_is_refused_by_make(tmp_path: Path, words: list[str]) -> None:
    """`make clean STEP=fit` does not clean everything: the error says which commands have it."""
    done = own_make(tmp_path, *words)
    assert done.returncode == 2
    name, option = words[0], words[1].split("=")[0]
    assert done.stderr.startswith(f"error: make {name} has no use for {option}\n  it is for: ")


def test_options_of_a_build_are_taken_by_every_command_of_make() -> None:
    """`make index EXPERIMENT=…` is no error: what a build takes can stand on any command line."""
    assert parsing.from_make("index", ["EXPERIMENT=a"]) == {"EXPERIMENT": "a"}
    assert parsing.from_make("cache", ["CLEAR=1"]) == {"CLEAR": "1"}


def test_programs_of_script_rules_pass_the_linter() -> None:
    """In a program that `script:` starts, `snakemake` is a known name."""
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--config",
        MAKEFILE.with_name("pyproject.toml"),
    ]
    command += ["--stdin-filename", "scripts/2026-01-01-Own/fit.py", "-"]
    program = '"""Fit."""\n\nprint(snakemake.input[0])\n'
    done = subprocess.run(command, input=program, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_a_command_is_one_though_a_folder_has_its_name(tmp_path: Path) -> None:
    """A folder `build` or `log` is in nobody's way, and makes no warning."""
    for name in ("build", "log"):
        (tmp_path / name).mkdir()
        done = own_make(tmp_path, name, "LAB=echo")
        assert (done.stdout, done.stderr) == (f"{name}\n", "")


def test_dry_run_of_make_is_the_plan(tmp_path: Path) -> None:
    """`make -n` shows what a build would do, and no other command does anything by it."""
    assert own_make(tmp_path, "-n", "LAB=echo").stdout.endswith("\nplan\n")
    assert own_make(tmp_path, "-n", "clean", "LAB=echo").stdout == "echo clean\n"
    assert own_make(tmp_path, "LAB=echo", "X=n").stdout == "build\n"


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["-k"], {"KEEP_GOING": "1"}),
        (["-j4", "-k"], {"KEEP_GOING": "1", "JOBS": "4"}),
        (["-j"], {}),
        (["-j4", "JOBS=2"], {"JOBS": "2"}),
        (["SET=a=-k -j3"], {"SET": "a=-k -j3"}),
    ],
)
def test_options_of_make_mean_what_they_say(
    tmp_path: Path, words: list[str], options: dict[str, str]
) -> None:
    """`make -k` goes on after a failure, `make -j4` runs four steps at once."""
    probe = tmp_path / "probe.py"
    probe.write_text(PROBE, encoding="utf-8")
    done = own_make(tmp_path, *words, f"LAB='{sys.executable}' '{probe}' #")
    said = dict(word.split("=", 1) for word in json.loads(done.stdout))
    assert {name: said[name] for name in said if name != "LAB"} == options


def test_every_formatter_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one of them cannot mend keeps no other from its work, and is the answer all the same."""
    monkeypatch.setenv("LABFLAKE_PROJECT", str(tmp_path))
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/fit.py").write_text("print(never_defined)\n")
    snakefile = tmp_path / "scripts/Snakefile"
    snakefile.write_text("rule a:\n  output: 'a'\n")
    assert formatting.main([]) == 1
    assert snakefile.read_text() == 'rule a:\n    output:\n        "a",\n'


def own_make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run make with the payload's Makefile in a folder that has hardly more than that."""
    for name in ("tests", "src", "scripts/2026-01-01-Own"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in ("poetry.lock", "pyproject.toml"):
        (folder / name).write_text("[tool.labflake]\n")
    shutil.copy(MAKEFILE, folder)
    ours = f"LAB='{sys.executable}' -m labflake --make"
    words = words if any(word.startswith("LAB=") for word in words) else (*words, ours)
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=env, check=False)


def test_no_code_reads_an_option_from_the_shell() -> None:
    """Every option is read by its prefix, and every one that is read is in the table."""
    texts = [p.read_text(encoding="utf-8") for p in (REPOSITORY / "src").rglob("*.py")]
    text = "\n".join(texts)
    plain = re.findall(r"environ(?:\.get\(|\[)\"(\w+)\"", text)
    assert [name for name in plain if name in OPTIONS] == []
    read = re.findall(r"\b(?:option|flag|count)\(\"([A-Z_]+)\"", text)
    assert {*read} - {"DEBUG"} <= OPTIONS.keys()
    assert len({*read}) > 20


@pytest.mark.long
@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_names_its_options(name: str) -> None:
    """`labflake COMMAND --help` has the sentence of the command and a line for each option."""
    command = [os.sys.executable, "-m", "labflake", name, "--help"]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert COMMANDS[name].sentence in " ".join(done.stdout.split())
    for option in COMMANDS[name].options:
        assert f"  {commands.spelt(option)}" in done.stdout


def test_help_and_version_need_no_project() -> None:
    """`labflake --help` lists all commands anywhere; `--version` is that of the package."""
    command = [os.sys.executable, "-m", "labflake"]
    helped = subprocess.run([*command, "--help"], cwd="/", capture_output=True, text=True)
    assert all(f"  {name} " in helped.stdout for name in COMMANDS)
    version = subprocess.run([*command, "--version"], cwd="/", capture_output=True, text=True)
    assert version.stdout == f"labflake {metadata.version('labflake')}\n"


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "like"),
    [
        (["biuld"], "did you mean build?"),
        (["errors"], "all commands: labflake --help"),
        (["--versoin"], "--version"),
        (["redo", "--onyl"], "did you mean --only?"),
        (["redo", "--onl"], "did you mean --only?"),
        (["build", "--job=8"], "did you mean --jobs?"),
        (["plan", "--clear"], "plan has no option --clear"),
        (["plan", "everything"], "plan has no use for 'everything'"),
        (["redo", "fit", "--step", "fit"], "given twice"),
        (["build", "--jobs"], "expected one argument"),
        (["completion", "bsh"], "did you mean bash"),
    ],
)
def test_what_is_unknown_is_refused_with_what_is_like_it(words: list[str], like: str) -> None:
    """An unknown word is an error of the command line: exit code 2, and close names."""
    command = [os.sys.executable, "-m", "labflake", *words]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True)
    assert like in said(done, 2)


# Options


@pytest.mark.long
def test_nothing_that_a_shell_exports_is_an_option(shared: Path) -> None:
    """Every name of an option, exported with any text, changes nothing of what make does."""
    shell = dict.fromkeys(OPTIONS, "DESKTOP-7QK2")
    assert make(shared, shell=shell) == "up to date\n"
    assert make(shared, "plan", shell=shell) == make(shared, "plan")
    assert make(shared, "fetch", shell=shell) == make(shared, "fetch")
    assert "needs a title" in building.make(shared, "experiment", shell=shell).stderr
    prefixed = {f"LABFLAKE_{name}": "1" for name in OPTIONS if name not in options.EXPORTED}
    assert "which step?" in building.make(shared, "redo", shell=prefixed).stderr


def test_what_describes_a_machine_can_be_exported(project: Path) -> None:
    """`LABFLAKE_CACHE` is for all commands in a shell, and make's own command line wins."""
    place = str(project.parent / "of the group")
    shell = {"LABFLAKE_CACHE": place, "LABFLAKE_EXPERIMENT": TINY}
    assert place in building.made(project, "cache", shell=shell)
    assert "the cache is off" in building.made(project, "cache", CACHE="off", shell=shell)


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], include_characters="\n\t"))
NASTY = "$(shell touch bad) $$x ${HOME} `touch bad` #h \\ \\\\ \"q\" 'q' %"


@pytest.mark.long
@pytest.mark.parametrize("folder", [".", f"scripts/{TINY}"])
@settings(max_examples=40, deadline=None)
@given(given=st.dictionaries(st.sampled_from(["REASON", "NAME", "SET", "STEP", "AGAINST"]), texts))
@example(given={"REASON": NASTY, "SET": "a\nb"})
@example(given={"NAME": "costs $5", "STEP": "\\"})
@example(given={"NAME": " x  y\t ", "SET": "-- A=b"})
def test_values_reach_the_command_as_they_were_typed(
    shared: Path, folder: str, given: dict[str, str]
) -> None:
    """No character means anything to make: neither `$` nor quotes, backslashes, blanks, lines.

    Only blanks before a value are lost: make takes them.
    """
    probe = shared.parent / "probe.py"
    probe.write_text(PROBE, encoding="utf-8")
    run = f"LAB='{shared / '.venv/bin/python'}' '{probe}' #"
    given = {name: value.lstrip(" \t\n") for name, value in given.items()}
    typed = commands.as_make_words(given)
    done = building.make(shared / folder, "redo", run, *typed)
    assert done.returncode == 0, done.stderr
    passed = ("LAB=",) if folder == "." else ("LAB=", "EXPERIMENT=")
    found = [word for word in json.loads(done.stdout) if not word.startswith(passed)]
    assert sorted(found) == sorted(typed)
    assert not (shared / "bad").exists()


@pytest.mark.long
@pytest.mark.parametrize("value", ["0", "false", "No", "OFF", "", "1", "true", "YES", "on", "2"])
def test_a_flag_has_one_meaning(project: Path, value: str) -> None:
    """`make cache CLEAR=0` leaves the cache alone; what is neither true nor false is an error."""
    place = project.parent / "own cache"
    make(project, "redo", STEP="first", CACHE=str(place))
    done = building.make(project, "cache", CLEAR=value, CACHE=str(place), EXPERIMENT=TINY)
    on, off = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")
    if value.lower() not in (*on, *off):
        assert f"CLEAR={value} is neither true nor false" in said(done, 2)
    assert bool(list(place.glob("steps/*/*"))) == (value.lower() not in on)


def test_no_flag_is_read_in_another_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """All flags are read by one function; a word that is none is refused with both lists."""
    for word, meaning in {"1": True, "yes": True, "0": False, "": False, "oFF": False}.items():
        monkeypatch.setenv("LABFLAKE_ONLY", word)
        assert options.flag("ONLY") is meaning
    monkeypatch.setenv("LABFLAKE_ONLY", "perhaps")
    with pytest.raises(LabError, match="neither true nor false"):
        options.flag("ONLY")
    monkeypatch.delenv("LABFLAKE_ONLY")
    assert options.flag("ONLY", otherwise=True)


@pytest.mark.parametrize(
    ("shell", "locked"),
    [
        ({}, False),
        ({"CI": "woodpecker"}, True),
        ({"CI": "false"}, False),
        ({"CI": "true", "LABFLAKE_LOCKED": "0"}, False),
        ({"LABFLAKE_LOCKED": "yes"}, True),
    ],
)
def test_ci_locks_the_data_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, shell: dict[str, str], locked: bool
) -> None:
    """In CI unknown data is an error, whatever text the service sets; LOCKED decides over it."""
    for name in ("CI", "LABFLAKE_LOCKED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in shell.items():
        monkeypatch.setenv(name, value)
    assert options.is_locked() is locked


def test_a_variable_that_is_almost_an_option_is_refused(shared: Path) -> None:
    """`make redo STPE=fit` names STEP; what is like no option is for the programs."""
    refused = building.make(shared, "redo", "STPE=first", EXPERIMENT=TINY)
    assert "did you mean STEP?" in said(refused, 2)
    assert make(shared, "COLOUR=red") == "up to date\n"


def test_options_of_the_command_are_those_of_make(project: Path) -> None:
    """`labflake build --seed 7` builds what `make SEED=7` does; steps do not see how."""
    result = project / "generated" / TINY / "assets" / "data"
    done = labflake(project, "build", "--experiment", TINY, "--seed", "7", "--set", "scale=3")
    assert done.returncode == 0, done.stderr
    assert (result / "a.txt").read_text() == "7\n"
    assert make(project, SEED="7", SET="scale=3") == "up to date\n"
    assert building.ran(labflake(project, "redo", "second", "--only", "--experiment", TINY).stdout)
    environment = (result / "b.txt").read_text()
    assert not re.findall(r"^LABFLAKE_(?!PROJECT=)\w+=", environment, re.M)


def test_options_are_passed_on_as_they_are(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command starts in a process of its own gets the same options; documents get none."""
    from labflake.command_line import parsing as cli

    given = {"SEED": "-7", "SET": "a='$x y'", "KEEP_GOING": "1", "STRICT": "off"}
    for name, value in given.items():
        monkeypatch.setenv(f"LABFLAKE_{name}", value)
    found = commands.given("build")
    assert found == given
    _, words, again = cli.understood(["build", *commands.as_words(found)])
    assert (words, again) == ([], given | {"STRICT": "0"})
    assert "SET=a='$x y'" in commands.as_make_words(found)
    monkeypatch.setenv("LABFLAKE_PROJECT", str(shared))
    assert not {f"LABFLAKE_{name}" for name in given} & determinism.environment().keys()


# Places


def test_commands_work_in_every_folder(project: Path) -> None:
    """In the folder of an experiment that one is meant, and paths are those of the folder."""
    building.experiment(project, "2025-01-01-Newer", Snakefile="", hashes_txt="")
    scripts, generated = project / "scripts" / TINY, project / "generated" / TINY
    assert labflake(project, "build", folder=scripts).stdout == "up to date\n"
    assert labflake(project, "plan", folder=generated / "assets").stdout.startswith(TINY)
    result = generated / "assets" / "data" / "b.txt"
    result.unlink()
    done = labflake(project, "build", "data/b.txt", folder=generated / "assets")
    assert (done.returncode, result.exists()) == (0, True), done.stderr
    path = f"generated/{TINY}/assets/data/b.txt"
    assert labflake(project, "build", path, folder=scripts).stdout.endswith("up to date\n")
    newer = labflake(project, "plan", "--experiment", "2025-01-01-Newer", folder=scripts)
    assert newer.stdout.startswith("2025-01-01-Newer")


def test_make_in_the_folder_of_an_experiment_means_it(project: Path) -> None:
    """Every command of the door works there, with its options; paths are from there, too."""
    building.experiment(project, "2025-01-01-Newer", Snakefile="", hashes_txt="")
    there, results = project / "scripts" / TINY, f"../../generated/{TINY}/assets/data"
    assert building.made(there) == "up to date\n"
    (there / results / "b.txt").unlink()
    building.made(there, f"{results}/b.txt", "JOBS=1")
    assert (there / results / "b.txt").exists()
    assert building.made(there, "plan").startswith(TINY)
    newer = building.made(there, "plan", "EXPERIMENT=2025-01-01-Newer")
    assert newer.startswith("2025-01-01-Newer")


# Readers, and those who look for faults


@pytest.mark.long
@pytest.mark.parametrize("command", ["plan", "cache", "check", "help", "redo STEP=first"])
def test_a_reader_who_leaves_ends_nothing(project: Path, command: str) -> None:
    """`make plan | head -1` ends silently; what is made is made to the end."""
    where = f"EXPERIMENT={TINY} CACHE='{project.parent / 'cache'}'"
    code = f"set -o pipefail; {{ sleep 0.1; make {command} {where}; }} | true"
    done = subprocess.run(
        ["bash", "-c", code],
        cwd=project,
        env=building.variables(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert make(project) == "up to date\n"


def test_a_closed_output_is_no_fault(project: Path) -> None:
    """Without standard output, as services start programs, a command works as well."""
    code = f".venv/bin/labflake plan --experiment {TINY} >&- 2>&-"
    done = subprocess.run(["sh", "-c", code], cwd=project, env=building.variables())
    assert done.returncode == 0


@pytest.mark.long
def test_debugging_shows_tracebacks_and_the_log_of_snakemake(project: Path) -> None:
    """`LABFLAKE_DEBUG=1` shows what people are spared."""
    failed = labflake(project, "redo", "nothing", LABFLAKE_DEBUG="1", LABFLAKE_EXPERIMENT=TINY)
    assert "Traceback" in failed.stderr
    shown = labflake(project, "redo", "first", LABFLAKE_DEBUG="1", LABFLAKE_EXPERIMENT=TINY)
    assert "Building DAG of jobs" in shown.stderr
    plain = labflake(project, "redo", "first", LABFLAKE_EXPERIMENT=TINY)
    assert "DAG" not in plain.stdout + plain.stderr


def test_a_build_with_nothing_to_do_does_not_read_the_table(shared: Path) -> None:
    """The fast path imports neither argparse nor the table of commands."""
    command = [shared / ".venv/bin/python", "-X", "importtime", "-m", "labflake", "--make", "build"]
    env = building.variables(EXPERIMENT=TINY)
    done = subprocess.run(command, cwd=shared, env=env, capture_output=True, text=True)
    assert done.stdout == "up to date\n"
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "labflake.project.options" in loaded
    assert not loaded & {
        "argparse",
        "labflake.command_line.parsing",
        "labflake.command_line.table",
        "difflib",
        "dataclasses",
    }


# Completion


def asked(shell: str, script: str, line: list[str], project: Path) -> list[str]:
    """Return what a shell offers for the last word of a line."""
    quoted = " ".join(f"'{word}'" for word in line)
    programs = {
        "bash": f"{script}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(line) - 1}; _labflake labflake"
        '\nprintf "%s\\n" "${COMPREPLY[@]}"',
        "zsh": 'compdef() { :; }; compadd() { shift; print -l -- "${(@P)1}"; }; _files() { :; }\n'
        f"{script}\nwords=({quoted}); CURRENT={len(line)}; _labflake",
        "fish": f"{script}\ncomplete --do-complete '{' '.join(line)}'",
    }
    path = f"{project / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [shell, "-c", programs[shell]],
        cwd=project,
        env=building.variables(EXPERIMENT=TINY) | {"PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return [line.split("\t")[0] for line in done.stdout.splitlines() if line]


@pytest.mark.long
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["labflake", "red"], ["redo"]),
        (["labflake", "redo", "--st"], ["--step", "--strict"]),
        (["labflake", "redo", "--step", ""], ["second", "first"]),
        (["labflake", "redo", "f"], ["first"]),
        (["labflake", "build", "--experiment", "2024-02"], [TINY]),
        (["labflake", "plan", "Sn"], []),
    ],
)
def test_shells_complete(shared: Path, shell: str, line: list[str], expected: list[str]) -> None:
    """Commands, options, steps and experiments are offered by the shell itself."""
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not here")
    script = labflake(shared, "completion", shell).stdout
    assert sorted(asked(shell, script, line, shared)) == sorted(expected)
