"""The artifacts of an experiment: their files, and from which others each was made."""

from collections.abc import Iterable
from pathlib import Path

from labflake.content.contents import Contents
from labflake.content.folders import listing
from labflake.project.experiments import PULLED

NOTES = (".lab/", ".labflake/", ".snakemake/")  # `.lab`: before the package
VERDICT = "outputs/reproduction.json"


def artifacts(generated: Path, data: Iterable[str] = ()) -> dict[str, Path]:
    """Return all files that a build made, by their path in the generated folder.

    The equipment's own notes, what Typst builds documents from, and links to files beside the
    Snakefile are none.

    Args:
        generated: the generated folder of an experiment.
        data: the files that came from outside.
    """
    left_out = {*data, VERDICT, PULLED}
    aside = (*NOTES, *(f"assets/{Path(d).stem}/build/" for d in Contents(str(generated)).documents))
    names = listing(str(generated)) if generated.is_dir() else []
    made = {n: generated / n for n in names if n not in left_out and not n.startswith(aside)}
    return {name: path for name, path in made.items() if not _is_source(path, generated)}


def _is_source(path: Path, generated: Path) -> bool:
    """Tell whether this is a link to a file that people write."""
    scripts = generated.parent.parent / "scripts"
    return path.is_symlink() and path.resolve().is_relative_to(scripts.resolve())


def last_made(generated: Path, data: Iterable[str] = ()) -> dict[str, Path]:
    """Return the artifacts of the last build; all files where there is no note of it.

    Older equipment, or people, may have left others in the folder.
    """
    found, made = artifacts(generated, data), needs(generated)
    if not made:
        return found
    stems = {Path(each).stem for each in Contents(str(generated)).documents}
    notebooks = {f"assets/{stem}/{stem}.ipynb" for stem in stems}
    return {name: path for name, path in found.items() if name in made or name in notebooks}


def needs(generated: Path) -> dict[str, tuple[str, set[str]]]:
    """Return for each artifact the step or document that made it, and what that one read."""
    contents = Contents(str(generated))
    found: dict[str, tuple[str, set[str]]] = {}
    for step in contents.steps.values():
        inputs = set(contents.files(list(step["inputs"])))
        for path in contents.files(list(step["outputs"])):
            found[path] = (f"step {step['name']}", inputs)
    for source, document in contents.documents.items():
        for path in document["outputs"]:
            found[path] = (source, set(document["reads"]))
    return found
