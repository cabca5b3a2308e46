"""Change what is installed: add packages (`make add`), lock again (`make lock`)."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from labflake.content.atomic import rewrite
from labflake.project.options import option

from . import PreparationError, failures, locking, make, programs

_MARK = re.compile(r"^<{7} .*\n((?:.*\n)*?)(?:\|{7}.*\n(?:.*\n)*?)?={7}\n(?:.*\n)*?>{7} .*\n", re.M)
_NOISE = re.compile(r"Using version|Updating dep|Resolving dep|Skipping virtualenv|\s*$")


def add(folder: Path) -> None:
    """Add the packages that PACKAGE names to the group that GROUP names, and install them.

    Raises:
        PreparationError: it could not be done; both files and `.venv` are as before.
    """
    packages, group = option("PACKAGE").split(), option("GROUP")
    if not packages:
        raise PreparationError('which package? make add PACKAGE=seaborn, or "seaborn>=0.13"')
    _refuse_paths(folder, packages)
    _refuse_conflict(folder / "pyproject.toml")
    _refuse_conflict(folder / "poetry.lock")
    before = _versions(folder)
    with _restored(folder):
        into = ["--group", group] if group else []
        _poetry(folder, "add", "--lock", *into, *packages)
        make(folder)
    _report(before, _versions(folder))


def _refuse_paths(folder: Path, packages: list[str]) -> None:
    """Refuse a folder or a file in the place of a name: Poetry would write down where its copy is.

    Raises:
        PreparationError: there is one; the message says what to write.
    """
    for path in (each for each in packages if "/" in each and (folder / each).exists()):
        raise PreparationError(
            f"{path} is a path, and packages are added by name\n"
            "  write its name NAME into dependencies in pyproject.toml, and below"
            f' [tool.poetry.dependencies]: NAME = {{ path = "{path}" }}\n'
            "  then: make lock"
        )


def lock(folder: Path) -> None:
    """Bring `poetry.lock` into line with `pyproject.toml`, and install what changed.

    Versions that are locked stay. In a lock with marks of a conflict, those of this side do.

    Raises:
        PreparationError: it could not be done; the lock and `.venv` are as before.
    """
    _refuse_conflict(folder / "pyproject.toml")
    with _restored(folder):
        _take_one_side(folder / "poetry.lock")
        before = _versions(folder)
        _poetry(folder, "lock")
        make(folder)
    _report(before, _versions(folder))


def conflict(text: str, name: str) -> str:
    """Return what to do about the marks that a merge left in one of both files; "" without any."""
    found = re.search(r"^<{7} ", text, re.MULTILINE)
    if not found:
        return ""
    line = text.count("\n", 0, found.start()) + 1
    first = f"{name} has marks of a merge conflict (line {line})"
    if name != "poetry.lock":
        return f"{first}\n  edit it so that it is as you want it, then: make lock"
    return (
        f"{first}\n"
        "  nobody merges it by hand: see that pyproject.toml is as you want it, then: make lock"
    )


def _refuse_conflict(path: Path) -> None:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if said := conflict(text, path.name):
        raise PreparationError(said)


def _take_one_side(path: Path) -> None:
    """Take our side of every conflict in a lock; Poetry adds what the other one brought."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if conflict(text, path.name):
        from labflake.project.git import run

        code, ours, _ = run("show", ":2:./poetry.lock", cwd=path.parent)
        ours = _MARK.sub(r"\1", text) if code else ours
        rewrite(path, ours.encode())


@contextlib.contextmanager
def _restored(folder: Path) -> Iterator[None]:
    """Put both files back if what follows fails."""
    before = {
        name: (folder / name).read_bytes() for name in locking.FILES if (folder / name).exists()
    }
    try:
        yield
    except BaseException:
        for name, content in before.items():
            rewrite(folder / name, content)
        raise


def _poetry(folder: Path, *arguments: str) -> None:
    """Run Poetry; a failure is told in its own words, without those about its progress."""
    programs.say("asking the index which versions fit together")
    answer = locking.ask(folder, *arguments)
    if answer.files is None:
        said = [failures.without_secrets(w.rstrip()) for w in answer.lines if not _NOISE.match(w)]
        found = failures.cause("\n".join(said))
        advice = [f"  {found.advice}"] if found is failures.NO_NETWORK else []
        index = failures.without_secrets(", ".join(locking.asked()))
        first = f"the lock could not be changed with the packages of {index}; all is as before"
        raise PreparationError("\n".join([first, *(f"  {s.strip()}" for s in said[-6:]), *advice]))
    for name, content in answer.files.items():
        if not (folder / name).exists() or (folder / name).read_bytes() != content:
            rewrite(folder / name, content)


def _versions(folder: Path) -> dict[str, str]:
    """Return the versions that the lock names."""
    try:
        text = (folder / "poetry.lock").read_text(encoding="utf-8")
    except OSError:
        return {}
    found = re.findall(r'^name = "(.+)"\nversion = "(.+)"', text, re.MULTILINE)
    return {name: version for name, version in found}


def _report(before: dict[str, str], after: dict[str, str]) -> None:
    """Say what the lock has now that it had not."""
    names = sorted(n for n in before | after if before.get(n) != after.get(n))
    for name in names:
        print(f"{name}  {before.get(name, '(new)')} → {after.get(name, '(removed)')}")
    print("commit pyproject.toml and poetry.lock together" if names else "no version changed")
