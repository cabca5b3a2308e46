"""The verdict on a reproduction: for each artifact whether it came out as it was."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labflake.content.atomic import replacing
from labflake.content.digests import sha256
from labflake.data_files.gate import record
from labflake.errors import LabError
from labflake.verify import differences, tolerance
from labflake.verify.artifacts import VERDICT, last_made

IDENTICAL, EQUAL, DIFFERENT, MISSING = "identical", "equal", "different", "missing"
EXTRA = "not compared"  # it was rebuilt, but there is nothing to compare it with


@dataclass(frozen=True)
class Result:
    """What became of one artifact: its digests as expected and as rebuilt, and the verdict."""

    name: str
    verdict: str
    expected: str = ""
    rebuilt: str = ""
    note: str = ""


@dataclass(frozen=True)
class Expected:
    """What the rebuilt artifacts are compared with: digests by path, and the files."""

    called: str
    digests: dict[str, str]
    files: dict[str, Path]


def expected(place: Path, data: set[str]) -> Expected:
    """Return what to compare with: a folder of artifacts, a list of hashes, a verdict as JSON.

    Raises:
        LabError: there is nothing at that place, or nothing that we can read.
    """
    if place.is_dir():
        files = last_made(place, data)
        return Expected("here", {name: sha256(str(path)) for name, path in files.items()}, files)
    try:
        text = place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"{place}: there is nothing to compare with ({error})") from None
    found = _from_json(text) if text.lstrip().startswith("{") else _from_list(text)
    digests = {n: d for n, d in found.items() if n not in data and n != VERDICT}
    if not digests:
        raise LabError(f"{place} is no list of sha256sum and no reproduction.json")
    return Expected("recorded", digests, {})


def _from_json(text: str) -> dict[str, str]:
    try:
        known = json.loads(text)["artifacts"]
        return {name: each["rebuilt"] for name, each in known.items() if each["rebuilt"]}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _from_list(text: str) -> dict[str, str]:
    """Return the digests of a list whose paths may begin with `generated/<experiment>/`."""
    lines = (re.sub(r"^(\\?\w{64} [ *])\./", r"\1", line) for line in text.splitlines())
    found = {name: digest for name, digest, problem in map(record.parsed, lines) if not problem}
    return {re.sub(r"^generated/[^/]+/", "", name): digest for name, digest in found.items()}


def compare(wanted: Expected, rebuilt: dict[str, Path], declared: Any) -> Iterator[Result]:
    """Give the result of each artifact, sorted by path.

    Args:
        wanted: what it should be.
        rebuilt: the files that the clean copy made.
        declared: the `tolerance` of config.yaml.
    """
    for name in sorted({*wanted.digests, *rebuilt}):
        before = wanted.digests.get(name, "")
        after = sha256(str(rebuilt[name])) if name in rebuilt else ""
        if not before or not after:
            yield Result(name, EXTRA if after else MISSING, before, after)
        elif before == after:
            yield Result(name, IDENTICAL, before, after)
        else:
            verdict, note = _unlike(name, wanted.files.get(name), rebuilt[name], declared)
            yield Result(name, verdict, before, after, note)


def _unlike(name: str, before: Path | None, after: Path, declared: Any) -> tuple[str, str]:
    """Tell whether two unlike files hold the same numbers; else where they differ first."""
    if before is None:
        return DIFFERENT, ""
    limit = tolerance.for_artifact(name, declared)
    largest = tolerance.largest_difference(before, after, limit)
    if largest is None:
        return DIFFERENT, differences.first(before, after).where
    note = f"numbers differ by {largest:.1g} of their size at most" if largest else "other bytes"
    return EQUAL, note


def reproduced(results: list[Result]) -> bool:
    """Tell whether all that was to be rebuilt came out identical, or equal within tolerance."""
    compared = [r for r in results if r.verdict != EXTRA]
    return bool(compared) and all(r.verdict in (IDENTICAL, EQUAL) for r in compared)


def sentence(results: list[Result]) -> str:
    """Return the verdict in one line."""
    counts = Counter(result.verdict for result in results)
    words = {IDENTICAL: "identical", EQUAL: "equal within tolerance"}
    words |= {DIFFERENT: "different", MISSING: "missing", EXTRA: "without counterpart"}
    parts = [f"{counts[kind]} {word}" for kind, word in words.items() if counts[kind]]
    head = "REPRODUCED" if reproduced(results) else "NOT REPRODUCED"
    return f"{head}: {', '.join(parts) or 'nothing was built'}"


def write(path: Path, facts: dict[str, Any], results: list[Result]) -> None:
    """Write the verdict as JSON."""
    known = {
        r.name: {"verdict": r.verdict, "expected": r.expected, "rebuilt": r.rebuilt, "note": r.note}
        for r in results
    }
    verdict = "reproduced" if reproduced(results) else "not reproduced"
    counts = dict(sorted(Counter(result.verdict for result in results).items()))
    text = json.dumps(facts | {"verdict": verdict, "counts": counts, "artifacts": known}, indent=1)
    with replacing(path) as part:
        part.write_text(text + "\n", encoding="utf-8", newline="")
