"""What is asked of git: what its answer hangs on, and which answers no build can follow.

Commits and tags are in files of git's, which are inputs then. What is not committed is another
thing with each save, so a result that says it would be old at once.
"""

import os
import re
from pathlib import Path

from labflake.project import head
from labflake.project.experiments import inside, root

_OPTIONS = r"(?:\s+-[cC]\s+\S+|\s+-\S+)*"
# What is asked of git is about the repository here, unless it brings or makes another one.
_OWN = rf"\bgit\b{_OPTIONS}\s+(?:clone|init|ls-remote)\b"
_ASKS = rf"\bgit\b(?!{_OPTIONS}\s+(?:clone|init|ls-remote)\b)"
_REFERENCES = r"\b(?:describe|tag|branch|name-rev|log|\w+-ref)\b|--(?:all|tags|decorate)"
_NOT_TAGS_ALONE = r"\b(?:branch|\w+-ref)\b|--(?:all|branches|remotes)"
_START = r"(?:^|[;&|(){!`\"']|\b(?:then|do|else|exec|if|not|time)\b|\s-\w*c\b)\s*(?:\S*\bgit\s+)?"
_UNCOMMITTED = (
    rf"(?m){_START}(git{_OPTIONS}\s+(?:"
    r"(?:status|stash|diff-files|diff-index|ls-files)\b"
    r"|describe\b[^;&|\n]*\s--(?:dirty|broken)"
    r"|diff\b(?![^;&|\n]*(?:\.\.|--no-index))))"
)
_ELSEWHERE = r"\s-C\s+(/\S+)"
_COMMENT = r"(?m)^\s*#.*$"
_LISTED = r"[\"'\]\[,]+"
_INSTEAD = {
    "ls-files": "git ls-tree -r --name-only HEAD",
    "diff": "git diff COMMIT..COMMIT",
    "describe": "git describe, without --dirty and --broken",
}


def files(text: str) -> dict[str, str]:
    """Return the files that change with what a command asks of git, by names for them.

    They say which commit is checked out and, where it may ask for them, the tags or all branches.
    """
    if "git" not in text or not re.search(_ASKS, text):
        return {}
    found = [*head.files(root())]
    if re.search(_REFERENCES, text):
        found += head.references(root(), all_of_them=bool(re.search(_NOT_TAGS_ALONE, text)))
    return {f"git {path.name}": _name(path) for path in found}


def of_what_is_not_committed(text: str) -> str:
    """Return the words that ask git for what is not committed; "" if there are none.

    What is asked in a repository of its own (`git clone`, `git init`) is no concern of this one.
    """
    if "git" not in text:
        return ""
    text = re.sub(_COMMENT, "", text)
    if re.search(_OWN, text):
        return ""
    asked = re.search(_UNCOMMITTED, text) or re.search(_UNCOMMITTED, re.sub(_LISTED, " ", text))
    place = asked and re.search(_ELSEWHERE, asked[1])
    if not asked or (place and inside(place[1], root()) is None):
        return ""
    return " ".join(asked[1].split())


def refusal(asked: str, who: str) -> str:
    """Say why git may not be asked that, and what to ask instead."""
    words = [instead for word, instead in _INSTEAD.items() if word in asked.split()]
    return (
        f"{who} asks `{asked}`: what is not committed changes with each save, and the answer"
        f" would be that of an earlier one\n  ask for a commit: {(*words, 'git rev-parse HEAD')[0]}"
        " (documents name what is not committed by themselves)"
    )


def _name(path: Path) -> str:
    """Return a path from where steps run, if it is in the project."""
    return os.path.relpath(path, os.getcwd()) if inside(path, root()) is not None else str(path)
