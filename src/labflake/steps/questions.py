"""What a Snakefile asks of files without opening them: whether they are there, and of what size.

Python tells nobody of such questions. So the functions of `os` by which all others ask
(`os.path.exists`, `Path.is_file`, `glob`, Snakemake's `exists`) are wrapped in the process that
reads a Snakefile. A question is a word and a path from the generated folder; its answer is a text.
"""

import functools
import os
import stat as modes
import sys
from collections.abc import Callable, Iterable
from types import FrameType

_THERE, _SIZE, _LINK, _ACCESS = "there", "size", "link", "access"
# Who asks only whether something is there, and of what kind.
_NAMES = """
exists lexists isfile isdir islink ismount makedirs mkdir
is_file is_dir is_symlink is_mount is_socket is_fifo is_block_device is_char_device
"""
_ONLY_THERE = frozenset(_NAMES.split())
_MACHINERY = f"{os.sep}snakemake{os.sep}"
_FOR_PEOPLE = f"{_MACHINERY}ioutils{os.sep}"  # of Snakemake, what a Snakefile calls
_LABFLAKE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_LIBRARY = ("<frozen ", os.path.dirname(os.__file__) + os.sep)

_ABLE = (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks, os.supports_effective_ids)

Ask = Callable[[str, str, str], None]  # gets the word, the path and the answer


def answers(generated: str, questions: Iterable[str]) -> dict[str, str]:
    """Return what the answer to each question is now."""
    return {question: _answer(generated, *question.split(" ", 1)) for question in questions}


def path_of(question: str) -> str:
    """Return the path that a question is about."""
    return question.split(" ", 1)[1]


def _answer(generated: str, word: str, path: str) -> str:
    full = os.path.join(generated, path)
    if word.startswith(_ACCESS):
        return str(os.access(full, int(word[len(_ACCESS) :])))
    try:
        return _said(word, full, os.lstat(full) if word == _LINK else os.stat(full))
    except (OSError, ValueError):
        return ""


def _said(word: str, path: str, stat: os.stat_result) -> str:
    """Return in a text what is asked of a file; that it was asked for its date is left out."""
    if word == _LINK and modes.S_ISLNK(stat.st_mode):
        return f"to {os.readlink(path)}"
    kind = modes.filemode(stat.st_mode)
    return f"{kind} {stat.st_size}" if word == _SIZE and modes.S_ISREG(stat.st_mode) else kind[0]


def follow(is_source: Callable[[str], bool], note: Ask) -> None:
    """Note from now on, until this process ends, what is asked by such files."""

    def about(original: Callable, word: str) -> Callable:
        @functools.wraps(original)
        def ask(path, *given, **named):
            asker = _asker(sys._getframe(1), is_source)
            if asker is None or not isinstance(path, str | bytes | os.PathLike):
                return original(path, *given, **named)
            follows = named.get("follow_symlinks", True)
            kind = _LINK if not follows else word or (_THERE if asker else _SIZE)
            kind += str(given[0] if given else named.get("mode", "")) if word == _ACCESS else ""
            place = os.path.abspath(os.fsdecode(path))
            try:
                result = original(path, *given, **named)
            except (OSError, ValueError):
                note(kind, place, "")
                raise
            is_stat = isinstance(result, os.stat_result)
            note(kind, place, _said(kind, place, result) if is_stat else str(result))
            return result

        for able in _ABLE:
            able |= {ask} if original in able else set()
        return ask

    os.stat, os.lstat = about(os.stat, ""), about(os.lstat, _LINK)
    os.access = about(os.access, _ACCESS)


def _asker(frame: FrameType | None, is_source: Callable[[str], bool]) -> bool | None:
    """Tell whether only being there is asked; None if it is not a Snakefile that asks.

    What Snakemake and labflake look at on the way is their own business.
    """
    only_there = False
    while frame:
        code = frame.f_code
        file = code.co_filename
        if file.startswith(_LABFLAKE) or (_MACHINERY in file and _FOR_PEOPLE not in file):
            return None
        if is_source(file):
            return only_there
        only_there |= code.co_name in _ONLY_THERE and file.startswith(_LIBRARY)
        frame = frame.f_back
    return None
