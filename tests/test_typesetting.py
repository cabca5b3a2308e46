"""While one watches, Typst remembers what it has typeset; what it gives is what a new one gives."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from labflake.documents import typesetting
from labflake.documents.typesetting import Request, typeset
from labflake.project.experiments import root

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
def kept(in_the_template: None) -> Iterator[None]:
    """Keep a Typst, and wait until it answers."""
    with typesetting.kept_here():
        while not os.path.exists(os.environ[typesetting.PLACE]):
            pass
        yield


def cold(request: Request) -> dict:
    """Return what a new Typst gives."""
    env = {key: value for key, value in os.environ.items() if key != typesetting.PLACE}
    command = [sys.executable, "-c", COLD, json.dumps(asdict(request))]
    done = subprocess.run(command, cwd=root(), env=env, capture_output=True, check=True)
    made = json.loads(done.stdout)
    return made | {"content": bytes.fromhex(made["content"])}


def test_what_is_kept_gives_what_a_new_one_gives(kept: None, tmp_path: Path) -> None:
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


def test_without_an_answer_it_is_typeset_all_the_same(kept: None, tmp_path: Path) -> None:
    """Where the kept process was killed, the document is made by a new Typst."""
    (tmp_path / "text.typ").write_text("Words")
    request = Request(str(tmp_path / "text.typ"), str(tmp_path), [])
    first = typeset(request)
    for process in filter(str.isdigit, os.listdir("/proc")):
        place = os.fsencode(os.environ[typesetting.PLACE])
        if place in Path("/proc", process, "cmdline").read_bytes():
            os.kill(int(process), signal.SIGKILL)
    assert first.content == typeset(request).content
