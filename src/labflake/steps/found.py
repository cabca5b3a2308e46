"""The files that a step was seen to read, and does not declare, belong to the key of its result.

Which files these are is known after it ran. So the record of a step lists them, and the cache keeps
the list under what the step declares: with the same declared inputs, a program reads the same
files until one of them differs. A name that ends with a slash stands for the names in a folder.
One that begins with `import ` stands for the packages of a module that was looked for, whether it
was there or not: what a program does follows from that, too.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from labflake.content import folders
from labflake.content.contents import Contents
from labflake.programs.pins import Asked, of
from labflake.project.settings import overrides
from labflake.steps.names import scripts_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labflake.cache import Cache
    from labflake.steps.step import Step


_SCRIPTS = "\0/"
IMPORT = "import "
ANY = "*"  # instead of a module: nobody saw what was looked for


def paths(found: Iterable[str]) -> list[str]:
    """Return the files among what was found."""
    return [name for name in found if not name.startswith(IMPORT) and not name.endswith("/")]


def asked(found: Iterable[str]) -> Asked:
    """Return what of the packages was looked for."""
    names = {name.removeprefix(IMPORT) for name in found if name.startswith(IMPORT)}
    return Asked(looked_for=frozenset(names - {ANY}), everything=ANY in names)


def part_of_key(found: list[str], contents, inputs: Iterable[str] = ()) -> list:
    """Return what the files found add to the key of a step.

    Where a step reads the settings, found or as one of its inputs, those of make count, too.
    """
    scripts = scripts_of(contents.generated)
    parts: list = []
    for path in (name for name in found if not name.startswith(IMPORT)):
        full = os.path.join(contents.generated, path)
        held = folders.names(full) if path.endswith("/") else contents.digest(path)
        parts.append((path.replace(scripts, _SCRIPTS), held))
    looked_for = asked(found)
    if looked_for != Asked():
        parts.append((sorted(looked_for.looked_for), looked_for.everything, of(looked_for)))
    return [*parts, overrides()] if f"{scripts}config.yaml" in {*found, *inputs} else parts


def keys(
    step: "Step", key_of: Callable[[], str], contents: Contents, cache: "Cache | None"
) -> Iterator[str]:
    """Give the keys that the step may have; its `found` is then what the key holds.

    Args:
        step: the step.
        key_of: returns its key.
        contents: knows what it read here.
        cache: knows what it read elsewhere; it is asked last.
    """
    here = contents.steps.get(step.outputs[0], {}).get("found", [])
    for step.found in [here, []] if here else [[]]:
        key = key_of()
        yield key
    for names in _lists(key, cache) if cache else []:  # of the key with nothing found
        step.found = [name.replace(_SCRIPTS, scripts_of(contents.generated)) for name in names]
        if step.found != here:
            yield key_of()


def keep(step: "Step", declared: str, cache: "Cache", contents: Contents) -> None:
    """Let the cache know which files a step reads that has this key without them."""
    if not step.found:
        return
    lists = _lists(declared, cache)
    names = [name.replace(scripts_of(contents.generated), _SCRIPTS) for name in step.found]
    if names in lists:
        return
    key, path = _place(declared)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps([*lists, names]), encoding="utf-8")
    cache.keep(key, f"{step.name} (reads)", {path: contents.digest(path)}, 0, contents.digest)
    os.unlink(path)


def _lists(declared: str, cache: "Cache") -> list[list[str]]:
    """Return the lists of files that the cache knows for a step with this key without them."""
    key, path = _place(declared)
    if not cache.digests(key):
        return []
    copy = f"{path}.{os.urandom(4).hex()}"
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    try:
        if cache.bring(key, {path: copy}) is None:
            return []
        return json.loads(Path(copy).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    finally:
        Path(copy).unlink(missing_ok=True)


def _place(declared: str) -> tuple[str, str]:
    """Return the key and the path of the lists of a step."""
    return hashlib.sha256(
        f"reads {declared}".encode()
    ).hexdigest(), f".labflake/reads/{declared}.json"
