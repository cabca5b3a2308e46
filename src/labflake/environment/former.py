"""Projects of the time when the equipment was copied into each as `lab/` become ones of today.

Runs when `.venv` is made, with the standard library alone. What it changes is the name under which
people's programs, Snakefiles, cells and scripts know the equipment, and shows in `git diff`.
"""

import re
from pathlib import Path

from labflake.content.atomic import remove, rewrite
from labflake.errors import LabError

_OFFERED = r"(?:code|config|data|step|load|load_all|save)\b(?:[ \t]+as[ \t]+\w+)?"
_ONLY_OURS = re.compile(
    rf"\bfrom([ \t]+)lab(?=[ \t]+import[ \t]+\(?\s*{_OFFERED}(?:\s*,\s*{_OFFERED})*,?\s*[)\n;'\"])"
)
_PYTHON = re.compile(r"\.(py|pyi|smk|ipynb)$|(^|/)Snakefile[^/]*$")
_FENCE = re.compile(r"^(`{3,}|~{3,}).*\n(?:.*\n)*?\1[`~]*[ \t]*$", re.MULTILINE)
# In code: import lab, import lab.files, from lab import load, from lab.files import load
_FROM = re.compile(r"\bfrom([ \t]+)lab(?=(?:\.\w+)*[ \t]+import\b)")
_ITEM = r"[\w.]+(?:[ \t]+as[ \t]+\w+)?"
_IMPORT = re.compile(
    rf"(\bfrom[ \t]+[\w.]+[ \t]+)?\bimport([ \t]+)({_ITEM}(?:[ \t]*,[ \t]*{_ITEM})*)"
)
_BY_TEXT = re.compile(r"(\bimport_module\([ \t]*[\"'])lab(?=[.\"'])")
# Anywhere: python -m lab build, [python, "-m", "lab", "build"]
_COMMAND = re.compile(r"((?<![\w-])-m(?:[ \t]+|[\"'],[ \t]*[\"']))lab(?=[ \t\"'.]|$)", re.MULTILINE)
_MOVED = re.compile(r"\b(lab|labflake)\.(files|formats)\b")
_SETTINGS = re.compile(r"^\[tool\.lab(?=[.\]])", re.MULTILINE)


def bring_up_to_date(project: Path) -> list[str]:
    """Rename the equipment in a project's own files; return lines that say what was done."""
    if not (project / "vendor").is_dir():
        return []
    _remove_caches(project / "lab")
    own = _has_own(project)
    changed = [name for name in _files(project) if _renew(project / name, name, own)]
    for notes in project.glob("generated/*/.lab"):
        remove(notes)
    if not changed:
        return []
    names = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
    return [f"lab is called labflake now; renamed in {names}", "  look with: git diff"]


def _remove_caches(folder: Path) -> None:
    """Remove what Python left of the equipment's old folder, and folders that are empty then."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.suffix == ".pyc" or (path.is_dir() and not any(path.iterdir())):
            path.rmdir() if path.is_dir() else path.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _has_own(project: Path) -> bool:
    """Tell whether a module of the person's own has the old name."""
    places = [project / "lab.py", project / "src" / "lab.py"]
    inside = [*(project / "lab").rglob("*.py"), *(project / "src" / "lab").rglob("*.py")]
    beside = [*project.glob("scripts/**/lab.py"), *project.glob("scripts/*/lab/")]
    return any(path.exists() for path in [*places, *inside, *beside])


def _files(project: Path) -> list[str]:
    """Return the files that git keeps or would keep; without git those of people's folders."""
    from labflake.project.git import run

    wanted = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    try:
        listed = run(*wanted, cwd=project)[1].split("\0")
    except LabError:
        listed = []
    if not any(listed):
        found = [p for part in ("scripts", "src", "tests") for p in (project / part).rglob("*")]
        listed = [path.relative_to(project).as_posix() for path in found]
    foreign = ("vendor/", "generated/", "poetry.lock", "flake.lock")
    return sorted({n for n in listed if n and not n.startswith(foreign)})


def _renew(path: Path, name: str, own: bool) -> bool:
    """Rename the equipment in one file; tell whether there was anything to rename."""
    if path.is_symlink() or not path.is_file():
        return False
    before = path.read_bytes()
    if b"\0" in before or b"lab" not in before:
        return False
    coding = _coding(before)
    text = before.decode(coding)
    new = renamed(text, name, own)
    if new == text:
        return False
    rewrite(path, new.encode(coding))
    return True


def _coding(content: bytes) -> str:
    """Return an encoding that gives back the same bytes."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def renamed(text: str, name: str, own: bool = False) -> str:
    """Return the text of a file with the name of today.

    Args:
        text: what the file holds.
        name: its path; in Markdown only what stands in fences is code.
        own: the project has a module `lab` of its own: only names of the equipment are meant.
    """
    if name.endswith(".md"):
        text = _FENCE.sub(lambda fence: _code(fence[0], own), text)
    elif _PYTHON.search(name):
        text = _code(text, own)
    elif name == "pyproject.toml":
        text = _SETTINGS.sub("[tool.labflake", text)
    return text if own else _COMMAND.sub(r"\1labflake", text)


def _code(text: str, own: bool) -> str:
    if own:
        return _ONLY_OURS.sub(r"from\1labflake", text)
    text = _FROM.sub(r"from\1labflake", text)
    text = _IMPORT.sub(_imported, text)
    text = _BY_TEXT.sub(r"\1labflake", text)
    return _MOVED.sub(r"\1.io.\2", text)


def _imported(found: re.Match) -> str:
    """Return an import statement with the name of today; the code after it knows the old one."""
    if found[1]:
        return found[0]
    items = [_item(*item.split()) for item in found[3].split(",")]
    same = items == [" ".join(item.split()) for item in found[3].split(",")]
    return found[0] if same else f"import{found[2]}{', '.join(items)}"


def _item(name: str, *alias: str) -> str:
    if name == "lab":
        return " ".join(["labflake", *(alias or ("as", "lab"))])
    if name.startswith("lab."):
        return " ".join([f"labflake{name[3:]}", *(alias or (",", "labflake as lab"))]).replace(
            " , ", ", "
        )
    return " ".join([name, *alias])
