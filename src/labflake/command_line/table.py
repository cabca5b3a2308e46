"""The table of all commands and options: the command line, its help and completion read it."""

import os
import shlex

from labflake.project.options import PREFIX, option
from labflake.records import Frozen

# Of each option what its value is called, "" for a flag, and a sentence.
OPTIONS = {
    "A": ("WHAT", "an experiment, a commit of this one, or EXPERIMENT@COMMIT; else HEAD"),
    "AGAINST": ("PLACE", "a folder of artifacts, a list of hashes or a reproduction.json"),
    "B": ("WHAT", "what to compare it with, named likewise; else what is here"),
    "BASE": ("COMMIT", "what the branch is compared with; without it, the main branch"),
    "BRANCH": ("", "make a git branch of its name (on, unless --no-branch)"),
    "CACHE": ("PLACE", "the cache of results: a folder, s3://bucket/prefix, or off"),
    "CACHED": ("", "let results come from the cache"),
    "CACHE_READONLY": ("", "take results from the cache, and change nothing in it"),
    "CACHE_SIZE": ("SIZE", "what the cache may take: 50GB"),
    "CHANGED": ("", "of every experiment whose files the branch changed"),
    "CLEAR": ("", "empty the cache"),
    "COMMIT": ("COMMIT", "a commit, tag or branch; without it, the one checked out"),
    "DOWN": ("", "and what follows from it"),
    "DRY_RUN": ("", "write what would be sent as a page, and send nothing"),
    "EXPERIMENT": ("NAME", "without it: that of this folder, of the git branch, or the newest"),
    "FROM": ("NAME", "what to start from: an experiment, or the template's version that is here"),
    "FULL": ("", "read every byte"),
    "GPUS": ("N", "how many GPUs steps may use at once"),
    "GROUP": ("GROUP", "the group of the packages; dev: not for the results"),
    "JOBS": ("N", "how many steps run at once"),
    "KEEP": ("SIZE", "how much of one source of data is kept: 50GB, or off"),
    "KEEP_GOING": ("", "run what does not need a step that failed"),
    "LOCKED": ("", "refuse data that is not recorded (on where CI is set)"),
    "MEMORY": ("SIZE", "how much memory steps may use at once: 16GB"),
    "NAME": ("NAME", "the title of the new experiment, or the name of the data"),
    "ONLY": ("", "and nothing that follows"),
    "PACKAGE": ("PACKAGE", "packages, as pip names them: seaborn>=0.13"),
    "PROFILE": ("NAME", "the cluster that profiles/NAME/config.yaml describes"),
    "REASON": ("TEXT", "why the data changed; it is written into hashes.txt"),
    "SEED": ("N", "another seed than that of config.yaml"),
    "SET": ("SETTINGS", 'other settings than config.yaml has: "size=20 sweep.alpha=0.3"'),
    "STAGED": ("", "what the next commit adds, and nothing else"),
    "STEP": ("STEP", "the step that is meant; plan lists them"),
    "STRICT": ("", "a warning about a document, or a read that no rule declares, is an error"),
    "TEMPLATE": ("ADDRESS", "where the template is"),
    "TO": ("VERSION", "a version, a wheel or an address; without it, the newest release"),
    "UP": ("", "and what it needs"),
    "VERBOSE": ("", "show all that steps print, as it comes"),
    "WITH": ("GROUPS", "optional groups of packages, too: database, s3"),
}
_DATA = ("EXPERIMENT", "CACHE", "KEEP", "LOCKED")
_PLAN = (*_DATA, "SEED", "SET", "PROFILE", "JOBS", "MEMORY", "GPUS", "CACHE_SIZE", "CACHE_READONLY")
_BUILD = (*_PLAN, "KEEP_GOING", "STRICT", "VERBOSE")


class Command(Frozen):
    """One command.

    Attributes:
        sentence: what it does; `make help` has it, too.
        options: names of its options.
        words: how further words are called, "" where there are none.
        become: the option that these words stand for; "" where the command gets them.
        are_paths: they are paths, from the folder where the person is.
        all_words: every word after the command is one of them, also those with a hyphen.
        module: where its `main` is, if that is not called like it.
    """

    sentence: str
    options: tuple[str, ...] = ()
    words: str = ""
    become: str = ""
    are_paths: bool = False
    all_words: bool = False
    module: str = ""


COMMANDS = {
    "build": Command(
        "Build the current experiment: data, steps, figures, report, slides.",
        _BUILD,
        "ARTIFACT",
        are_paths=True,
    ),
    "watch": Command("Build again whenever a file is saved, until Ctrl-C.", _BUILD),
    "plan": Command("Show what a build would do, and why; run nothing.", _PLAN),
    "graph": Command("Draw the steps and what they need as an SVG.", _PLAN),
    "log": Command(
        "Show what a step printed, or which steps printed something.",
        ("STEP", "EXPERIMENT"),
        "STEP",
        "STEP",
    ),
    "debug": Command(
        "Run one step in this terminal, with breakpoint(); store nothing.",
        ("STEP", *_PLAN),
        "STEP",
        "STEP",
    ),
    "shell": Command(
        "Open a shell where programs run as in a step.",
        ("EXPERIMENT",),
    ),
    "redo": Command(
        "Run a step and all that follows again.", ("STEP", "ONLY", *_BUILD), "STEP", "STEP"
    ),
    "forget": Command(
        "Forget the result of a step, here and in the cache.",
        ("STEP", "DOWN", "UP", *_PLAN),
        "STEP",
        "STEP",
    ),
    "cache": Command(
        "Show the cache of results and what it saves.",
        ("CLEAR", "EXPERIMENT", "CACHE", "CACHE_SIZE", "CACHE_READONLY"),
    ),
    "experiment": Command(
        "Start a new experiment.",
        ("NAME", "FROM", "BRANCH"),
        "TITLE",
        "NAME",
        module="labflake.commands.new",
    ),
    "check": Command(
        "Verify the data; find numbers typed by hand, undeclared imports.",
        ("FULL", "STRICT", *_DATA),
        module="labflake.commands.checking",
    ),
    "accept": Command("Accept changed data.", ("REASON", *_DATA)),
    "fetch": Command(
        "Fetch data again and compare it with the record.", ("NAME", *_DATA), "NAME", "NAME"
    ),
    "publish": Command(
        "Post the results on the pull request of the branch.",
        ("DRY_RUN", "CHANGED", "BASE", "EXPERIMENT", "SEED", "SET"),
    ),
    "ci": Command(
        "Do what CI does: strict, lint, tests, the experiments that the branch touches.",
        ("BASE", *(name for name in _BUILD if name != "EXPERIMENT")),
    ),
    "index": Command("Write generated/index.html: all experiments, their state and key numbers."),
    "history": Command("Show all experiments of every branch: who, when, state, key number."),
    "diff": Command(
        "Compare two experiments, or one at two commits: settings, data, code, metrics, figures.",
        ("A", "B", "EXPERIMENT", "CACHE"),
    ),
    "notebook": Command(
        "Make the executed notebook of the report.", _BUILD, "DOCUMENT", are_paths=True
    ),
    "document": Command(
        "Make one report or presentation of its Markdown.",
        _BUILD,
        "DOCUMENT",
        are_paths=True,
        module="labflake.documents.document",
    ),
    "twice": Command("Build the experiment in two unlike copies, compare every artifact.", _BUILD),
    "reproduce": Command(
        "Rebuild a commit in a clean copy, judge each artifact.",
        ("COMMIT", "AGAINST", "CACHED", *_BUILD),
    ),
    "record": Command(
        "Write outputs.txt: the hash of every artifact, to commit.",
        (*_DATA, "PROFILE", "JOBS", "MEMORY", "GPUS", "CACHE_SIZE", "CACHE_READONLY"),
    ),
    "push": Command(
        "Share the artifacts, through the place of the cache.",
        (*_DATA, "PROFILE", "JOBS", "MEMORY", "GPUS", "CACHE_SIZE"),
    ),
    "pull": Command(
        "Get the artifacts that somebody shared, without a build.", ("EXPERIMENT", "CACHE")
    ),
    "strict": Command(
        "Refuse what git should not hold: data, results, credentials.",
        ("STAGED", "COMMIT"),
        "FILE",
    ),
    "hooks": Command("Let git look at each commit as strict does."),
    "env": Command(
        "Make .venv as poetry.lock says.", ("WITH",), "GROUP", "WITH", module="labflake.environment"
    ),
    "add": Command(
        "Add packages.", ("PACKAGE", "GROUP"), "PACKAGE", "PACKAGE", module="labflake.environment"
    ),
    "lock": Command(
        "Bring poetry.lock into line with pyproject.toml, also after a merge conflict.",
        module="labflake.environment",
    ),
    "update": Command(
        "Take newer software: both locks in one commit; then build and compare.",
        ("PACKAGE", *_BUILD),
        "PACKAGE",
        "PACKAGE",
    ),
    "upgrade": Command("Take another version of labflake.", ("TO", "TEMPLATE"), "VERSION", "TO"),
    "eject": Command("Unpack labflake into vendor/labflake/, to change it."),
    "update-template": Command(
        "Merge a newer template into this project.",
        ("TEMPLATE", "TO", "FROM"),
        module="labflake.commands.update_template",
    ),
    "test": Command("Test the project's own code.", (), "PYTEST-OPTION", all_words=True),
    "format": Command("Format the code.", module="labflake.commands.formatting"),
    "clean": Command(
        "Remove what the current experiment generated; the cache keeps the results.",
        ("EXPERIMENT",),
    ),
    "run": Command("Run a program of .venv.", (), "PROGRAM", all_words=True),
    "completion": Command(
        "Print what completes commands in bash, zsh or fish.",
        (),
        "SHELL",
        all_words=True,
        module="labflake.command_line.completion",
    ),
}

NOT_BY_MAKE = ("completion", "document", "eject", "run")
# What other tools call them: an unknown word that stands here is answered by the command.
ALSO_CALLED = {
    "build": "all data docs figures html outputs paper pdf plots report results run slides",
    "plan": "dag dry-run dryrun jobs list status steps tasks what",
    "watch": "develop live open preview serve view",
    "log": "logs output show",
    "redo": "force repro rerun restart",
    "history": "experiments log-experiments ls",
    "experiment": "create init new",
    "check": "validate verify",
    "ci": "lint mypy pre-commit",
    "env": "deps environment install requirements setup sync venv",
    "notebook": "jupyter lab notebooks",
    "add": "require",
    "test": "pytest tests",
    "format": "black fix fmt ruff",
    "clean": "clear distclean purge reset rm",
}
# Words for what no command does, and how it is done.
_REMOVED = (
    "a package: delete its line in pyproject.toml, then make lock"
    "\n  an experiment: delete its folder in scripts/; what it generated: make clean"
)
INSTEAD = {word: _REMOVED for word in ("delete", "remove", "uninstall")}


def called(word: str) -> list[str]:
    """Return the commands that other tools call by this word."""
    return [name for name, words in ALSO_CALLED.items() if word in words.split()]


def spelt(name: str) -> str:
    """Return an option as the command line has it: `--keep-going` for `KEEP_GOING`."""
    return f"--{name.lower().replace('_', '-')}"


def given(command: str) -> dict[str, str]:
    """Return the options of a command that are set here, by name."""
    names = COMMANDS[command].options
    return {name: option(name) for name in names if PREFIX + name in os.environ}


def as_words(options: dict[str, str]) -> list[str]:
    """Return options as words of our command line, to pass them on."""
    from labflake.project.options import flag

    flags = {name: flag(name) for name in options if not OPTIONS[name][0]}
    words = [f"{spelt(n)}={value}" for n, value in options.items() if n not in flags]
    return words + [spelt(n if on else f"NO_{n}") for n, on in flags.items()]


def as_make_words(options: dict[str, str]) -> list[str]:
    """Return options as words of make's command line, to pass them on as they are."""
    return [f"{name}={value}" for name, value in options.items()]


def as_make_line(command: str, step: str) -> str:
    """Return what a person pastes into a shell to do something with a step of this experiment."""
    words = {"STEP": step} | {name: option(name) for name in ("EXPERIMENT",) if option(name)}
    text = (word.replace("$", "$$") for word in as_make_words(words))
    return f"make {command} {' '.join(map(shlex.quote, text))}"
