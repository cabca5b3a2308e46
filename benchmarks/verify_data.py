"""How fast is data verified? Against sha256sum, openssl, dvc and git, in one run.

    python benchmarks/verify_data.py FOLDER [--gigabytes 4] [--small 100000] [--rounds 5]

FOLDER is a scratch folder with room for three times that much. dvc is measured if it is
installed beside this Python, on the PATH, or in the folder that --tools names.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from measuring import RESULTS, Command, compare, lab, project, publish, tool


def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--small", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tools", default="")
    parser.add_argument("--table", type=Path, default=RESULTS / "verify_data.md")
    options = parser.parse_args()
    publish(options.table, "Data verified", tables(options))


def tables(options: argparse.Namespace) -> Iterator[str]:
    """Measure large files, then many small ones."""
    folder = options.folder.resolve()
    for count in (1, 40):
        yield large(folder / f"large{count}", count, options)
    yield small(folder / "small", options)


def large(folder: Path, count: int, options: argparse.Namespace) -> str:
    """Verify some gigabytes in `count` files that are in the page cache."""
    root, data = project(folder)
    fill(data, count, int(options.gigabytes * 1e9 / count))
    record(root, data)
    names = [str(path) for path in sorted(data.iterdir())]
    cores = len(os.sched_getaffinity(0))
    commands = [
        lab("make check FULL=1", root, "check", LABFLAKE_FULL="1"),
        Command(
            "sha256sum --check", ["sha256sum", "--check", "--quiet", hashes(root)], data.parents[1]
        ),
    ]
    if openssl := tool("openssl"):
        words = ["xargs", "-0", "-P", str(cores), "-n1", openssl, "dgst", "-sha256"]
        listing = folder / "names"
        listing.write_bytes(b"\0".join(os.fsencode(name) for name in names))
        words = ["sh", "-c", '"$@" < "$0"', str(listing), *words]
        commands.append(Command(f"openssl dgst -sha256, {cores} at once", words, data))
    commands += dvc(folder, data, options, lambda there: [path.touch() for path in there.iterdir()])
    title = f"{options.gigabytes:g} GB in {count} file{'s' * (count > 1)}, warm"
    found = compare(title, commands, options.rounds, options.gigabytes)
    shutil.rmtree(folder)
    return found


def small(folder: Path, options: argparse.Namespace) -> str:
    """Verify many small files that did not change."""
    root, data = project(folder)
    fill(data / "many", options.small, 200, 1000)
    record(root, data)
    walk = (
        "import os\nwaiting = ['.']\nwhile waiting:\n"
        "    for entry in os.scandir(waiting.pop()):\n"
        "        if entry.is_dir(): waiting.append(entry.path)\n"
        "        else: entry.stat()"
    )
    commands = [
        Command("a bare walk with stat, in Python", [sys.executable, "-c", walk], data),
        lab("make check", root, "check"),
    ]
    if find := tool("find"):
        words = ["sh", "-c", f"{find} . -type f -printf '%s %T@ %C@ %i\\n' >/dev/null"]
        commands.append(Command("find -printf, size and times", words, data))
    if git := tool("git"):
        copy = folder / "git"
        shutil.copytree(data, copy)
        for words in (["init", "-q"], ["add", "."]):
            subprocess.run([git, *words], cwd=copy, check=True, capture_output=True)
        commands.append(Command("git status", [git, "status", "--short"], copy))
    commands += dvc(folder, data, options, lambda there: None)
    found = compare(f"{options.small} small files, unchanged", commands, options.rounds)
    shutil.rmtree(folder)
    return found


def dvc(folder: Path, data: Path, options: argparse.Namespace, before) -> list[Command]:
    """Return `dvc status` on a copy of the data, which it was given before."""
    program = tool("dvc", options.tools)
    if not program:
        return []
    copy = folder / "dvc"
    shutil.copytree(data, copy / "data")
    settings = ["config", "core.analytics", "false"]
    for words in (["init", "--no-scm", "-q"], settings, ["add", "-q", "data"]):
        subprocess.run([program, *words], cwd=copy, check=True, capture_output=True)
    return [Command("dvc status", [program, "status"], copy, before=lambda: before(copy / "data"))]


def fill(folder: Path, count: int, size: int, each: int = 10**9) -> None:
    """Write files that look random, at most `each` in one folder."""
    source, block = random.Random(0), 1 << 24
    for number in range(count):
        path = (
            folder / f"d{number // each}" / f"f{number}" if count > each else folder / f"f{number}"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as out:
            for start in range(0, size, block):
                out.write(source.randbytes(min(block, size - start)))


def record(root: Path, data: Path) -> None:
    """Record all data as coreutils do, and let the project know it."""
    there = data.parents[1]
    listing = 'find assets/data -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum > "$0"'
    subprocess.run(["sh", "-c", listing, hashes(root)], cwd=there, check=True)
    subprocess.run(["sleep", "2.5"], check=True)  # younger files are not believed by their times
    code = (
        "from labflake.project import experiments; from labflake.data_files import gate; "
        "gate.prepare(experiments.current())"
    )
    Command("prepare", [sys.executable, "-c", code], root, {"PYTHONPATH": str(root)}).run()


def hashes(root: Path) -> str:
    """Return the path of the record."""
    return str(next(root.glob("scripts/*")) / "hashes.txt")


if __name__ == "__main__":
    main()
