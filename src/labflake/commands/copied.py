"""Start an experiment from another: its programs, settings, report and slides under new names."""

import json
import re
import shutil
from pathlib import Path

from labflake.content.folders import names
from labflake.project.experiments import RECORD, Experiment

_SLIDES = re.compile(r"(\d{4}-\d{2}-\d{2})-.+\.md")
_HEADER = re.compile(r"---\n(?:.*\n)*?(?:---|\.\.\.)[ \t]*\n")
_FIELD = r"^{}:.*\n(?:[ \t]+.*\n)*"  # with the lines that go on below it
_OWN = ("pull-request", "pull_request")  # of the experiment that is copied, and of no other


def copy(old: Experiment, folder: Path, title: str, name: str) -> None:
    """Copy what people wrote of an experiment into a folder, under the name of a new one.

    What its data is stays recorded; where its artifacts' hashes are, nothing is: it has none yet.

    Args:
        old: the experiment to copy.
        folder: does not exist yet.
        title: of the new experiment.
        name: of the new experiment.
    """
    shutil.copytree(old.scripts, folder, symlinks=True, ignore=_left_out)
    day, before = name[:10], _title(folder)
    renamed = {old.name: name} | _slides(folder, day)
    for path in [p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()]:
        text = _text(path)
        if text is None:
            continue
        text = _replaced(text, renamed)
        if path.parent == folder and path.suffix == ".md":
            text = _headed(text, before, title, day)
        path.write_bytes(text.encode())


def _left_out(folder: str, found: list[str]) -> set[str]:
    """Return what is of no use to the copy: hidden files, notebooks, the record of artifacts."""
    kept = {n for n in names(folder) if n != RECORD and not n.endswith(".ipynb")}
    return set(found) - kept


def _slides(folder: Path, day: str) -> dict[str, str]:
    """Give the slides the new day, as far as that leaves each a name; return stems by old ones."""
    found = {}
    for path in sorted(folder.iterdir()):
        new = path.with_name(day + path.name[10:])
        if _SLIDES.fullmatch(path.name) and not new.exists():
            path.rename(new)
            found[path.stem] = new.stem
    return found


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        return None  # no text of ours: it is copied as it is


def _replaced(text: str, renamed: dict[str, str]) -> str:
    """Return the text with other names, each as a whole: one may be the beginning of another."""
    for old, new in renamed.items():
        text = re.sub(rf"(?<![\w-]){re.escape(old)}(?!\w|[-+]\w)", new.replace("\\", r"\\"), text)
    return text


def _title(folder: Path) -> str:
    """Return the lines of the report's header that give its title."""
    report = folder / "report.md"
    header = _HEADER.match(_text(report) or "") if report.is_file() else None
    found = re.search(_FIELD.format("title"), header[0], re.MULTILINE) if header else None
    return found[0] if found else ""


def _headed(text: str, before: str, title: str, day: str) -> str:
    """Return a document with the new title, where it had that of the report, and the new day."""
    match = _HEADER.match(text)
    if not match:
        return text
    header = match[0]
    if before:
        header = header.replace(before, f"title: {json.dumps(title, ensure_ascii=False)}\n", 1)
    header = re.sub(r"^date: *\S.*$", f"date: {day}", header, flags=re.MULTILINE)
    for field in _OWN:
        header = re.sub(_FIELD.format(field), "", header, flags=re.MULTILINE)
    return header + text[match.end() :]
