"""Write and build documents in tests, without building a whole project."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import building
import rendering

from labflake.documents import formats, header, inline
from labflake.documents import source as documents
from labflake.documents.exporting import export
from labflake.documents.notebook import assemble
from labflake.documents.pandoc import DocumentError, Text
from labflake.documents.results import Executed

DOCUMENTS = Path(__file__).resolve().parent / "documents"
FEATURES = "2026-11-20-Features"
ODD = "2026-12-01-Odd"
AUTHOR = 'Zoë "Zo" <b>O\'Hara</b> $(id) {{ x }} \\n @home *star* 50% & #1'
_SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="300pt" height="180pt">
<rect width="300pt" height="180pt" fill="#fff"/>
<path d="{path}" fill="none" stroke="#0b4f8a" stroke-width="2"/></svg>
"""


def project(folder: Path) -> Path:
    """Make a project with the equipment, an author, the lock files and no experiment."""
    payload = rendering.REPOSITORY / rendering.PAYLOAD
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(payload / "src", folder / "src", ignore=ignore)
    for name in ("jupytext.toml", "poetry.lock", "flake.lock"):
        shutil.copy(payload / name, folder / name)
    author = json.dumps(AUTHOR, ensure_ascii=False)
    about = (
        f'[project]\nname = "p"\nauthors = [{{ name = {author} }}]\ndependencies = ["numpy>=2"]\n'
        "[tool.labflake]\n[tool.poetry.dependencies]\n"
        f'labflake = {{ path = "vendor/{rendering.wheel().name}" }}\n'
    )
    (folder / "pyproject.toml").write_text(about, encoding="utf-8")
    rendering.wheels.put(rendering.wheel(), folder)
    return folder


def features(folder: Path) -> Path:
    """Make a project with an experiment whose report and slides use every feature."""
    made = experiment(project(folder), FEATURES)
    for file in (*DOCUMENTS.glob("report.md"), *DOCUMENTS.glob("2*.md")):
        shutil.copy(file, made / "scripts" / FEATURES / file.name)
    return made


def experiment(made: Path, name: str) -> Path:
    """Add an experiment without documents: bibliography, data and figures."""
    scripts, assets = made / "scripts" / name, made / "generated" / name / "assets"
    for path in (scripts, assets / "data", assets / "figures"):
        path.mkdir(parents=True)
    for file in (*DOCUMENTS.glob("*.bib"), *DOCUMENTS.glob("*.csl")):
        shutil.copy(file, scripts / file.name)
    (assets / "figures/decay.svg").write_text(_SVG.format(path="M10 20 Q 80 150 290 160"))
    (assets / "figures/bars.svg").write_text(_SVG.format(path="M50 170V40M150 170V90M250 170V120"))
    (assets / "data/fit.json").write_text('{"points": 1560, "fold": 2.5789}\n')
    (assets / "data/estimates.csv").write_text(
        "group,rate,amplitude,n\ncontrol,0.2981,9.931,520\nlow dose,0.4502,9.9249,520\n"
        "high dose,0.7688,9.67,520\n"
    )
    return made


def write(project: Path, experiment: str, text: str, name: str = "report.md") -> Path:
    """Write a document of an experiment."""
    path = project / "scripts" / experiment / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return path


def environment(project: Path, **changes: str) -> dict[str, str]:
    """Return the variables with which the equipment of a project runs without its environment."""
    own = {"PYTHONPATH": os.pathsep.join([str(project), str(project / "src")])}
    own["LABFLAKE_PROJECT"] = str(project)
    kept = {k: v for k, v in os.environ.items() if k != "LABFLAKE_STRICT"}
    return kept | own | building.exported(changes)


def build(project: Path, *sources: Path, cwd: Path | None = None, **changes: str) -> list[dict]:
    """Build documents in one process; return error, outputs, reads and warnings of each."""
    command = [sys.executable, str(DOCUMENTS / "build.py"), *map(str, sources)]
    env = environment(project, **changes)
    done = subprocess.run(command, cwd=cwd or project, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def text(source: Path, markdown: str, values: list[str] | None = None) -> Text:
    """Return what pandoc reads of a document in which the expressions gave these values."""
    source.write_text(markdown, encoding="utf-8")
    read = documents.read(source)
    marks = inline.Marks()
    filled = assemble(read, Executed([], [values or [], []]), marks.fill)
    text, lines = export(filled, read, source.parent)
    metadata = header.metadata(read, [], marks)
    metadata["origin"] = {"packages": []}
    return Text(read, text, lines, metadata, [source.parent], marks)


def page(text: Text, folder: Path) -> formats.Made:
    """Return the page of a report alone."""
    return _made(formats.REPORT[1:], text, folder)


def report(text: Text, folder: Path) -> formats.Made:
    """Return the PDF of a report alone."""
    return _made(formats.REPORT[:1], text, folder)


def _made(wanted: list[formats.Format], text: Text, folder: Path) -> formats.Made:
    made, problems = formats.make(wanted, text, folder)
    if problems:
        raise DocumentError(problems)
    return made


def font(path: Path, characters: str) -> None:
    """Write a font that draws each of the characters as a square."""
    import matplotlib
    from fontTools.ttLib import TTFont

    made = TTFont(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"))
    square = made.getBestCmap()[ord("□")]
    for table in made["cmap"].tables:
        table.cmap = {ord(c): square for c in characters} if table.isUnicode() else {}
    for record in made["name"].names:
        record.string = "Square" if record.nameID in (1, 3, 4, 6, 16) else "Regular"
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save(path)


def outputs(project: Path, experiment: str) -> Path:
    """Return the folder of the documents of an experiment."""
    return project / "generated" / experiment / "outputs"
