"""A document is what it was made from, also when files are saved, read unseen or overridden."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import building
import pytest
import writing
from waiting import PATIENCE, until

NAME = "2024-04-01-Exact"
HEADER = "---\ntitle: T\n---\n\n"
NO_STEPS = "rule all:\n    input: []\n"


@pytest.fixture(scope="module")
def base(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the project without what it made, to a place that looks like somebody's cache."""
    place = tmp_path_factory.mktemp("exact") / ".cache"
    place.mkdir()
    return building.copy(built, place / "a project", generated=False)


@pytest.fixture
def project(base: Path, request: pytest.FixtureRequest) -> "Project":
    """Make an experiment of its own for each test; all share one project."""
    number = len([p for p in (base / "scripts").iterdir() if p.name.startswith(NAME)])
    return Project(base, f"{NAME}-{number}")


class Project:
    """One small experiment, written and built as people do."""

    def __init__(self, root: Path, name: str) -> None:
        self.root, self.name = root, name
        self.scripts, self.generated = root / "scripts" / name, root / "generated" / name
        self.notes = root.parent / name  # of cells, for the test
        self.notes.mkdir()
        self.write(Snakefile=NO_STEPS, hashes_txt="")

    def write(self, **files: str) -> None:
        """Write files of the experiment (`report_md` for report.md)."""
        building.experiment(self.root, self.name, **files)

    def options(self) -> dict[str, str]:
        """Return the options of each build."""
        return {"EXPERIMENT": self.name, "CACHE": str(self.root.parent / "cache")}

    def make(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run make."""
        return building.make(self.root, *arguments, **self.options(), **variables)

    def made(self, *arguments: str, **variables: str) -> str:
        """Run make, expect success, and return what it printed."""
        return building.made(self.root, *arguments, **self.options(), **variables)

    def start(self, documents: int = 1) -> subprocess.Popen:
        """Start make, and wait until a cell of each document waits."""
        env = building.variables(**self.options())
        process = subprocess.Popen(
            ["make"], cwd=self.root, env=env, stdout=subprocess.PIPE, text=True
        )
        until(lambda: len([*self.notes.glob("started-*")]) >= documents, process)
        return process

    def go_on(self) -> None:
        """Let the cell that waits go on, and all that come after."""
        (self.notes / "go").touch()

    def waiting(self) -> str:
        """Return the code of a cell that waits until the test lets it go on."""
        place = str(self.notes)
        lines = [
            "import os, time",
            f"open({place + '/started-'!r} + str(os.getpid()), 'w').close()",
            f"while not os.path.exists({place + '/go'!r}): time.sleep(0.05)",
        ]
        return "\n".join(lines)

    def shown(self, document: str = "report") -> list[str]:
        """Return what stands between XX and XX in the page of a document."""
        page = (self.generated / "outputs" / f"{document}.html").read_text(encoding="utf-8")
        return re.findall("XX(.*?)XX", page)


def cell(*lines: str) -> str:
    """Return a cell that shows nothing."""
    return "\n".join(["```python", "#| show: none", *lines, "```", "", ""])


# Saved while it is built

SAVED = {
    "report": ("report.md", "ash", "elm"),
    "settings": ("config.yaml", "word: ash", "word: elm"),
    "module": ("../../src/study/words_of_a_test.py", "WORD = 'ash'", "WORD = 'elm'"),
    "file": ("word.txt", "ash", "elm"),
}
READS = {
    "report": "word = 'ash'",
    "settings": "from labflake import config\nword = config.word",
    "module": "from study.words_of_a_test import WORD as word",
    "file": "word = open('word.txt').read()",
}


@pytest.mark.long
@pytest.mark.parametrize("what", SAVED)
def test_what_is_saved_meanwhile_is_built(project: Project, what: str) -> None:
    """Whatever a document reads is saved while it is built: the build says so and shows the new."""
    name, old, new = SAVED[what]
    text = HEADER + cell(READS[what], project.waiting()) + "XX`{python} word`XX\n"
    project.write(report_md=text)
    path = project.scripts / name
    if what != "report":
        path.write_text(old)
    process = project.start()
    stat = path.stat()
    path.write_text(path.read_text().replace(old, new))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    project.go_on()
    printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert f"{os.path.relpath(path, project.root)} changed" in printed
    project.made()
    assert project.shown() == ["elm"]
    assert project.made().splitlines()[-1] == "up to date"


@pytest.mark.long
def test_one_file_of_two_documents_is_no_error(project: Project) -> None:
    """A file that two documents read is saved while they are built: no error, each is named."""
    text = HEADER + cell(READS["file"], project.waiting()) + "XX`{python} word`XX\n"
    project.write(report_md=text, **{"2024-04-02__talk_md": text}, word_txt="ash")
    process = project.start(documents=2)
    (project.scripts / "word.txt").write_text("elm")
    project.go_on()
    printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert printed.count(f"scripts/{project.name}/word.txt changed while ") == 2
    assert "error" not in printed
    assert project.shown() == project.shown("2024-04-02-talk") == ["elm"]


@pytest.mark.long
@pytest.mark.parametrize("name", ["word.txt", "report.md"])
def test_what_a_cell_changes_itself_is_no_result(project: Project, name: str) -> None:
    """A cell that writes to what its document is made from is an error at once, which names it."""
    code = f"text = open('word.txt').read()\nopen({name!r}, 'a').write('x')"
    project.write(report_md=HEADER + cell(code), word_txt="one")
    done = project.make()
    assert done.returncode != 0
    assert f"scripts/{project.name}/{name} is what it is made from" in done.stderr
    assert "again" not in done.stdout
    assert "Traceback" not in done.stderr
    assert not (project.generated / "outputs" / "report.pdf").exists()


# Read unseen

WRITE = """
from labflake import code

FILES = {"sqlite": "a.sqlite", "library": "b.txt", "worker": "c.txt", "size": "d.txt"}

rule all:
    input: expand("assets/data/{file}", file=FILES.values())

rule write:
    input: code("write.py")
    output: "assets/data/{file}"
    params: word=config["word"]
    shell: "python {input[0]} {params.word} {output}"
"""
PROGRAM = """
import sqlite3
import sys

word, path = sys.argv[1:]
if path.endswith(".sqlite"):
    with sqlite3.connect(path) as database:
        database.execute("create table words (word)")
        database.execute("insert into words values (?)", [word])
else:
    open(path, "w").write(word)
"""
WAYS = {
    "sqlite": "import sqlite3\n"
    "word = sqlite3.connect(f'{data}/a.sqlite').execute('select word from words').fetchone()[0]",
    "library": "import ctypes\nlibrary, text = ctypes.CDLL(None), ctypes.create_string_buffer(9)\n"
    "handle = library.open(f'{data}/b.txt'.encode(), 0)\n"
    "count = library.read(handle, text, 9)\nword = text.raw[:count].decode()",
    "worker": "from joblib import Parallel, delayed\n"
    "def read(): return open(f'{data}/c.txt').read()\n"
    "word = Parallel(n_jobs=2)(delayed(read)() for _ in range(2))[0]",
    "size": "import os\nword = os.stat(f'{data}/d.txt').st_size",
}


@pytest.mark.long
def test_no_document_is_older_than_its_results(project: Project) -> None:
    """Documents that read artifacts by ways that nobody sees are made again with the artifacts."""
    project.write(Snakefile=WRITE, write_py=PROGRAM, config_yaml="word: one\n")
    for number, (way, code) in enumerate(WAYS.items(), start=1):
        place = f"data = '../../generated/{project.name}/assets/data'\n"
        text = f"{HEADER}{cell(place + code)}# Slide\n\nXX`{{python}} word`XX\n"
        (project.scripts / f"2024-04-0{number}-{way}.md").write_text(text)
    project.made()
    names = [f"2024-04-0{number}-{way}" for number, way in enumerate(WAYS, start=1)]
    assert [project.shown(name) for name in names] == [["one"], ["one"], ["one"], ["3"]]
    project.write(config_yaml="word: three\n")
    project.made()
    assert [project.shown(name) for name in names] == [["three"], ["three"], ["three"], ["5"]]


@pytest.mark.long
def test_files_outside_the_project_count(project: Project) -> None:
    """A file elsewhere that a cell reads, and a bibliography there: a change makes it again."""
    bibliography, values = project.notes / "zotero.bib", project.notes / "values.txt"
    entry = "@book{{a, author={{Ann {}}}, title={{T}}, publisher={{P}}, year={{2000}}}}\n"
    bibliography.write_text(entry.format("XXfirstXX"))
    values.write_text("one")
    header = HEADER.replace("title: T\n", f"title: T\nbibliography: {bibliography}\n")
    text = header + cell(f"word = open({str(values)!r}).read()") + "XX`{python} word`XX [@a]\n"
    project.write(report_md=text)
    project.made()
    assert {"one", "first"} <= {*project.shown()}
    values.write_text("two")
    project.made()
    assert "two" in project.shown()
    bibliography.write_text(entry.format("XXsecondXX"))
    project.made()
    assert {"two", "second"} <= {*project.shown()}
    assert project.made().splitlines()[-1] == "up to date"


@pytest.mark.long
def test_what_a_cell_tells_a_program_to_read_counts(project: Project) -> None:
    """A file elsewhere that a program of a cell is told to read: a change makes it again."""
    (project.notes / "values.txt").write_text("one")
    program = f"subprocess.check_output(['cat', 'values.txt'], cwd={str(project.notes)!r})"
    word = f"word = {program}.decode()"
    project.write(report_md=HEADER + cell("import subprocess", word) + "XX`{python} word`XX\n")
    project.made()
    assert "one" in project.shown()
    (project.notes / "values.txt").write_text("two")
    project.made()
    assert "two" in project.shown()
    assert project.made().splitlines()[-1] == "up to date"


@pytest.mark.long
def test_fonts_that_come_and_go_are_noticed(project: Project) -> None:
    """A font that appears in `fonts/` or in a folder linked there, or is removed: made again."""
    project.write(report_md=HEADER + "Text.\n")
    project.made()
    fonts, linked = project.root / "fonts", project.notes / "linked"
    linked.mkdir()
    try:
        fonts.mkdir()
        (fonts / "linked").symlink_to(linked)
        assert "report.pdf" in project.made()
        (linked / "a.ttf").write_bytes(b"no font")
        assert "report.pdf" in project.made()
        assert project.made().splitlines()[-1] == "up to date"
        (linked / "a.ttf").unlink()
        assert "report.pdf" in project.made()
    finally:
        shutil.rmtree(fonts)


@pytest.mark.long
def test_hidden_fonts_do_not_count(project: Project) -> None:
    """A font with a name that does not count, such as a hidden one, changes no document."""
    project.write(report_md=HEADER + "Text.\n")
    fonts = project.root / "fonts"
    try:
        (fonts / ".deep").mkdir(parents=True)
        project.made()
        writing.font(fonts / ".hidden.ttf", "日")
        writing.font(fonts / ".deep" / "square.ttf", "日")
        assert project.made().splitlines()[-1] == "up to date"
        project.write(report_md=HEADER + "Text 日.\n")
        assert "no font of the PDF has 日" in project.make().stderr
    finally:
        shutil.rmtree(fonts)


# Variables


@pytest.mark.long
def test_cells_get_the_variables_that_steps_get(project: Project) -> None:
    """A variable of the shell is not there for cells, and the error says how to ask for it."""
    word = "`{python} __import__('os').environ['COHORT']`"
    project.write(report_md=f"{HEADER}XX{word}XX\n")
    said = project.make(COHORT="1").stderr
    assert f"scripts/{project.name}/report.md:5: " in said
    assert "COHORT is set, but does not reach cells" in said
    project.write(config_yaml="environment: [COHORT]\n")
    project.made(COHORT="1")
    assert project.shown() == ["1"]


@pytest.mark.long
def test_a_variable_that_decides_makes_the_document_again(project: Project) -> None:
    """What `envvars:` names reaches cells, too, and another value is another document."""
    text = cell("import os", "word = os.environ['COHORT']") + "XX`{python} word`XX\n"
    project.write(report_md=HEADER + text, Snakefile=f'envvars: "COHORT"\n\n{NO_STEPS}')
    for value in "121":
        project.made(COHORT=value)
        assert project.shown() == [value]
    assert project.made(COHORT="1").splitlines()[-1] == "up to date"


@pytest.mark.long
@pytest.mark.parametrize("name", ["PYTHONOPTIMIZE", "MPLCONFIGDIR", "JUPYTER_PATH", "CACHE", "FOO"])
def test_settings_of_a_person_do_not_reach_cells(project: Project, name: str) -> None:
    """What a person's shell sets for other programs decides no document."""
    value = f"`{{python}} 'mine' in str(__import__('os').environ.get({name!r}))`"
    project.write(report_md=f"{HEADER}XX{value}XX\n")
    building.made(project.root, **project.options() | {name: str(project.notes / "mine")})
    assert project.shown() == ["False"]


# Overridden settings


@pytest.mark.long
def test_overridden_settings_are_shown_and_named(project: Project) -> None:
    """`make SEED=7` shows 7, and says so in the provenance and in the line that rebuilds it."""
    text = HEADER + cell("from labflake import config") + "XX`{python} config.seed`XX\n"
    project.write(report_md=text, config_yaml="seed: 1\n")
    project.made("SEED=7")
    assert project.shown() == ["7"]
    origin = (project.generated / "outputs" / "report.provenance.json").read_text()
    assert '"seed": 7' in origin
    assert "outputs/report.pdf SEED=7" in origin
    project.made()
    assert project.shown() == ["1"]
    again = (project.generated / "outputs" / "report.provenance.json").read_text()
    assert "SEED" not in again


@pytest.mark.long
def test_settings_read_by_hand_are_refused_with_others(project: Project) -> None:
    """A report that reads config.yaml itself is an error, with its line, where others count."""
    code = "import yaml\nseed = yaml.safe_load(open('config.yaml'))['seed']"
    project.write(report_md=HEADER + cell(code) + "XX`{python} seed`XX\n", config_yaml="seed: 1\n")
    project.made()
    done = project.make("SEED=7")
    assert done.returncode != 0
    assert f"scripts/{project.name}/report.md:8: config.yaml is read here" in done.stderr
    assert "from labflake import config" in done.stderr


@pytest.mark.long
def test_an_artifact_of_nobody_is_refused(project: Project) -> None:
    """A file among the artifacts that no step makes and no data declares is an error, named."""
    data = project.generated / "assets" / "data"
    data.mkdir(parents=True)
    (data / "left.csv").write_text("a,b\n1,2\n")
    code = "from labflake import load\nvalue = load('left')['a'][0]"
    project.write(report_md=HEADER + cell(code) + "XX`{python} value`XX\n")
    done = project.make()
    assert done.returncode != 0
    assert f"scripts/{project.name}/report.md:8: assets/data/left.csv is made by no step" in (
        done.stderr
    )
    assert "declare it under data:" in done.stderr


@pytest.mark.long
def test_authors_of_the_project_are_those_of_its_documents(project: Project) -> None:
    """Another author in `pyproject.toml` is in the document after `make`; another word is not."""
    about = project.root / "pyproject.toml"
    before = about.read_text(encoding="utf-8")
    project.write(report_md=f"{HEADER}Text.\n")
    project.made()
    page = project.generated / "outputs" / "report.html"
    try:
        name = re.search(r'authors = \[\{ name = "(.*?)"', before)[1]
        assert name in page.read_text(encoding="utf-8")
        about.write_text(before.replace(f'name = "{name}"', 'name = "Grace Høpper"'))
        project.made()
        assert "Grace Høpper" in page.read_text(encoding="utf-8")
        about.write_text(about.read_text().replace("description = ", "# a word\ndescription = "))
        assert project.made().splitlines()[-1] == "up to date"
    finally:
        about.write_text(before, encoding="utf-8")


@pytest.mark.long
def test_the_plan_says_why_a_document_is_made(project: Project) -> None:
    """A document that a build makes again has its reason in the plan, as a step has."""
    project.write(report_md=HEADER + "A sentence.\n", word_txt="ash\n")
    folder = f"scripts/{project.name}"
    assert "PENDING: never made here" in project.made("plan")
    project.made()
    assert "PENDING" not in project.made("plan")
    project.write(word_txt="elm\n")
    assert f"PENDING: {folder}/word.txt changed" in project.made("plan")
    project.write(word_txt="ash\n", report_md=HEADER + "Another sentence.\n")
    assert f"PENDING: {folder}/report.md changed" in project.made("plan")


COMMANDS = {
    "line": "!cat FILE",
    "variable": "def show(path):\n    !cat {path}\nshow('FILE')",
    "script": "%%bash\ncat FILE",
    "other": "%%script sh\ncat FILE",
    "taken": "%sx cat FILE",
}


@pytest.mark.long
def test_what_cells_give_to_a_shell_is_read(project: Project, tmp_path: Path) -> None:
    """A file outside that the command of a cell names is followed, however a shell gets it."""
    files = {name: tmp_path / f"{name}.txt" for name in COMMANDS}
    for name, file in files.items():
        file.write_text(f"old {name}", encoding="utf-8")
    cells = [command.replace("FILE", str(files[name])) for name, command in COMMANDS.items()]
    text = "\n".join(f"```python\n{cell}\n```\n" for cell in cells)
    project.write(report_md=f"{HEADER}{text}")
    project.made()
    for name, file in files.items():
        file.write_text(f"new {name}", encoding="utf-8")
        project.made()
        page = (project.generated / "outputs" / "report.html").read_text(encoding="utf-8")
        assert f"new {name}" in page


@pytest.mark.long
@pytest.mark.parametrize(
    "cell",
    ["!git describe --dirty", "%%sh\ngit status", "import os\nos.system('git diff > x')"],
)
def test_a_cell_may_not_ask_git_for_what_is_not_committed(project: Project, cell: str) -> None:
    """The answer would be old with the next save: the cell is named."""
    project.write(report_md=f"{HEADER}```python\n{cell}\n```\n")
    done = project.make()
    assert done.returncode == 2
    assert re.search("report.md:[0-9]+: a cell asks `git", done.stderr)
