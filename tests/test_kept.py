"""While one watches, Typst and pandoc are kept; what they give is what new ones give."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing.connection import Client
from pathlib import Path

import psutil
import pytest
import writing
from waiting import until

from labflake.documents import converting, formats, kept, pandoc
from labflake.documents.typesetting import Request, typeset
from labflake.project.experiments import root

pytestmark = pytest.mark.long
PARTS = [
    "= Heading {n}\n",
    "Some words and {n} more of them, #lorem({n}). ",
    "$x_{n} / {n} = sqrt({n})$\n\n",
    '#image("drawn.svg", alt: "A line")\n',
    "#table(columns: 2, [a], [{n}], [b], [c])\n",
    "#metadata({n}) <noted>\n",
    "#unknown-{n}\n",
]
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"><path d="M1 2L{} 15"/></svg>'
COLD = """
import json, sys
from dataclasses import asdict
from labflake.documents.typesetting import Request, typeset
made = asdict(typeset(Request(**json.loads(sys.argv[1]))))
print(json.dumps(made | {"content": made["content"].hex()}))
"""


@pytest.fixture
def watched(in_the_template: None) -> Iterator[None]:
    """Keep a Typst, and wait until it answers."""
    with answering():
        yield


@contextmanager
def answering() -> Iterator[None]:
    """Keep Typst and pandoc, and wait until they answer."""
    with kept.kept_here():
        until(lambda: os.path.exists(os.environ[kept.PLACE]))
        yield


def cold(request: Request) -> dict:
    """Return what a new Typst gives."""
    env = {key: value for key, value in os.environ.items() if key != kept.PLACE}
    command = [sys.executable, "-c", COLD, json.dumps(asdict(request))]
    done = subprocess.run(command, cwd=root(), env=env, capture_output=True, check=True)
    made = json.loads(done.stdout)
    return made | {"content": bytes.fromhex(made["content"])}


def kill(word: str) -> None:
    """Kill those of our processes that have a word on their command line, and nobody else's."""
    ours = [each for each in psutil.Process().children(recursive=True) if word in said(each)]
    assert ours
    for each in ours:
        each.kill()


def said(process: psutil.Process) -> str:
    """Return the command line of a process; none of one that has just ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def test_what_is_kept_gives_what_a_new_one_gives(watched: None, tmp_path: Path) -> None:
    """Whatever is edited, text, figure or standard: the same bytes, answers and errors."""
    seed = int(os.environ["EXACTNESS_SEED"])
    chance = random.Random(seed)
    request = Request(str(tmp_path / "text.typ"), str(tmp_path), [], asked=("noted",))
    parts = [part.replace("{n}", "3") for part in PARTS[:-1]]
    for _ in range(6):
        parts[chance.randrange(len(parts))] = chance.choice(PARTS).replace(
            "{n}", str(chance.randint(1, 60))
        )
        (tmp_path / "drawn.svg").write_text(SVG.format(chance.randint(5, 9)))
        (tmp_path / "text.typ").write_text("#set document(title: [T])\n" + "".join(parts))
        request.standards = chance.choice([[], ["a-2a", "ua-1"]])
        assert asdict(typeset(request)) == cold(request), (seed, parts)


def test_without_an_answer_it_is_typeset_all_the_same(watched: None, tmp_path: Path) -> None:
    """Where the kept process was killed, the document is made by a new Typst."""
    (tmp_path / "text.typ").write_text("Words")
    request = Request(str(tmp_path / "text.typ"), str(tmp_path), [])
    first = typeset(request)
    kill(os.environ[kept.PLACE])
    assert first.content == typeset(request).content


TEXTS = [
    "# Heading {n} {{#sec:h{n}}}\n",
    "Words and *{n}*, see @sec:h{n}; Fig. {n}, `{n}`, -{n}, a\ttab.\n",
    "Cited by [@knuth1984, p. {n}], and @knuth1984.[^{n}]\n\n[^{n}]: A note.\n",
    "$$x_{n} = \\frac{{a}}{{{n}}}$$ {{#eq:e{n}}}\n",
    "| a | b |\n|---|---|\n| {n} | x |\n\n: A table. {{#tbl:t{n}}}\n",
    "Not \\emph{{{n}}}, \\unknown{{{n}}}.\n",
    "![No such figure](none{n}.svg)\n",
    "``` {{.text}}\nx = {n}\n```\n",
]


@pytest.fixture
def asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], converting.Request]]:
    """Yield what makes of a text of a project what pandoc is asked for; a pandoc is kept."""
    project = writing.project(tmp_path / "p")
    folder = writing.experiment(project, "2026-01-04-Kept") / "scripts" / "2026-01-04-Kept"
    monkeypatch.setenv("LABFLAKE_PROJECT", str(project))
    head = "---\ntitle: T\nbibliography: references.bib\n---\n\n"

    def request(body: str) -> converting.Request:
        text = writing.text(folder / "report.md", head + body)
        targets = [each.target(text, folder) for each in formats.REPORT]
        return pandoc.request(text, targets)

    with answering():
        yield request


def of_new(request: converting.Request) -> list[dict]:
    """Return what a new pandoc answers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(kept.PLACE)
        return [*converting.convert(request)]


def test_a_kept_pandoc_gives_what_a_new_one_gives(
    asked: Callable[[str], converting.Request],
) -> None:
    """Whatever was asked for before: the same page, the same Typst, the same faults."""
    seed = int(os.environ["EXACTNESS_SEED"])
    chance = random.Random(seed)
    for _ in range(6):
        parts = [each.format(n=chance.randint(1, 9)) for each in chance.choices(TEXTS, k=6)]
        request = asked("\n".join(parts))
        answers = [*kept.answers("converting", asdict(request))]
        assert answers == of_new(request), (seed, parts)
        assert len(answers) > 1


def test_what_nobody_waited_for_is_not_the_next_answer(
    asked: Callable[[str], converting.Request],
) -> None:
    """A build that was stopped leaves nothing of its text to the next one."""
    with Client(os.environ[kept.PLACE], "AF_UNIX") as stopped:
        stopped.send(("converting", asdict(asked("Old words. " * 3000))))
        stopped.recv()
    request = asked("New words.")
    assert [*converting.convert(request)] == of_new(request)


def test_a_pandoc_that_was_killed_is_another_one(
    asked: Callable[[str], converting.Request],
) -> None:
    """Where the kept pandoc ended, the next texts are converted all the same."""
    request = asked("Some words.")
    assert [*converting.convert(request)] == of_new(request)
    kill("convert.lua")
    assert [*converting.convert(request)] == of_new(request)
    assert [*kept.answers("converting", asdict(request))] == of_new(request)


def test_files_of_a_person_change_no_document(
    asked: Callable[[str], converting.Request], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What somebody has in pandoc's own folder at home is not asked."""
    request = asked("Some words.")
    expected = of_new(request)
    for folder in (tmp_path / ".local/share/pandoc", tmp_path / ".pandoc"):
        folder.mkdir(parents=True)
        (folder / "init.lua").write_text('error("asked")')
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert of_new(request) == expected
