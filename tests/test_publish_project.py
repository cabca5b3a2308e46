"""`make publish` in a project: what it refuses, whose token it takes, and what others see."""

import os
import re
import subprocess
import threading
from pathlib import Path

import building
import pytest
import rendering
from building import TINY
from publishing import FORGES, bodies, git, steps
from servers.forges import TOKEN, Answer, Gitea
from waiting import PATIENCE

from labflake.errors import LabError
from labflake.publish import marks, page, remotes, settings, tokens

SNAKEFILE = """
    from labflake import code, step


    rule all:
        input:
            "assets/data/table.json",
            "assets/figures/plot1.svg",


    rule table:
        output:
            "assets/data/table.json",
        params:
            best=config["best"],
        shell:
            step("echo '{{\\"best\\": {params.best}}}' > {output}")


    rule plot:
        input:
            code=code("plot.py"),
        output:
            "assets/figures/plot1.svg",
        shell:
            step("python {input.code[0]} {output}")
"""
PLOT = '''
    """Draw a rectangle."""

    import sys
    from pathlib import Path

    svg = "<svg xmlns='http://www.w3.org/2000/svg' width='90' height='60'>{}</svg>"
    Path(sys.argv[1]).write_text(svg.format("<rect width='90' height='60'/>"))
'''
REPORT = """
    ---
    title: "The best is `{python} best`"
    question: Which is the best?
    abstract: |
      It is `{python} best`, says \\@someone.
    metrics:
      best: table.json#best
    ---

    ```python
    #| show: none
    from labflake import load

    best = load("table")["best"]
    ```

    ![The best of `{python} best`.](../../generated/2024-02-29-Tiny/assets/figures/plot1.svg)
"""


@pytest.fixture(scope="module")
def original(built, tmp_path_factory) -> Path:
    """Build a small experiment on a branch of its name, all of it committed."""
    folder = tmp_path_factory.mktemp("publish")
    project = building.copy(built, folder / "project", generated=False)
    rendering.commit_all(project, "Start") if not (project / ".git").exists() else None
    git(project, "switch", "-q", "-c", TINY)
    texts = {"config_yaml": "best: 7\n", "report_md": REPORT, "plot_py": PLOT}
    building.experiment(project, TINY, Snakefile=SNAKEFILE, **texts)
    for path in (project / "tests").glob("test_[e-z]*.py"):
        path.unlink()
    git(project, "add", "-A")
    git(project, "commit", "-qm", "Tiny")
    building.made(project, CACHE=str(folder / "cache"))
    assert git(project, "status", "--porcelain") == ""
    return project


@pytest.fixture
def project(original, tmp_path) -> Path:
    """Give the project with a bare repository, to which the branch is pushed."""
    place = tmp_path / "project"
    building.copy(original, place)
    git(tmp_path, "init", "-q", "--bare", "bare.git")
    return place


@pytest.fixture
def gitea(project):
    """Start Gitea as the server of the project's remote."""
    with Gitea() as server:
        connect(project, server)
        yield server
    assert server.problems == []


def connect(project: Path, server) -> None:
    """Name a server as the remote; what git itself wants of it is in the bare repository."""
    url = f"{server.url}/{server.path}.git"
    git(project, "remote", "add", "origin", url)
    git(project, "config", f"url.{project.parent / 'bare.git'}.insteadOf", url)
    git(project, "push", "-q", "origin", TINY)


def publish(project: Path, *words: str, **variables: str) -> tuple[int, str]:
    """Run `make publish` with a token; return the exit code and all that was printed."""
    given = {"GITEA_TOKEN": TOKEN, "GIT_CONFIG_NOSYSTEM": "1"} | variables
    done = building.make(project, "publish", *words, CACHE="off", **given)
    return done.returncode, done.stdout + done.stderr


def test_results_are_published(project, gitea):
    """The comment has numbers, figure, report and commands, of the commit that is pushed."""
    code, said = publish(project)
    assert code == 0, said
    [pull] = gitea.pulls
    assert (pull["head"], pull["title"]) == (TINY, "The best is 7")
    [body] = bodies(gitea)
    mark = marks.read(body)
    assert mark.commit == git(project, "rev-parse", "HEAD")
    assert mark.metrics == {"best": ["7", 7.0]}
    kinds = sorted(name.rpartition(".")[2] for name in gitea.files["pull1"])
    assert kinds == ["pdf", "png"]
    assert f"make generated/{TINY}/assets/figures/plot1.svg" in body
    assert "The best of 7." in body
    assert "@someone" not in body
    assert publish(project) == (0, f"nothing new: {gitea.url}/ann/study/pulls/1\n")


def test_what_others_do_not_have_is_refused(project, gitea):
    """Changed files, new ones and a commit that is not pushed are named; nothing is sent."""
    git(project, "commit", "-q", "--allow-empty", "-m", "More")
    (project / "scripts" / TINY / "config.yaml").write_text("best: 8\n")
    (project / "src/study/new.py").write_text("")
    code, said = publish(project)
    assert code == 2
    assert f"not committed: scripts/{TINY}/config.yaml, src/study/new.py" in said
    assert f"not pushed: commit {git(project, 'rev-parse', 'HEAD')[:12]}" in said
    assert "git push origin" in said
    assert "the artifacts are not what this commit builds" in said
    assert gitea.requests("POST", "") == []


def test_a_commit_with_others_after_it_is_published(project, gitea):
    """Where somebody pushed more, the commit is there all the same."""
    git(project, "commit", "-q", "--allow-empty", "-m", "More")
    git(project, "push", "-q", "origin", TINY)
    git(project, "reset", "-q", "--hard", "HEAD^")
    code, said = publish(project)
    assert code == 0, said


def test_artifacts_that_were_edited_are_refused(project, gitea):
    """An artifact that no step made so is not published."""
    (project / "generated" / TINY / "assets/data/table.json").write_text('{"best": 8}')
    code, said = publish(project)
    assert code == 2
    assert "the artifacts are not what this commit builds" in said
    assert gitea.requests("POST", "") == []


@pytest.mark.long
def test_what_was_built_before_it_was_committed_is_refused(project, gitea):
    """A document that was made of a text without commit does not name this one."""
    path = project / "scripts" / TINY / "report.md"
    path.write_text(path.read_text() + "\nMore.\n")
    building.made(project, CACHE="off")
    git(project, "commit", "-qam", "More")
    git(project, "push", "-q", "origin", TINY)
    _, said = publish(project)
    assert "report.md is older: make" in said


def test_a_page_instead(project):
    """DRY_RUN=1 writes the page without a remote or a token, and says what is in the way."""
    code, said = publish(project, DRY_RUN="1")
    assert code == 0, said
    page = (project / "generated" / TINY / ".labflake/publish.html").read_text(encoding="utf-8")
    assert "The best is 7" in page
    assert "data:image/png;base64," in page
    assert "git has no remote" in said
    assert not re.search(r'(src|href)="(?!data:|#)', page)


@pytest.mark.long
def test_the_token_is_seen_nowhere(project, gitea):
    """It is in no output, no file and no process list, wherever it comes from, also in an error."""
    helper = f"!f() {{ echo username=ann; echo password={TOKEN}; }}; f"
    git(project, "config", "credential.helper", helper)
    stop, seen = threading.Event(), []

    def watch() -> None:
        while not stop.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    words = path.read_bytes()
                except OSError:
                    continue
                if TOKEN.encode() in words and b"f() {" not in words:  # the helper has it itself
                    seen.append(words)

    watcher = threading.Thread(target=watch)
    watcher.start()
    code, said = publish(project, GITEA_TOKEN="")
    gitea.disturb("GET", "pulls$", Answer(422, {"message": f"no {TOKEN}"}))
    refused, words = publish(project, GITEA_TOKEN="")
    stop.set()
    watcher.join()
    assert (code, refused) == (0, 2), said + words
    assert seen == []
    assert TOKEN not in said + words
    assert "no …" in words
    held = [p for p in project.rglob("*") if p.is_file() and not p.is_symlink()]
    held = [p for p in held if ".venv" not in p.parts and p != project / ".git/config"]
    assert [p for p in held if TOKEN.encode() in p.read_bytes()] == []


@pytest.mark.parametrize(
    ("written", "web", "path"),
    [
        ("https://github.com/ann/study.git", "https://github.com", "ann/study"),
        (
            "https://ann:pw@git.example.org:3000/ann/study",
            "https://git.example.org:3000",
            "ann/study",
        ),
        ("git@gitlab.com:group/sub/study.git", "https://gitlab.com", "group/sub/study"),
        ("ssh://git@git.example.org:2222/ann/study.git", "https://git.example.org", "ann/study"),
        ("ssh://git@ssh.github.com:443/ann/study.git", "https://github.com", "ann/study"),
        ("git@github.com:/ann/study.git", "https://github.com", "ann/study"),
        ("codeberg.org:ann/study", "https://codeberg.org", "ann/study"),
        ("https://x.org/a%2Db/study/", "https://x.org", "a-b/study"),
        ("ssh://git@[2001:db8::1]:22/ann/study.git", "https://[2001:db8::1]", "ann/study"),
        ("http://127.0.0.1:3000/ann/study.git", "http://127.0.0.1:3000", "ann/study"),
    ],
)
def test_addresses_of_remotes(written, web, path):
    """The server and the repository are found from what git has."""
    found = remotes.parsed("origin", written)
    assert (found.web, found.path) == (web, path)


@pytest.mark.parametrize(
    "written",
    [
        "/srv/git/study.git",
        "../study.git",
        "file:///srv/study.git",
        "ext::sh -c touch% /tmp/x",
        "https://x.org/ann/../bob/study",
        "https://x.org/a\nhost=evil.org/b",
        "https://x.org/",
        "-oProxyCommand=x:ann/study",
        "http://git.example.org/ann/study.git",
        "https://ann:pw-Secret-91@/study",
    ],
)
def test_addresses_of_no_forge(written):
    """What is no address of a forge is refused with what to do, and shows no password."""
    with pytest.raises(LabError) as refused:
        remotes.parsed("origin", written)
    assert "[tool.labflake.publish]" in str(refused.value)
    assert "pw-Secret-91" not in str(refused.value)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("branch.work.remote", "."), ("remote.pushDefault", "https://x.org/a/b"), ("a.b", "c")],
)
def test_which_remote_is_meant(tmp_path, monkeypatch, setting, value):
    """It is the one that the branch is pushed to, whatever else git calls a remote."""
    (tmp_path / "pyproject.toml").write_text("[tool.labflake]\n")
    rendering.commit_all(tmp_path)
    git(tmp_path, "switch", "-q", "-c", "work")
    monkeypatch.setenv("LABFLAKE_PROJECT", str(tmp_path))
    for name in ("origin", "lab"):
        git(tmp_path, "remote", "add", name, f"https://git.uni.org/{name}/study")
    git(tmp_path, "config", setting, value)
    assert remotes.find(settings.Settings()).path == "origin/study"
    git(tmp_path, "config", "branch.work.pushRemote", "lab")
    assert remotes.find(settings.Settings()).path == "lab/study"
    assert remotes.find(settings.Settings(remote="origin")).path == "origin/study"


@pytest.mark.parametrize(
    ("upstream", "into", "expected"),
    [
        ("git@git.uni.org:lab/study.git", "", ["lab/study", "ann/study"]),
        ("https://git.uni.org:3000/lab/study", "upstream", ["lab/study"]),
        ("https://git.uni.org/lab/study", "origin", ["ann/study"]),
        ("https://git.uni.org/ann/study.git", "", ["ann/study"]),
        ("https://git.elsewhere.org/lab/study", "", []),
        ("", "", []),
    ],
)
def test_which_repository_gets_the_pull_request(tmp_path, monkeypatch, upstream, into, expected):
    """It is that of the setting, else that of a remote `upstream` on the same server."""
    (tmp_path / "pyproject.toml").write_text("[tool.labflake]\n")
    rendering.commit_all(tmp_path)
    monkeypatch.setenv("LABFLAKE_PROJECT", str(tmp_path))
    git(tmp_path, "remote", "add", "origin", "https://git.uni.org/ann/study.git")
    if upstream:
        git(tmp_path, "remote", "add", "upstream", upstream)
    chosen = settings.Settings(into=into)
    own = remotes.find(chosen)
    found = remotes.targets(chosen, own)
    assert [each.path for each in found] == expected
    assert {each.web for each in found} <= {own.web}


@pytest.mark.parametrize("upstream", ["", "https://git.elsewhere.org/lab/study"])
def test_a_repository_that_cannot_get_the_pull_request(tmp_path, monkeypatch, upstream):
    """A setting that names no remote, or one of another server, is an error with its value."""
    (tmp_path / "pyproject.toml").write_text("[tool.labflake]\n")
    rendering.commit_all(tmp_path)
    monkeypatch.setenv("LABFLAKE_PROJECT", str(tmp_path))
    if upstream:
        git(tmp_path, "remote", "add", "lab", upstream)
    own = remotes.parsed("origin", "https://git.uni.org/ann/study.git")
    with pytest.raises(LabError, match="into is 'lab'"):
        remotes.targets(settings.Settings(into="lab"), own)


def test_the_address_of_a_server_in_a_folder():
    """A server whose pages are elsewhere than git's address says is set, with its folder."""
    found = remotes.parsed("origin", "https://x.org/git/ann/study.git", "https://x.org/git/")
    assert (found.page, found.path) == ("https://x.org/git/ann/study", "ann/study")


@pytest.mark.parametrize(
    ("forge", "web", "variables", "origin"),
    [
        ("github", "https://github.com", {"GITHUB_TOKEN": "x", "GH_TOKEN": "y"}, "GH_TOKEN"),
        ("github", "https://git.uni.org", {"GH_TOKEN": "x", "GH_ENTERPRISE_TOKEN": "y"},
         "GH_ENTERPRISE_TOKEN"),
        ("gitea", "https://git.uni.org", {"GITHUB_TOKEN": "x", "GITEA_TOKEN": "y"}, "GITEA_TOKEN"),
        ("gitea", "https://git.uni.org",
         {"GITHUB_TOKEN": "x", "GITHUB_SERVER_URL": "https://git.uni.org"}, "GITHUB_TOKEN"),
        ("gitlab", "https://gl.uni.org",
         {"CI_JOB_TOKEN": "x", "CI_SERVER_URL": "https://gl.uni.org"}, "CI_JOB_TOKEN"),
        ("gitea", "https://git.uni.org", {"GITHUB_TOKEN": "x"}, None),
        ("github", "https://github.com",
         {"GITHUB_TOKEN": "x", "GITHUB_SERVER_URL": "https://git.uni.org"}, None),
        ("gitlab", "https://evil.org",
         {"CI_JOB_TOKEN": "x", "CI_SERVER_URL": "https://gl.uni.org"}, None),
    ],
)  # fmt: skip
def test_whose_token_it_is(monkeypatch, forge, web, variables, origin, tmp_path):
    """A token goes to the server that it belongs to, and to no other."""
    monkeypatch.setenv("LABFLAKE_PROJECT", str(tmp_path))
    for name in [n for n in os.environ if n.endswith("_TOKEN") or n.endswith("_SERVER_URL")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    remote = remotes.Remote("origin", web, "ann/study")
    if origin:
        assert tokens.find(forge, remote).origin == origin
        return
    with pytest.raises(LabError, match="there is no token for"):
        tokens.find(forge, remote)


@pytest.mark.parametrize("value", ["two words", "line\nbreak", "tok\u00e9n\u2026", "\u202etoken"])
def test_what_no_token_can_be(monkeypatch, tmp_path, value):
    """What no header takes is refused before anything is sent, and is not shown."""
    monkeypatch.setenv("LABFLAKE_PROJECT", str(tmp_path))
    monkeypatch.setenv("GITEA_TOKEN", value)
    with pytest.raises(LabError, match="what GITEA_TOKEN holds is no token") as refused:
        tokens.find("gitea", remotes.Remote("origin", "https://git.uni.org", "ann/study"))
    assert value not in str(refused.value)


@pytest.mark.parametrize(
    ("helper", "expected"),
    [
        ("!echo rubbish; echo =; echo", "there is no token"),
        ("!printf 'password=\\377\\376\\n'", "is no token"),
        ("!sleep 60; echo", "did not answer"),
        ("/no/such/program", "there is no token"),
    ],
)
def test_helpers_that_do_not_help(monkeypatch, tmp_path, helper, expected):
    """A helper of git that says rubbish, or nothing for ever, ends in an error."""
    monkeypatch.setattr(tokens, "_PATIENCE", 2 if "sleep" in helper else PATIENCE)
    monkeypatch.setenv("LABFLAKE_PROJECT", str(tmp_path))
    for name in [n for n in os.environ if n.endswith("_TOKEN")]:
        monkeypatch.delenv(name)
    (tmp_path / "pyproject.toml").write_text("[tool.labflake]\n")
    rendering.commit_all(tmp_path)
    git(tmp_path, "config", "credential.helper", "")
    git(tmp_path, "config", "--add", "credential.helper", helper)
    with pytest.raises(LabError, match=expected):
        tokens.find("gitea", remotes.Remote("origin", "https://git.uni.org", "ann/study"))


def test_what_git_makes_of_an_address(tmp_path, monkeypatch):
    """A short form is what git's settings make of it; what names a server is taken as written."""
    (tmp_path / "pyproject.toml").write_text("[tool.labflake]\n")
    rendering.commit_all(tmp_path)
    monkeypatch.setenv("LABFLAKE_PROJECT", str(tmp_path))
    git(tmp_path, "remote", "add", "origin", "lab:ann/study.git/")
    git(tmp_path, "config", "url.ssh://git@git.uni.org:2222/.insteadOf", "lab:")
    assert remotes.find(settings.Settings()).page == "https://git.uni.org/ann/study"
    git(tmp_path, "config", "url./srv/mirror/.insteadOf", "https://git.uni.org/")
    git(tmp_path, "remote", "set-url", "origin", "https://git.uni.org/ann/study")
    assert remotes.find(settings.Settings()).page == "https://git.uni.org/ann/study"


def test_pushes_that_go_elsewhere(project):
    """Where pushes go to a fork, the branch is there, and the pull request where it is fetched."""
    with Gitea() as server:
        server.fork = "eve/fork"
        for path, place in [(server.path, "lab.git"), (server.fork, "bare.git")]:
            git(project.parent, "init", "-q", "--bare", place)
            url = f"{server.url}/{path}"
            git(project, "config", f"url.{project.parent / place}.insteadOf", url)
        git(project, "remote", "add", "origin", f"{server.url}/{server.path}")
        git(project, "remote", "set-url", "--push", "origin", f"{server.url}/{server.fork}")
        git(project, "push", "-q", "origin", TINY)
        code, said = publish(project)
        assert code == 0, said
        assert [pull.get("fork") for pull in server.pulls] == [server.fork]
    assert server.problems == []


def test_a_branch_that_went_on(project, gitea):
    """What somebody else pushed is looked at; where it replaced ours, the error says to pull it."""
    other = project.parent / "other"
    git(project.parent, "clone", "-q", "--branch", TINY, "bare.git", str(other))
    git(other, "commit", "-q", "--allow-empty", "-m", "More")
    git(other, "push", "-q")
    code, said = publish(project)
    assert code == 0, said
    git(other, "reset", "-q", "--hard", "HEAD^^")
    git(other, "commit", "-q", "--allow-empty", "-m", "Another")
    git(other, "push", "-q", "--force")
    code, said = publish(project)
    assert code == 2
    assert f"git pull origin {TINY}" in said


@pytest.mark.long
def test_two_at_once(project, gitea):
    """Two of them at the same time post one comment."""
    found = []
    runs = [threading.Thread(target=lambda: found.append(publish(project))) for _ in range(2)]
    for each in runs:
        each.start()
    for each in runs:
        each.join()
    assert [code for code, _ in found] == [0, 0], found
    assert len(bodies(gitea)) == 1


def test_a_page_of_odd_words(in_the_template):
    """Words that look like our own addresses are words."""
    text = '[a](file-x) "file-y"'
    assert "file-x" in page.with_files(page.html(text), {"z": "data:,"})


def test_settings_that_mean_nothing(monkeypatch, tmp_path):
    """A misspelt setting is named with the one that it is like."""
    monkeypatch.setenv("LABFLAKE_PROJECT", str(tmp_path))
    text = "[tool.labflake.publish]\n{}\n"
    (tmp_path / "pyproject.toml").write_text(text.format('forg = "gitea"'))
    with pytest.raises(LabError, match="did you mean forge"):
        settings.read()
    (tmp_path / "pyproject.toml").write_text(text.format('files = "attic"'))
    with pytest.raises(LabError, match="attachments, release, branch"):
        settings.read()


@pytest.mark.long
@pytest.mark.parametrize("forge", ["github", "gitlab"])
def test_forges_by_setting(project, forge):
    """GitHub and GitLab get the comment as well, with the token that is for them."""
    with FORGES[forge]() as server:
        path = project / "pyproject.toml"
        path.write_text(path.read_text() + f'\n[tool.labflake.publish]\nforge = "{forge}"\n')
        git(project, "commit", "-qam", "Publish")
        connect(project, server)
        code, said = publish(project, GITHUB_TOKEN=TOKEN, GITLAB_TOKEN=TOKEN)
        assert code == 0, said
        assert len(bodies(server)) == 1
    assert server.problems == []


@pytest.mark.long
def test_a_job_builds_and_publishes(project, tmp_path):
    """In a fresh clone of a pull request's branch a job builds what it touches, and posts it."""
    with Gitea() as server:
        url = f"{server.url}/{server.path}.git"
        bare = tmp_path / "bare.git"
        git(project, "push", "-q", str(bare), "main", TINY)
        clone = tmp_path / "clone"
        git(tmp_path, "clone", "-q", "--branch", TINY, str(bare), str(clone))
        (clone / ".venv").symlink_to((project / ".venv").resolve())
        git(clone, "remote", "set-url", "origin", url)
        git(clone, "config", f"url.{bare}.insteadOf", url)
        server.pull(TINY)
        printed = ""
        job = {"CI": "true", "GITEA_ACTIONS": "true", "GITHUB_SERVER_URL": server.url}
        job |= {"GITHUB_HEAD_REF": TINY, "GITHUB_BASE_REF": "main"}
        for step in steps("pull_request"):
            own = {n: TOKEN if "github.token" in v else v for n, v in step.get("env", {}).items()}
            env = building.variables() | {"LABFLAKE_CACHE": str(tmp_path / "cache")} | job | own
            done = subprocess.run(
                ["bash", "-e", "-c", step["run"]],
                cwd=clone,
                env=env,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            printed += done.stdout
        assert re.search(rf"build --experiment={TINY} .*--locked", printed)
        assert server.problems == []
        assert len(bodies(server)) == 1
        assert (clone / "generated" / TINY / "outputs/report.pdf").is_file()
        assert [p.name for p in (clone / "generated").iterdir() if p.name[0] != "."] == [TINY]
