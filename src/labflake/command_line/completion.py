"""Completion of commands in bash, zsh and fish: `eval "$(labflake completion bash)"`.

The scripts only ask: `labflake completion words …` prints what can stand there.
"""

import contextlib
import os
import re
from pathlib import Path

from labflake.command_line.parsing import UsageError
from labflake.command_line.table import COMMANDS, OPTIONS, spelt
from labflake.errors import LabError, meant

SCRIPTS = {
    "bash": r"""
_labflake() {
  local IFS=$'\n' word
  COMPREPLY=()
  for word in $("$1" completion words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null); do
    COMPREPLY+=("$(printf '%q' "$word")")
  done
}
complete -o default -F _labflake labflake
""",
    "zsh": r"""
_labflake() {
  local -a found
  found=("${(@f)$("${words[1]}" completion words "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "${found[1]}" ]]; then compadd -a found; else _files; fi
}
compdef _labflake labflake
""",
    "fish": r"""
function __labflake
  set -l words (commandline -opc)
  $words[1] completion words $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c labflake -f -a '(__labflake)'
complete -c labflake -n 'test -z "$(__labflake | string collect)"' -F
""",
}


def main(argv: list[str]) -> int:
    """Print the script for a shell, or what can be the last of these words.

    Raises:
        UsageError: there is no script for this shell.
    """
    if argv[:1] == ["words"]:
        print("".join(f"{word}\n" for word in candidates(argv[1:])), end="")
        return 0
    if not argv:
        raise UsageError(f"completion needs the name of a shell: {', '.join(SCRIPTS)}")
    shell = argv[0]
    if shell not in SCRIPTS:
        like = meant(shell, SCRIPTS) or f"there are: {', '.join(SCRIPTS)}"
        raise UsageError(f"there is no completion for {shell}\n  {like}")
    print(SCRIPTS[shell].strip())
    return 0


def candidates(words: list[str]) -> list[str]:
    """Return what the last word can become; nothing where it is a path, or nobody knows."""
    words = [word for word in words if word != "="] or [""]
    *before, last = words
    if not before:
        return [name for name in COMMANDS if name.startswith(last)]
    command = COMMANDS.get(before[0])
    if not command:
        return []
    names = {spelt(name): name for name in command.options}
    start, _, typed = last.partition("=")
    if start in names and "=" in last:
        found = _values(names[start], before)
        return [f"{start}={value}" for value in found if value.startswith(typed)]
    if last.startswith("-"):
        return [word for word in [*names, "--help"] if word.startswith(last)]
    asked = names.get(before[-1], "")
    option = asked if asked and OPTIONS[asked][0] else command.become
    return [value for value in _values(option, before) if value.startswith(last)]


def _values(option: str, words: list[str]) -> list[str]:
    """Return what there is in the project for an option; nothing where it cannot be read."""
    from labflake.project import experiments

    with contextlib.suppress(LabError, OSError, ImportError):
        experiments.enter()
        if option == "EXPERIMENT":
            return [each.name for each in experiments.every()]
        if option == "PROFILE":
            return sorted(p.parent.name for p in Path("profiles").glob("*/config.yaml"))
        if option == "STEP":
            return _steps(_meant(words).scripts)
        if option == "NAME" and words[0] == "fetch":
            return [*map(str, _meant(words).config().get("data") or {})]
    return []


def _meant(words: list[str]):
    """Return the experiment that the words before name, else the current one."""
    from labflake.project import experiments

    text = " ".join(words)
    if found := re.search(r"--experiment[= ](\S+)", text):
        os.environ["LABFLAKE_EXPERIMENT"] = found[1]
    return experiments.current()


def _steps(folder: Path) -> list[str]:
    """Return the names of the rules in the files of an experiment."""
    files = sorted([*folder.rglob("Snakefile"), *folder.rglob("*.smk")])
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in files)
    found = [re.findall(r"^\s*(?:rule|checkpoint)\s+(\w+)\s*:", text, re.M) for text in texts]
    return list(dict.fromkeys(name for names in found for name in names))
