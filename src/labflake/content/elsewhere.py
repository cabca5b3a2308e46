"""`generated` on another disk: `assets` and `outputs` of an experiment are links to there.

Steps run in `generated/<experiment>` and name what people write from there (`../../scripts/…`), so
that folder itself has to lie in the project. A link that somebody puts into its place, or into that
of `generated`, becomes links inside it. `.place` says where to; new experiments go there, too.
"""

import os
from pathlib import Path

from labflake.content import folders
from labflake.errors import LabError

PLACE = ".place"
_FOLDERS = (".fetch", "assets", "outputs")
_STAYS = (
    ".labflake"  # small, and documents are compiled in it: Typst wants its files in the project
)


def settle(project: Path) -> None:
    """Bring the links to other disks into this form; standard library only, before every command.

    Nothing there is changed but for folders that are missing.

    Raises:
        LabError: a link leads to where this is not possible.
    """
    try:
        _settle(project, project / "generated")
    except OSError as error:
        place = os.path.relpath(error.filename or "generated", project)
        raise LabError(f"{place}: {(error.strerror or str(error)).lower()}") from None


def _settle(project: Path, generated: Path) -> None:
    if generated.is_symlink():
        _unfold(generated)
    if not generated.is_dir():
        return
    for item in os.scandir(generated):
        if item.is_symlink() and (project / "scripts" / item.name).is_dir():
            _unfold(Path(item.path))
    if any((path / PLACE).exists() for path in (generated, *_folders(generated))):
        scripts = project / "scripts"
        for path in (*scripts.glob("*/Snakefile"), *scripts.glob("*/workflow/Snakefile")):
            _fill(generated / path.relative_to(scripts).parts[0])


def _folders(generated: Path) -> list[Path]:
    return [Path(item.path) for item in os.scandir(generated) if folders.is_folder(item)]


def _unfold(link: Path) -> None:
    """Put a folder into the place of a link, with links to all that is where it leads to."""
    import shutil

    there = Path(os.path.realpath(link))
    there.mkdir(parents=True, exist_ok=True)
    folder = link.with_name(f".{link.name}.{os.getpid()}.part")
    folder.mkdir()
    (folder / PLACE).write_text(f"{there}\n", encoding="utf-8")
    for name in sorted(os.listdir(there)):
        if name == _STAYS:
            shutil.copytree(there / name, folder / name, symlinks=True)
        else:
            (folder / name).symlink_to(there / name)
    link.unlink()
    folder.rename(link)
    print(f"{link.name} leads to {there}: now a folder of links to there takes its place")


def _fill(folder: Path) -> None:
    """Let the folders that every experiment has lie in its place, if it has one."""
    place = _place(folder)
    if not place:
        return
    folder.mkdir(exist_ok=True)
    for name in _FOLDERS:
        if not (folder / name).exists():  # the other disk may have been cleared
            (place / name).mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(folder / name):
            (folder / name).symlink_to(place / name)


def has_place(folder: Path) -> bool:
    """Tell whether an experiment has a place of its own elsewhere."""
    return (folder / PLACE).exists()


def _place(folder: Path) -> Path | None:
    """Return where the folders of an experiment are, if they are elsewhere."""
    for owner, rest in ((folder, ""), (folder.parent, folder.name)):
        if (owner / PLACE).exists():
            return Path((owner / PLACE).read_text(encoding="utf-8").rstrip("\n")) / rest
    return None


def empty(path: Path) -> None:
    """Remove a file or folder; of a folder that lies elsewhere, what is in it, too."""
    from labflake.content.atomic import remove

    place = _place(path.parent)
    end = Path(os.path.realpath(path))
    if path.is_symlink() and place and end.is_relative_to(os.path.realpath(place)):
        remove(end)
    remove(path)
