"""What is committed can be published, and the documents speak of things that exist."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import rendering
from rendering import PAYLOAD, REPOSITORY, git, tracked, wheel

DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/decisions.md",
    "docs/architecture.md",
    "docs/sources.md",
]
# Written so that this file does not find itself.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b|Not" r"ImplementedError")
PERSONAL = re.compile(
    r"(?<![\w.}/-])/(wo" r"rk|ro" r"ot|far" r"m|ho" r"me|Us" r"ers)/\w|/tmp/ba" r"sh_"
)


CLOCKS = re.compile(
    r"\b(mono" r"tonic|perf_" r"counter|process_" r"time|getru" r"sage|os\.ti" r"mes)\b"
)


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Read every text file that is in git or would be added to it."""
    found = {}
    for name in rendering.tracked(REPOSITORY):
        content = (REPOSITORY / name).read_bytes()
        if b"\0" not in content:
            found[name] = content.decode("utf-8")
    return found


def found_in(texts: dict[str, str], pattern: re.Pattern[str]) -> list[str]:
    """List the places of a pattern as name:line."""
    return [
        f"{name}:{number}: {line.strip()[:80]}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_nothing_is_unfinished(texts: dict[str, str]) -> None:
    """No file, lock files apart, says that something is left to be done."""
    assert found_in({k: v for k, v in texts.items() if "lock" not in k}, UNFINISHED) == []


def test_no_test_asks_how_long_something_took(texts: dict[str, str]) -> None:
    """A busy machine makes no test fail: none looks at a clock that measures."""
    tests = {name: text for name, text in texts.items() if name.startswith("tests/test_")}
    assert found_in(tests, CLOCKS) == []


def test_no_path_of_a_machine(texts: dict[str, str]) -> None:
    """No file names a folder of the person who wrote it, nor the place of this checkout."""
    here = re.compile(re.escape(str(REPOSITORY)) + r"(?![\w-])")
    assert found_in(texts, PERSONAL) + found_in(texts, here) == []


def test_no_package_registry(texts: dict[str, str]) -> None:
    """No file names the host from which this machine gets its Python packages."""
    program = (
        "from pip._internal.models.index import PyPI as p; print(p.url, p.file_storage_domain)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    addresses = [*run.stdout.split(), os.environ.get("PIP_INDEX_URL", "")]
    hosts = {re.sub(r"^\w+://([^/@]*@)?|[:/].*$", "", address) for address in addresses} - {""}
    for host in hosts:
        assert found_in(texts, re.compile(rf"\b{re.escape(host)}\b")) == []


@pytest.mark.parametrize("lock", ["poetry.lock", f"{PAYLOAD}/poetry.lock"])
def test_locks_name_no_source(texts: dict[str, str], lock: str) -> None:
    """A lock names hashes and no place, but for the wheel that lies beside it."""
    sources = [p["source"]["url"] for p in tomllib.loads(texts[lock])["package"] if "source" in p]
    assert [url for url in sources if not url.startswith("vendor/labflake-")] == []
    assert "sha256:" in texts[lock]


def test_the_template_brings_the_wheel_of_these_sources() -> None:
    """The wheel in the template has, byte for byte, what `src/` builds: else, make wheel."""
    (brought,) = (REPOSITORY / PAYLOAD / "vendor").glob("labflake-*.whl")
    assert brought.name == wheel().name
    assert brought.read_bytes() == wheel().read_bytes()
    digest = hashlib.sha256(brought.read_bytes()).hexdigest()
    assert f'{{file = "{brought.name}", hash = "sha256:{digest}"}}' in (
        REPOSITORY / PAYLOAD / "poetry.lock"
    ).read_text(encoding="utf-8")


def test_the_lock_of_the_template_has_what_the_wheel_needs() -> None:
    """The lock says what labflake depends on as `pyproject.toml` does: else, make lock."""
    locked = tomllib.loads((REPOSITORY / PAYLOAD / "poetry.lock").read_text(encoding="utf-8"))
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    (entry,) = [each for each in locked["package"] if each["name"] == "labflake"]
    asked = dict(
        re.split(r"(?=[<>=])", each, maxsplit=1) for each in declared["project"]["dependencies"]
    )
    assert entry["dependencies"] == asked


def test_files_end_with_one_line_break(texts: dict[str, str]) -> None:
    """Text files use line feeds, end with exactly one, and have no blanks at the ends of lines."""
    bad = [name for name, text in texts.items() if text and not re.search(r"[^\n]\n\Z", text)]
    trailing = found_in(
        {k: v for k, v in texts.items() if "lock" not in k}, re.compile(r"[ \t\r]$")
    )
    assert bad + trailing == []


@pytest.mark.parametrize("folder", [".", PAYLOAD], ids=["repository", "project"])
def test_commands_of_the_readme_exist(texts: dict[str, str], folder: str) -> None:
    """Each `make` command in a README is a target of the Makefile beside it."""
    prefix = "" if folder == "." else f"{folder}/"
    readme, makefile = texts[f"{prefix}README.md"], texts[f"{prefix}Makefile"]
    if folder == ".":
        makefile += texts[f"{PAYLOAD}/Makefile"]
    written = re.findall(
        r"(?:`|^ {4}|, then `)make +([a-z][a-z-]*)(?![\w/=])", readme, re.MULTILINE
    )
    assert written
    assert sorted(set(written) - set(targets(makefile))) == []


def test_the_projects_readme_explains_every_command(texts: dict[str, str]) -> None:
    """Each command that `make help` shows is in the table of the project's README."""
    table = [line for line in texts[f"{PAYLOAD}/README.md"].splitlines() if line.startswith("| `")]
    explained = re.findall(r"`make ([a-z-]+)", "\n".join(table))
    asked = set(targets(texts[f"{PAYLOAD}/Makefile"])) - {"build", "help"}
    assert sorted(asked - set(explained)) == []


def targets(makefile: str) -> list[str]:
    """List the documented targets of a Makefile."""
    return re.findall(r"^([a-z-]+):.*  ## ", makefile, re.MULTILINE)


def test_readme_begins_with_what_people_do(texts: dict[str, str]) -> None:
    """The first fifteen lines say how to try, to test and to start a project."""
    start = "\n".join(texts["README.md"].splitlines()[:15])
    commands = ["make demo", "make test", "cookiecutter gh:OWNER/labflake"]
    assert [c for c in [*commands, "nix run github:OWNER/labflake"] if c not in start] == []


@pytest.mark.parametrize("document", ["README.md", f"{PAYLOAD}/README.md", "CONTRIBUTING.md"])
def test_trees_name_what_exists(texts: dict[str, str], document: str) -> None:
    """Every file and folder in the tree of a document is there, or is made by a build."""
    folder = "" if document == "CONTRIBUTING.md" else f"{PAYLOAD}/"
    there = {f"{parent}/" for name in texts for parent in Path(name).parents} | set(texts)
    lines = re.findall(r"^ {4}(\S.*?) {2,}\S", texts[document], re.MULTILINE)
    names = [n for line in lines for n in line.split() if "/" in n or "." in n or n == "Makefile"]
    written = [n for n in names if "<experiment>" not in n and "gh:" not in n]
    assert len(written) > 4
    assert [name for name in written if folder + name not in there] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(texts: dict[str, str], document: str) -> None:
    """Links to files of the repository name files of the repository."""
    links = re.findall(r"\]\(([^)#:]+)\)", texts[document])
    folder = (REPOSITORY / document).parent
    assert [link for link in links if not (folder / link).exists()] == []


def test_hook_template_marks_are_data() -> None:
    """The hooks hold Jinja only where answers arrive, as one literal that `tojson` fills."""
    for hook in (REPOSITORY / "hooks").glob("*.py"):
        lines = hook.read_text(encoding="utf-8").splitlines()
        jinja = [line for line in lines if re.search(r"\{[{%#]", line)]
        assert [
            line
            for line in jinja
            if not re.fullmatch(r'[A-Z_]+ = r"""\{\{ .* \| tojson \}\}"""', line)
        ] == []


def test_the_lock_of_the_project_is_used_by_its_flake() -> None:
    """Both flake locks are the same: the project's tools are the ones that are tested here."""
    ours = (REPOSITORY / "flake.lock").read_bytes()
    assert ours == Path(REPOSITORY / PAYLOAD / "flake.lock").read_bytes()


@pytest.mark.long
def test_the_demo_is_under_version_control_on_a_machine_without_an_identity(tmp_path: Path) -> None:
    """`make demo` commits as itself, so its report names a commit and not "no version control"."""
    copy = tmp_path / "copy"
    for name in tracked(REPOSITORY):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, copy / name)
    (copy / ".venv").symlink_to((REPOSITORY / ".venv").resolve())
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") and k != "EMAIL"}
    env |= {"HOME": str(tmp_path)}
    command = ["make", "demo", "SHOWN=none-of-these"]  # stops before the sample is built
    subprocess.run(command, cwd=copy, env=env, capture_output=True)
    project = copy / "demo" / "research-project"
    assert (
        git(project, "log", "-1", "--format=%an %s") == "labflake Start the project from labflake"
    )
