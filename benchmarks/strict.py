"""What does the fence of STRICT=1 cost, around steps in another language than Python?

    python benchmarks/strict.py FOLDER [--steps 100] [--files 2000] [--rounds 10]

FOLDER is a scratch folder. The same builds from nothing take turns, with STRICT=1 and without: many
short steps of Perl, and one step that may read many files and opens each of them ten times.
"""

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import engines
from measuring import RESULTS, Command, compare, publish

sys.path.insert(0, str(engines.REPOSITORY / "src"))
from labflake.processes import fences

SCRIPT = """
    my $letters = 0;
    for my $name ((@ARGV) x 10) {
        open(my $file, "<", $name) or die "$name: $!";
        $letters += length(<$file>);
        close($file);
    }
    print "$letters\\n";
"""


class Plain(engines.Labflake):
    """Steps of Perl, built from nothing."""

    name = "labflake"
    strict = ""
    rules = ""

    def variables(self, folder: Path) -> dict[str, str]:
        """Return whether the steps are behind a fence."""
        return super().variables(folder) | {"LABFLAKE_STRICT": self.strict}

    def files(self, size: int) -> dict[str, str]:
        """Return an experiment."""
        scripts = f"scripts/{self.experiment}"
        snakefile = self.rules.format(scripts=f"../../{scripts}", size=size)
        files = {"hashes.txt": "", "config.yaml": "", "read.pl": SCRIPT, "Snakefile": snakefile}
        return {f"{scripts}/{name}": text for name, text in files.items()}


class Short(Plain):
    """As many steps as inputs."""

    rules = """
        rule all:
            input: expand("out/{{i}}.txt", i=range({size}))

        rule one:
            input: "{scripts}/in/{{i}}.txt"
            output: "out/{{i}}.txt"
            shell: "perl {scripts}/read.pl {{input}} > {{output}}"
    """


class Large(Plain):
    """One step that reads all inputs."""

    rules = """
        rule all:
            input: expand("{scripts}/in/{{i}}.txt", i=range({size}))
            output: "all.txt"
            shell: "perl {scripts}/read.pl {{input}} > {{output}}"
    """


def pair(kind: type[Plain], folder: Path, size: int) -> list[Command]:
    """Return the builds without a fence, and with it."""
    found = []
    for strict in ("", "1"):
        engine = kind(folder)
        engine.strict = strict
        engine.install()
        place = folder / "run" / f"strict{strict}"
        label = "STRICT=1" if strict else "without"
        before = _anew(engine, place, size)
        found.append(Command(label, engine.command(place), place, engine.variables(place), before))
    return found


def _anew(engine: Plain, place: Path, size: int):
    def prepare() -> None:
        shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(engine.cache, ignore_errors=True)
        engine.write(place, size)

    return prepare


def tables(asked: argparse.Namespace) -> Iterator[str]:
    """Let both take turns; the second line has the ratio."""
    folder = asked.folder.resolve()
    yield compare(f"{asked.steps} short steps", pair(Short, folder, asked.steps), asked.rounds)
    title = f"One step that opens {asked.files} files ten times"
    yield compare(title, pair(Large, folder, asked.files), asked.rounds)


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--table", type=Path, default=RESULTS / "strict.md")
    asked = parser.parse_args()
    if not fences.is_possible():
        sys.exit("this system has no fences (Landlock of Linux, since 5.13)")
    publish(asked.table, "The fence of STRICT=1", tables(asked))


main()
