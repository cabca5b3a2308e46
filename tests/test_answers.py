"""Whatever is answered becomes a project with exactly that text, or is refused before rendering."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import rendering
import yaml
from markdown_it import MarkdownIt
from rendering import ANSWERS, git

# {marker} is a file that must not appear: an answer shaped like code is only text.
WORKING = {
    "double quotes": '"quoted" and ""empty""',
    "three double quotes": 'a """ b',
    "three quotes": "a ''' b",
    "a quote and a comma": "it's, \"they'd\"",
    "a backslash": r"C:\new\table",
    "a backslash at the end": "ends with \\",
    "a backslash and a quote": r"\" \\" + '"',
    "an escaped newline": r"a\nb\u0041\x41\N{DASH}",
    "a closing brace": "a }} b %} c #} d { e }",
    "braces of a format": "{0} {author} %s %(a)s ${x}",
    "python": '"); __import__("os").system("touch {marker}"); ("',
    "python after a raw string": '"""; __import__("os").system("touch {marker}") #',
    "python after quotes": "'''; __import__('os').system('touch {marker}') #",
    "shell substitution": "$(touch {marker})",
    "shell backticks": "`touch {marker}`",
    "shell commands": "; touch {marker} | touch {marker} & touch {marker} #",
    "shell quotes": "'; touch {marker}; '",
    "make functions": "$(shell touch {marker}) $$(x) %.o: %.c",
    "a git option": "--template=/nowhere",
    "a snake template": "[wildcards] {{x}".replace("{{", "{ {"),
    "html": "<b>bold</b> &amp; &lt;i&gt; <br/>",
    "a script": "</title><script>alert(1)</script>",
    "an html comment": "<!-- hidden --> shown",
    "toml": '"\nname = "other"'.replace("\n", " "),
    "yaml mapping": "a: b, c: [d, {e: f}]",
    "a yaml tag": "!!python/object/apply:os.system ['touch {marker}']",
    "yaml signs": "& * ? | > % @ - : # ~",
    "a list": "- item",
    "a number": "1. study",
    "a heading": "# heading #",
    "a rule": "---",
    "an underline": "===",
    "a quotation": "> quote",
    "markdown": "*a* _b_ __c__ `d` ~~e~~ [f](https://g.example) ![h](i) | j |",
    "a footnote": "[^1] [@cite] @cite",
    "formulas": r"$\alpha_{i}$ and $$x$$ \(y\)",
    "typst": '#import "x": *; #eval("1") @ref <label>',
    "true": "true",
    "null": "null",
    "a year": "2023",
    "a date": "2023-10-07",
    "a fraction": "1e3",
    "a tilde": "~",
    "a path": "../../etc/passwd",
    "accents": "Ünïcödé, façade, Ærøskøbing, Łódź",
    "combining accents": "Zu\u0308rich",
    "greek and cyrillic": "Μέση τιμή, Среднее",
    "chinese and japanese": "协方差矩阵 の 研究",
    "hindi": "अदिति की परियोजना",
    "arabic": "مشروع بحثي (2023)",
    "hebrew and latin": "מחקר of things",
    "persian with a joiner": "می\u200cخواهم",
    "an emoji": "🎉 party",
    "joined emoji": "👩\u200d🔬 and ❤\ufe0f",
    "a letter outside the basic plane": "𝒩(0, 𝜎²)",
    "quotation marks": "„so“ «ou» “as” ‘well’ – – …",
    "a no-break space": "10\u00a0km",
    "200 letters": "x" * 200,
    "200 quotes": '"' * 200,
    "200 backslashes": "\\" * 200,
    "200 words": "ab " * 199 + "ab",
    "200 chinese letters": "研" * 200,
    "200 emoji": "🎉" * 200,
}
# What each text may not be used for, since it holds < or >, which enclose an e-mail address.
NOT_FOR_AUTHORS = [name for name, text in WORKING.items() if "<" in text or ">" in text]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give one folder for all projects, in which no marker may appear."""
    return tmp_path_factory.mktemp("answers")


def fill(text: str, folder: Path) -> str:
    """Put the path of the marker into a text."""
    return text.replace("{marker}", str(folder / "marker"))


def markdown_text(inline: str) -> str:
    """Read a line of Markdown as a reader sees it."""
    (token,) = MarkdownIt("gfm-like", {"linkify": False}).parseInline(inline)
    return "".join(child.content for child in token.children)


@pytest.mark.long
@pytest.mark.parametrize("case", WORKING)
def test_text_arrives_as_it_was_answered(template: Path, folder: Path, case: str) -> None:
    """Name, author and description stand in every rendered file, and nothing of them is run."""
    text = fill(WORKING[case], folder)
    author = ANSWERS["author"] if case in NOT_FOR_AUTHORS else text
    answers = {"project_name": text, "author": author, "description": text}
    answers |= {"project_slug": "case-" + str(list(WORKING).index(case))}
    project = rendering.render(template, folder, answers)

    made = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (made["description"], made["authors"][0]["name"]) == (text, author)
    citation = yaml.safe_load((project / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["title"], citation["abstract"]) == (text, text)
    assert citation["authors"][0]["name"] == author
    license = (project / "LICENSE").read_text(encoding="utf-8").split("\n")
    assert license[2] == f"Copyright (c) {author}"
    assert read_readme(project) == [text, text]
    assert not (folder / "marker").exists()
    assert git(project, "status", "--porcelain") == ""
    assert git(project, "rev-list", "--count", "HEAD") == "1"


def read_readme(project: Path) -> list[str]:
    """Read heading and first paragraph of a project's README with a Markdown parser."""
    text = (project / "README.md").read_text(encoding="utf-8")
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    assert [token.type for token in tokens[:6:3]] == ["heading_open", "paragraph_open"]
    return ["".join(c.content for c in token.children) for token in tokens[1:6:3]]


@pytest.mark.long
@pytest.mark.parametrize("case", ["python", "hindi", "200 emoji", "html", "yaml signs"])
def test_poetry_accepts_it(template: Path, tmp_path: Path, case: str) -> None:
    """Poetry finds the project valid and its lock up to date."""
    text = fill(WORKING[case], tmp_path)
    author = ANSWERS["author"] if case in NOT_FOR_AUTHORS else text
    project = rendering.render(template, tmp_path, {"author": author, "description": text})
    command = [*rendering.poetry(), "check", "--lock"]
    run = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "All set!\n")


REFUSED = {
    "an empty name": ("project_name", "", "it is empty"),
    "a blank name": ("project_name", " \t ", "it is empty"),
    "no description": ("description", "", "it is empty"),
    "a line break": ("project_name", "Wind\nname = 1", "it holds U+000A, a line break"),
    "a tab": ("author", "Ada\tLovelace", "it holds U+0009, a line break"),
    "an escape": ("description", "\x1b[31mred", "it holds U+001B, a line break"),
    "a null byte": ("description", "nothing\0", "it holds U+0000, a line break"),
    "a C1 character": ("author", "Ada\x85Lovelace", "it holds U+0085, a line break"),
    "a line separator": ("description", "a\u2028b", "it holds U+2028, a line break"),
    "a paragraph separator": ("description", "a\u2029b", "it holds U+2029, a line break"),
    "an override of direction": ("author", "Ada\u202egnp.exe", "it holds U+202E, an invisible"),
    "an isolate": ("project_name", "a\u2066b\u2069", "it holds U+2066, an invisible"),
    "a zero-width space": ("author", "Ad\u200ba", "it holds U+200B, an invisible"),
    "a byte order mark": ("project_name", "\ufeffWind", "it holds U+FEFF, an invisible"),
    "a hidden tag": ("description", "x\U000e0041", "it holds U+E0041, an invisible"),
    "a lone surrogate": ("author", "Ada \ud83c", "it holds U+D83C, half a character"),
    "a byte that is not UTF-8": ("author", "Ad\udcff", "it holds U+DCFF, half a character"),
    "no character": ("description", "a\uffff", "it holds U+FFFF, which is not a character"),
    "a blank at the end": ("author", "Ada ", "it begins or ends with a blank"),
    "an e-mail in the name": ("author", "Ada <ada@example.org>", "< and > enclose"),
    "no @": ("email", "ada.example.org", "it needs a name, one @"),
    "two @": ("email", "ada@lovelace@example.org", "it needs a name, one @"),
    "no domain": ("email", "ada@", "it needs a name, one @"),
    "a domain without a dot": ("email", "ada@localhost", "it needs a name, one @"),
    "a quote in the e-mail": ("email", 'ada"@example.org', "it needs a name, one @"),
    "code in the e-mail": ("email", "$(touch x)@example.org", "it needs a name, one @"),
    "a name with the e-mail": ("email", "Ada <ada@example.org>", "it needs a name, one @"),
    "a blank in the slug": ("project_slug", "my project", "a folder and a package need"),
    "a hyphen first": ("project_slug", "-rf", "a folder and a package need"),
    "a dot first": ("project_slug", ".hidden", "a folder and a package need"),
    "a hyphen last": ("project_slug", "wind-", "a folder and a package need"),
    "a slash": ("project_slug", "wind/snow", "a folder and a package need"),
    "a way out": ("project_slug", "../wind", "a folder and a package need"),
    "a backslash": ("project_slug", "wind\\snow", "a folder and a package need"),
    "an accent": ("project_slug", "wind-über", "a folder and a package need"),
    "other digits": ("project_slug", "wind-٣", "a folder and a package need"),
    "a line break in the slug": ("project_slug", "wind\n", "a folder and a package need"),
    "code in the slug": ("project_slug", "$(touch x)", "a folder and a package need"),
    "a slug of 101 letters": ("project_slug", "x" * 101, "a folder and a package need"),
    "a device": ("project_slug", "CON", "Windows keeps this name"),
    "a device with an ending": ("project_slug", "lpt1.txt", "Windows keeps this name"),
    "a package": ("project_slug", "Scikit_Learn", "a package that every project installs"),
    "a template": ("project_name", "{{ 7 * 7 }}", "it holds {{, and cookiecutter"),
    "a statement": ("author", "{% if 1 %}Ada{% endif %}", "it holds {%, and cookiecutter"),
    "a comment": ("description", "issue {# one #} two", "it holds {#, and cookiecutter"),
}


@pytest.mark.long
@pytest.mark.parametrize("case", REFUSED)
def test_refusal(template: Path, tmp_path: Path, capfd: pytest.CaptureFixture, case: str) -> None:
    """A bad answer is refused with its value, the reason and a good example; no file is made."""
    question, answer, reason = REFUSED[case]
    message = refusal(template, tmp_path, capfd, ANSWERS | {question: answer})
    assert message[0] == f"error: {question} {shown(answer)} cannot be used"
    assert message[1].startswith(f"  {reason}")
    assert message[-1].startswith("  a good one: ")
    assert rendering.contents(tmp_path) == {}


def test_a_folder_name_that_is_derived_is_checked(
    template: Path, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    """The name of a package is refused for a project, too, since its folder is named after it."""
    message = refusal(template, tmp_path, capfd, {"project_name": "NumPy"})
    assert message[0] == "error: project_slug 'numpy' cannot be used"


def refusal(
    template: Path, folder: Path, capfd: pytest.CaptureFixture, answers: dict[str, str]
) -> list[str]:
    """Render what must be refused, and return the lines of the message."""
    from cookiecutter.exceptions import FailedHookException

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONUTF8", "1")
        with pytest.raises(FailedHookException):
            rendering.render(template, folder, answers)
    written = capfd.readouterr().err.splitlines()
    start = next(number for number, line in enumerate(written) if line.startswith("error: "))
    end = next(number for number, line in enumerate(written) if line.startswith("  a good one: "))
    return written[start : end + 1]


def shown(answer: str) -> str:
    """Write an answer as the refusal does: quoted, escaped, not too long."""
    return repr(answer if len(answer) <= 60 else answer[:59] + "…")


TYPED = {
    "a template": "{{ 7 * 7 }}",
    "an open template": "a {{ b",
    "an open statement": "a {% b",
    "an open comment": "a {# b",
    "code": "{{ cycler.__init__.__globals__.os.system('touch {marker}') }}",
}


@pytest.mark.long
@pytest.mark.parametrize("case", TYPED)
def test_typed_templates_are_refused_and_never_run(
    template: Path, tmp_path: Path, case: str
) -> None:
    """An answer typed at the prompt reaches the refusal as it was typed."""
    text = fill(TYPED[case], tmp_path)
    run = rendering.command_line(template, tmp_path, typed=f"{text}\nwind\n\n\n\n\n")
    assert run.returncode == 1
    assert f"error: project_name {shown(text)} cannot be used\n  it holds {{" in run.stderr
    assert rendering.contents(tmp_path) == {}


def test_open_templates_on_the_command_line_make_nothing(template: Path, tmp_path: Path) -> None:
    """An unfinished template stops cookiecutter itself, before any hook; nothing is made."""
    run = rendering.command_line(template, tmp_path, "project_name=a {{ b")
    assert run.returncode == 1
    assert rendering.contents(tmp_path) == {}


@pytest.fixture(scope="module")
def old_cookiecutter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the cookiecutter of Debian 12, which leaves private variables as they are."""
    folder = tmp_path_factory.mktemp("old")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet"]
    wanted = ["cookiecutter==1.7.3", "setuptools<81", "MarkupSafe<4"]
    done = subprocess.run([*pip, *wanted], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"cookiecutter 1.7.3 cannot be installed here: {done.stderr[-300:]}")
    return folder / "bin" / "cookiecutter"


@pytest.mark.parametrize("name", ["Wind & Snow", "'; touch {marker}; '", '"""; import os #'])
def test_an_old_cookiecutter_makes_nothing(
    template: Path, tmp_path: Path, old_cookiecutter: Path, name: str
) -> None:
    """A cookiecutter that would leave template code in the project is refused, with the way out."""
    (tmp_path / "home").mkdir()
    (tmp_path / "out").mkdir()
    run = subprocess.run(
        [old_cookiecutter, "--no-input", template, f"project_name={fill(name, tmp_path)}"],
        cwd=tmp_path / "out",
        env=os.environ | {"HOME": str(tmp_path / "home"), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    assert run.returncode != 0
    assert "error: cookiecutter 1.7.3 would leave template code in your project\n" in run.stderr
    assert "ck/bin/pip install cookiecutter" in run.stderr
    assert list((tmp_path / "out").iterdir()) == []
    assert not (tmp_path / "marker").exists()


def test_derived_text_that_was_not_derived_is_refused(
    template: Path, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    """Whatever the version says, a derived value with template code in it is never rendered."""
    answers = ANSWERS | {"__author": "{% raw %}{{ cookiecutter.author }}{% endraw %}"}
    run = rendering.command_line(template, tmp_path, *[f"{k}={v}" for k, v in answers.items()])
    assert run.returncode != 0
    assert "would leave template code in your project" in run.stderr
    assert rendering.contents(tmp_path) == {}


def test_variables_of_a_hook_point_nowhere(template: Path, tmp_path: Path) -> None:
    """A project that is made inside a git hook is a repository of its own; the other one stays."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("", encoding="utf-8")
    rendering.commit_all(other)
    names = {"GIT_DIR": ".git", "GIT_COMMON_DIR": ".git", "GIT_INDEX_FILE": ".git/index"}
    hook = {name: str(other / place) for name, place in names.items()}
    hook["GIT_CONFIG_PARAMETERS"] = f"'core.worktree'='{other}'"
    made = tmp_path / "made"
    made.mkdir()
    run = rendering.command_line(template, made, **hook)
    assert run.returncode == 0, run.stderr
    assert git(next(made.iterdir()), "rev-list", "--count", "HEAD") == "1"
    assert git(other, "rev-list", "--count", "HEAD") == "1"
    assert git(other, "status", "--porcelain") == ""
