"""What a Snakefile may not say outside its rules: refused before it is read, with its line."""

import io
import re
import tokenize
from collections.abc import Iterable
from pathlib import Path

from labflake.project.experiments import relative
from labflake.steps.snakemake import places

_LINES = (tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT)
_IN_COMMANDS = "write it into the commands of the steps"
_OF_RULES = (
    "would bring rules that no commit here holds",
    "copy them into the folder of the experiment, and name the file",
)
_ELSEWHERE = re.compile(
    r"""^[^\#\n]*(?<![.\w])(?:(github|gitlab|gitfile|storage)\(|(include|snakefile)\s*:\s*[rfRF]*["']\w+://)""",
    re.MULTILINE,
)
_STATEMENTS = {  # of a Snakefile: why not, what instead
    "workdir": ("has no place here: steps run in {folder}", "remove it"),
    "containerized": ("would bring software that no lock of this project holds", "`container:`"),
    "meta_wrapper": _OF_RULES,
    "pepfile": ("needs a package that is not here", "`configfile:`, and pandas for the table"),
    "pepschema": ("needs a package that is not here", "`configfile:`, and pandas for the table"),
    "storage": ("would read or write past the record of data", "declare the data in config.yaml"),
}


def check(paths: Iterable[str], folder: Path) -> None:
    """Refuse what Snakemake would not obey in silence, or would bring before it can be refused.

    Args:
        paths: the Snakefile, and what it includes.
        folder: where steps run.

    Raises:
        LabError: names the word, its line, and what to write instead.
    """
    for path in paths:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
        for word, (why, instead) in _STATEMENTS.items():
            if word in text and (line := _statement(text, word)):
                why = why.format(folder=relative(folder))
                places.refuse(f"{relative(Path(path))}:{line}", f"`{word}:` {why}", instead)
        if found := _ELSEWHERE.search(text):
            line = text.count("\n", 0, found.end()) + 1
            word = f"{found[1]}()" if found[1] else f"{found[2]}:"
            data = "storage" in word
            why, instead = _STATEMENTS["storage"] if data else _OF_RULES
            places.refuse(f"{relative(Path(path))}:{line}", f"`{word}` {why}", instead)


def _statement(text: str, word: str) -> int:
    """Return the line of a Snakefile's statement that begins with a word; 0 if it has none."""
    depth, first, before = 0, True, None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in _LINES:
            first, before = depth == 0, None
        elif before and token.string == ":":
            return before
        elif before and word == "storage" and token.type == tokenize.NAME:
            pass  # its name
        else:
            before = token.start[0] if first and token.string == word else None
            depth += (token.string in ("(", "[", "{")) - (token.string in (")", "]", "}"))
            first = False
    return 0


def shell_of() -> dict[str, str | None]:
    """Return what `shell` says of all commands: a prefix, a suffix, the program."""
    from snakemake.shell import shell

    said = {name: each for name, each in vars(shell).items() if isinstance(each, str | None)}
    return said | {"executable": Path(shell.get_executable() or "bash").name}


def check_shell(workflow, before: dict[str, str | None]) -> None:
    """Refuse a prefix, a suffix or another program for all commands.

    Args:
        workflow: what was read.
        before: what `shell` said before.

    Raises:
        LabError: names the word, its line, and what to write instead.
    """
    from snakemake.shell import shell

    for name in [name for name, each in shell_of().items() if each != before.get(name)]:
        shell.executable("bash")  # another build may follow in this process
        for own, each in before.items():
            if own != "executable":
                setattr(shell, own, each)
        word = f"shell.{name.rpartition('_')[2]}"
        place = places.line_of(workflow.main_snakefile, word)
        places.refuse(place, f"`{word}()` would change commands unseen", _IN_COMMANDS)
