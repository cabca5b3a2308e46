"""While one watches, only the cells from the edited one on run, and give what they always give."""

import contextlib
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import writing
from waiting import until

from labflake.documents import snapshots

EXPERIMENT = "2026-01-04-Snapshots"
HEAD = "---\ntitle: Snapshots\n---\n\n"
pytestmark = pytest.mark.long

FIRST = 'import os\nx = 1\nprint("ran", os.urandom(8).hex())'
SETUP = """import logging, os, random, sys, threading, warnings
from pathlib import Path
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
x, generator, frame = 1, np.random.default_rng(1), pd.DataFrame({'a': [1], 'b': ['u']})
random.seed(1), np.random.seed(1)
def f(a):
    return a"""
# Each of these leaves something that a later cell can see.
POOL = [
    "x = {n}",
    "x += {n}",
    "y = [x] * {n}\nprint(y)",
    "import random\nrandom.seed({n})",
    "print(round(random.random(), 9), random.sample(range(99), 3))",
    "import numpy as np\nnp.random.seed({n})\ngenerator = np.random.default_rng({n})",
    "print(np.random.rand(2), generator.integers(99, size=3))",
    "def f(a):\n    return a + {n}",
    "x = f(x)\nx",
    "_, len(In), sorted(Out)",
    "import pandas as pd\nframe = pd.DataFrame({{'a': [x, {n}], 'b': ['u', 'v']}})\nframe",
    "frame.loc[len(frame)] = [{n}, 'w']\nframe",
    "import matplotlib.pyplot as plt\nplt.plot([1, {n}, 2])\nplt.show()",
    "plt.rcParams['lines.linewidth'] = {n}",
    "import logging, sys\nlogging.basicConfig(stream=sys.stdout, force=True)",
    "logging.warning('told %s', x)",
    "print('to stderr', x, file=sys.stderr)",
    "os.environ['Z'] = '{n}'\nos.system('true') if {n} == 7 else None",
    "print(os.environ.get('Z'), os.getcwd()[-9:])",
    "os.chdir('..' if {n} % 2 else '.')",
    "from pathlib import Path\nhere = Path(__import__('labflake').__file__).name",
    "lines = open('words.txt')",
    "print(lines.readline())",
    "print(open('words.txt').read())",
    "threading.Thread(target=threading.Event().wait, daemon=True).start()",
    "print(threading.active_count() - len(threading.enumerate()))",
    "import warnings\nwarnings.warn('careful {n}', stacklevel=1)",
    "import asyncio\ntask = asyncio.ensure_future(asyncio.sleep({n}))",
    "Path('made.txt').write_text('{n}')",
    "with Path('made.txt').open('a') as made:\n    made.write('m')\nPath('made.txt').read_text()",
    "%precision {n}\nx / 7",
    "raise ValueError({n})",
    "os._exit({n})",
]


@pytest.fixture
def unwatched(tmp_path: Path) -> Path:
    """Make a project with a file that cells can read."""
    made = writing.project(tmp_path / "p")
    (made / "scripts" / EXPERIMENT).mkdir(parents=True)
    (made / "scripts" / EXPERIMENT / "words.txt").write_text("one\ntwo\n")
    return made


@pytest.fixture
def project(unwatched: Path) -> Iterator[Path]:
    """Watch the documents of the project."""
    with snapshots.kept_here():
        yield unwatched


def notebook(project: Path, cells: list[str], watched: bool = True) -> str:
    """Make the notebook of a report with these cells; return it, and what was said."""
    text = "".join(f"```python\n{cell}\n```\n\nValue `{{python}} x`.\n\n" for cell in cells)
    source = writing.write(project, EXPERIMENT, HEAD + text)
    shutil.rmtree(project / "generated", ignore_errors=True)  # nothing is remembered
    (source.parent / "made.txt").unlink(missing_ok=True)
    code = "import sys, pathlib\nfrom labflake.documents.document import build\n"
    code += "build(pathlib.Path(sys.argv[1]), notebook=True)"
    env = writing.environment(project)
    if not watched:
        del env[snapshots.PLACE]
    command = [sys.executable, "-c", code, source]
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)
    made = project / "generated" / EXPERIMENT / "assets/report/report.ipynb"
    said = done.stderr.splitlines()[-5:]
    return "\n".join([made.read_text(encoding="utf-8") if made.exists() else "", *said])


def test_only_the_cells_from_the_edited_one_on_run(project: Path) -> None:
    """The first cell runs once, whatever is changed below it; its variables are as it left them."""
    edits = [["x += 1", "x *= 10"], ["x += 2", "x *= 10\nprint()"], ["x += 2", "x *= 7"]]
    pages = [notebook(project, [FIRST, *cells]) for cells in edits]
    again = notebook(project, [FIRST + ";", "x += 2"])
    ran = [re.search("ran ([0-9a-f]{16})", page)[1] for page in [*pages, again]]
    values = [re.findall(r"Value ([0-9]+)", page) for page in pages]
    assert values == [["1", "2", "20"], ["1", "3", "30"], ["1", "3", "21"]]
    assert [word == ran[0] for word in ran] == [True, True, True, False]


def test_what_was_read_is_looked_at_again(project: Path) -> None:
    """A file that a cell above read, and that changed, has this cell run again."""
    cells = [FIRST, "text = open('words.txt').read()", "print(text)"]
    notebook(project, cells)
    (project / "scripts" / EXPERIMENT / "words.txt").write_text("other words\n")
    assert "other words" in notebook(project, [*cells[:2], "print(text, 2)"])


def test_a_kernel_that_dies_is_told_as_ever(project: Path) -> None:
    """A cell that ends its kernel is named, also where the cells above it need not run."""
    notebook(project, [FIRST, "x = 2"])
    cells = [FIRST, "os._exit(3)"]
    said = notebook(project, cells).splitlines()[-1]
    assert "the kernel died in this cell" in said
    assert said == notebook(project, cells, watched=False).splitlines()[-1]


def test_nothing_of_a_watch_is_left(unwatched: Path) -> None:
    """Snapshots end with a cell that is not there any more, and with the watch."""
    with snapshots.kept_here():
        notebook(unwatched, [FIRST, "x = 2"])
        before = waiting(unwatched)
        notebook(unwatched, [FIRST, "x = 3"])
        until(lambda: [len(now := waiting(unwatched)), len(now & before)] == [2, 1])
    until(lambda: not waiting(unwatched))


def waiting(project: Path) -> set[str]:
    """Return the kernels of a project that run, or wait."""
    found = set()
    for process in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            command = Path("/proc", process, "cmdline").read_bytes()
            given = Path("/proc", process, "environ").read_bytes()
            if b"ipykernel" in command and os.fsencode(project) in given:
                found.add(process)
    return found


def test_cells_give_what_they_give_from_nothing(project: Path) -> None:
    """Whatever is edited, a watched document has the bytes of one that is made from nothing."""
    seed = int(os.environ["EXACTNESS_SEED"])
    chance = random.Random(seed)

    def some() -> str:
        return chance.choice(POOL).format(n=chance.randint(1, 9))

    cells = [SETUP, *(some() for _ in range(6))]
    for _ in range(5):
        at = chance.randrange(1, len(cells) + 1)
        cells[at : at + chance.randint(0, 1)] = [some() for _ in range(chance.randint(0, 2))]
        if chance.random() < 0.2:
            words = project / "scripts" / EXPERIMENT / "words.txt"
            words.write_text(f"{chance.random()}\nand more\n")
        warm = notebook(project, cells)
        assert warm == notebook(project, cells, watched=False), (seed, cells)
