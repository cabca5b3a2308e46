"""`make publish`: one comment on the pull request, never half, never twice, never a token in it."""

import re
from dataclasses import replace
from urllib.parse import quote, urlencode

import publishing
import pytest
from publishing import BRANCH, FORGES, NAME, bodies, error, post, result
from servers.forges import OTHER, TOKEN, Answer

from labflake.errors import LabError
from labflake.project import experiments
from labflake.publish import client, comment, marks
from labflake.publish.comment import Before
from labflake.site import metrics
from labflake.site.metrics import Metric

pytestmark = pytest.mark.usefixtures("in_the_template")


@pytest.fixture(params=FORGES)
def server(request, monkeypatch):
    """Start a forge of each kind, which does not let us wait long."""
    monkeypatch.setattr(client, "PAUSE", 0.01)
    with FORGES[request.param]() as forge:
        yield forge
    assert [p for p in forge.problems if "version" not in p] == []


@pytest.fixture
def gitea(monkeypatch):
    """Start Gitea."""
    monkeypatch.setattr(client, "PAUSE", 0.01)
    with FORGES["gitea"]() as forge:
        yield forge
    assert forge.problems == []


@pytest.fixture
def github(monkeypatch):
    """Start GitHub."""
    monkeypatch.setattr(client, "PAUSE", 0.01)
    with FORGES["github"]() as forge:
        yield forge
    assert forge.problems == []


def held(server) -> dict[str, bytes]:
    """Return all files of a server by name."""
    return {n.rpartition("/")[2]: c for files in server.files.values() for n, c in files.items()}


def is_whole(server, body: str) -> bool:
    """Tell whether a comment is one of ours and all that it shows is there."""
    mark = marks.read(body)
    shown = re.findall(r"\]\((\S+?)\)", body)
    return bool(mark) and len(mark.files) == 3 and all(a in shown for a in mark.files.values())


def test_the_pull_request_is_opened_and_commented(server, tmp_path):
    """Where there is none, one is opened with title, question and abstract, and one comment."""
    assert post(server, tmp_path) == "posted"
    [pull] = server.pulls
    assert (pull["head"], pull["base"], pull["title"]) == (BRANCH, "main", "Does shrinkage help?")
    assert "How much?" in pull["body"]
    assert "It gains 2.5 nats." in pull["body"]
    [body] = bodies(server)
    assert is_whole(server, body)
    assert held(server).keys() == marks.read(body).files.keys()


def test_an_open_pull_request_is_found_behind_many(server, tmp_path):
    """The one of this branch is taken, not that of a fork, a closed one, or one on a later page."""
    server.pull(BRANCH, merged=True)
    number = server.pull(BRANCH)
    for other in range(7):
        server.pull(f"other-{other}")
    server.pull(BRANCH, fork="mallory/study")
    post(server, tmp_path)
    assert [n for n, comments in server.comments.items() if comments] == [number]


def test_a_fork_posts_where_it_came_from(server, tmp_path):
    """The pull request of a fork's branch is opened in the repository that is said to get it."""
    server.fork = "eve/fork"
    server.pull(BRANCH)  # of the same name, and somebody else's
    targets = (publishing.remote(server), publishing.remote(server, server.fork))
    assert post(server, tmp_path, targets=targets) == "posted"
    assert server.pulls[1]["fork"] == server.fork
    assert is_whole(server, server.comments[2][0]["body"])
    assert post(server, tmp_path, targets=targets) == "nothing new"
    assert post(server, tmp_path) == "nothing new"  # now it is found without that
    assert [len(each) for each in server.comments.values()] == [0, 1]


def test_a_fork_asks_nobody_unasked(server, tmp_path):
    """Where nobody said which repository gets it, none is opened; the error names both ways."""
    server.fork = "eve/fork"
    said = error(server, tmp_path)
    assert f"git remote add upstream {server.url}/{server.path}.git" in said
    assert 'into = "origin"' in said
    assert server.pulls == []


def test_the_main_branch_has_no_pull_request(server, tmp_path):
    """Results are not posted from the main branch itself; the error says what to do."""
    assert "git switch -c" in error(server, tmp_path, branch="main")
    assert server.pulls == []


def test_a_token_that_may_not_read_the_code(tmp_path):
    """GitLab does not tell it the main branch; the error says what the token needs."""
    with FORGES["gitlab"]() as server:
        server.disturb("GET", "/projects/[^/]+$", Answer(200, {"id": 7}))
        assert "FORGE_TOKEN needs" in error(server, tmp_path)
        assert server.pulls == []


@pytest.mark.long
def test_posting_again_edits_its_own_comment(server, tmp_path):
    """There is one comment afterwards; others stay as they are, wherever ours is among them."""
    number = server.pull(BRANCH)
    foreign = server.comment(number, comment.comment(result(9.0), {}, {}, ""), OTHER)["body"]
    for _ in range(7):
        server.comment(number, "I do not believe it.", OTHER)
    post(server, tmp_path)
    assert post(server, tmp_path, result(3.5)) == "edited"
    assert len(server.comments[number]) == 9
    assert server.comments[number][0]["body"] == foreign
    assert is_whole(server, server.comments[number][-1]["body"])
    assert "3.5 nats" in server.comments[number][-1]["body"]


def test_nothing_new_sends_nothing(server, tmp_path):
    """The same results again write no comment and no file."""
    post(server, tmp_path)
    before = len(server.asked)
    assert post(server, tmp_path) == "nothing new"
    assert {asked.method for asked in server.asked[before:]} == {"GET"}


@pytest.mark.long
def test_old_files_go_and_new_ones_come(server, tmp_path):
    """After an edit the files of the old comment are gone, where the forge can remove them."""
    post(server, tmp_path)
    post(server, tmp_path, result(3.5))
    expected = {each.name for each in result(3.5).files()}
    if server.description != "gitlab":
        assert held(server).keys() == expected
    assert marks.read(bodies(server)[0]).files.keys() == expected


@pytest.mark.long
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_that_breaks_anywhere(server, tmp_path, when):
    """Whichever request breaks, and whether it was done or not, one whole comment comes of it."""
    post(server, tmp_path / "whole")
    writes = [(a.method, a.path) for a in server.asked if a.method != "GET"]
    for number, (method, path) in enumerate(writes):
        with FORGES[server.description]() as other:
            pattern = re.sub(r"\d{3,}", r"\\d+", path) + "$"
            other.disturb(method, pattern, when)
            post(other, tmp_path / str(number))
            assert len(other.pulls) == 1
            [body] = bodies(other)
            assert is_whole(other, body)
            assert other.problems == []


@pytest.mark.long
def test_a_server_that_goes_away(server, tmp_path):
    """Where it stays away, the error says so, no comment is half, and a repeated run goes on."""
    server.pull(BRANCH)
    server.disturb("POST", "(assets|uploads|comments|notes)$", "before", times=100)
    assert "make publish" in error(server, tmp_path)
    assert bodies(server) == []
    server.trouble.clear()
    server.disturb("POST", "(comments|notes)$", "before", times=100)
    assert "make publish" in error(server, tmp_path)
    assert bodies(server) == []
    server.trouble.clear()
    sent = len(server.requests("POST", "(assets|uploads)"))
    assert post(server, tmp_path) == "posted"
    assert len(server.requests("POST", "(assets|uploads)")) == sent
    assert is_whole(server, bodies(server)[0])


@pytest.mark.parametrize(
    "limit",
    [
        Answer(429, {"message": "slow down"}, {"Retry-After": "1"}),
        Answer(403, {"message": "API rate limit exceeded"}, {"X-RateLimit-Remaining": "0",
                                                             "X-RateLimit-Reset": "1"}),
        Answer(403, {"message": "You have exceeded a secondary rate limit"}, {"Retry-After": "1"}),
        Answer(429, {}, {"Retry-After": "0"}),
        Answer(429, {}, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
        Answer(429, {}, {"Retry-After": "-5", "X-RateLimit-Remaining": "0",
                         "X-RateLimit-Reset": "1"}),
    ],
    ids=["429", "403 and when", "403 secondary", "at once", "until a date", "rubbish"],
)  # fmt: skip
def test_a_limit_is_waited_for(gitea, tmp_path, limit, monkeypatch):
    """A server that asks to wait is asked again after that time, also for what makes something."""
    waited = []
    monkeypatch.setattr(client.time, "sleep", waited.append)
    gitea.disturb("POST", "comments$", limit)
    gitea.disturb("GET", "pulls$", limit)
    assert post(gitea, tmp_path) == "posted"
    assert waited == [1.0, 1.0]


@pytest.mark.parametrize("after", ["\u00b2", "9" * 400, "soon", "1e9", "inf", ""])
def test_a_time_to_wait_that_is_none(gitea, tmp_path, after, monkeypatch):
    """Rubbish where a time should be is a minute."""
    waited = []
    monkeypatch.setattr(client.time, "sleep", waited.append)
    gitea.disturb("GET", "pulls$", Answer(429, {}, {"Retry-After": after}))
    assert post(gitea, tmp_path) == "posted"
    assert waited == [60.0]


@pytest.mark.parametrize("said", [None, [], {}, "page", [[1]], [{"number": 1}], {"login": None}])
def test_answers_of_another_server(server, tmp_path, said):
    """Whatever a server says that is no forge, the error asks whether it is one."""
    for method, path in [("GET", "(pulls|merge_requests)$"), ("POST", "(pulls|merge_requests)$")]:
        server.disturb(method, path, Answer(200, said))
        if (method, said) != ("GET", []):
            assert "is that the address of the forge?" in error(server, tmp_path)
        server.trouble.clear()
    assert bodies(server) == []


def test_a_limit_of_hours_is_an_error(gitea, tmp_path):
    """Nobody waits for hours: the error says when it goes on."""
    gitea.disturb("GET", "pulls$", Answer(429, {}, {"Retry-After": "7200"}))
    assert "2 h 0 min" in error(gitea, tmp_path)


def test_refusals_have_the_words_of_the_server(github, tmp_path):
    """A 422 says why in the server's words, and no token is in the message."""
    said = {"resource": "PullRequest", "field": "head", "code": "invalid", "message": f"x {TOKEN}"}
    github.disturb(
        "POST", "pulls$", Answer(422, {"message": "Validation Failed", "errors": [said]})
    )
    message = error(github, tmp_path)
    assert "Validation Failed; x …" in message
    assert "422" in message


def test_a_wrong_token(server, tmp_path):
    """The error says which token it is, and not what it is."""
    with pytest.raises(client.RefusedError) as refused:
        publishing.client(server, "wrong-Secret-token").opened(BRANCH)
    assert refused.value.status == 401
    assert "FORGE_TOKEN" in str(refused.value)
    assert "wrong-Secret" not in str(refused.value)


@pytest.mark.long
@pytest.mark.parametrize("status", [302, 307])
def test_uploads_that_are_sent_on(server, tmp_path, status):
    """A file that is sent on to another place of the server arrives there whole, as a file."""

    def moved(asked):
        query = f"?{urlencode(asked.query)}" if asked.query else ""
        return Answer(status, {}, {"Location": f"{asked.path}{query}"})

    server.disturb("POST", "(assets|uploads)$", moved)
    post(server, tmp_path)
    assert is_whole(server, bodies(server)[0])
    assert sorted(held(server).values()) == sorted(each.content for each in result().files())


def test_another_server_does_not_get_the_token(gitea, tmp_path):
    """Where a server sends us on to another one, that one is asked without the token."""
    elsewhere = gitea.url.replace("127.0.0.1", "localhost")
    path = "/api/v1/repos/ann/study/pulls"
    gitea.disturb("GET", "pulls$", Answer(302, {}, {"Location": f"{elsewhere}{path}"}))
    error(gitea, tmp_path)
    first, second = gitea.requests("GET", "pulls")[:2]
    assert TOKEN in first.headers["Authorization"]
    assert TOKEN not in str(second.headers)


def test_half_an_asset_is_replaced(github, tmp_path):
    """What GitHub keeps of an upload that broke does not stand in the way of the whole file."""
    github.pull(BRANCH)
    github.releases = [f"results-{NAME}"]
    github.put("release1", result().files()[0].name, b"")
    post(github, tmp_path)
    assert held(github)[result().files()[0].name] == result().files()[0].content


@pytest.mark.parametrize("place", ["attachments", "release"])
def test_files_that_a_server_does_not_take(gitea, tmp_path, capsys, place):
    """They are left out and said, with whichever status it refuses; the comment is whole."""
    gitea.kinds = (".png",)
    assert post(gitea, tmp_path, place=place) == "posted"
    assert "outputs/report.pdf is left out" in capsys.readouterr().err
    [body] = bodies(gitea)
    assert "report-" not in re.sub(r"\[labflake.*", "", body)
    assert len(marks.read(body).files) == 2


def test_files_in_a_release_of_gitea(gitea, tmp_path):
    """With files = "release" they are assets of a release of the experiment."""
    assert post(gitea, tmp_path, place="release") == "posted"
    assert gitea.releases == [f"results-{NAME}"]
    assert is_whole(gitea, bodies(gitea)[0])


@pytest.mark.parametrize(("forge", "place"), [("github", "attachments"), ("gitlab", "release")])
def test_a_place_that_a_forge_does_not_have(tmp_path, forge, place):
    """The error names the one that it has."""
    with FORGES[forge]() as server:
        server.pull(BRANCH)
        assert "files = " in error(server, tmp_path, place=place)
        assert bodies(server) == []


def test_files_on_a_branch(server, tmp_path, monkeypatch):
    """With files = "branch" they are one commit without a past; the project's history has none."""
    project, bare = tmp_path / "project", tmp_path / "bare.git"
    project.mkdir()
    publishing.git(tmp_path, "init", "-q", "--bare", str(bare))
    (project / "pyproject.toml").write_text("[tool.labflake]\n")
    publishing.git(project, "init", "-q", "-b", "main")
    publishing.git(project, "add", ".")
    publishing.git(project, "commit", "-qm", "Start")
    publishing.git(project, "remote", "add", "origin", str(bare))
    monkeypatch.setenv("LABFLAKE_PROJECT", str(project))
    found = result(commit=publishing.git(project, "rev-parse", "HEAD"))
    post(server, tmp_path, found, place="branch")
    there = publishing.git(bare, "rev-parse", f"results/{NAME}")
    listed = publishing.git(bare, "ls-tree", "--name-only", there).splitlines()
    assert sorted(listed) == sorted(each.name for each in found.files())
    assert publishing.git(bare, "rev-list", "--count", there) == "1"
    assert there in bodies(server)[0]
    assert publishing.git(project, "rev-list", "--all", "--count") == "1"
    post(server, tmp_path, found, place="branch")
    assert publishing.git(bare, "rev-parse", f"results/{NAME}") == there


def test_the_change_against_the_main_branch(server, tmp_path):
    """Key numbers stand beside those published last in a merged pull request, with its link."""
    for gain in (1.0, 2.0):
        number = server.pull(f"old-{gain}", merged=True)
        server.comment(number, comment.comment(result(gain), {}, {}, ""))
    server.comment(server.pull("open", merged=False), comment.comment(result(7.0), {}, {}, ""))
    post(server, tmp_path)
    body = bodies(server)[-1]
    row = next(line for line in body.splitlines() if line.startswith("| gain"))
    assert "2.0 nats" in row
    assert "+0.5 (25.0%)" in row
    sign = "!" if server.description == "gitlab" else "#"
    assert f"[{sign}2]({server.url}" in row


@pytest.mark.long
@pytest.mark.parametrize(
    "branch",
    ["a b?c#d", "feature/%2e%2e/x", "ünïcode/😀", "$(touch x);`id`", "x&state=closed", "-x"],
)
def test_branches_with_odd_names(server, tmp_path, branch):
    """A branch is what it is called, in addresses and in answers, whatever stands in its name."""
    number = server.pull(branch)
    server.pull("x")
    assert post(server, tmp_path, branch=branch) == "posted"
    assert [n for n, comments in server.comments.items() if comments] == [number]


def test_the_comment_calls_nobody():
    """A text names no person, closes no issue and is no command, and shows its HTML."""
    text = "Thanks @ann, fixes #12 and !3:\n\n/close\n\n<img src=x onerror=alert(1)> `@decorator`"
    made = comment.prose_of(text)
    assert not re.search(r"@ann|#12|!3|^/close|<img", made, re.M)
    assert "`@decorator`" in made


def test_the_comment_says_how_to_build_each_artifact():
    """Each artifact has its hash and the command; other settings are part of it."""
    body = comment.comment(result(command="SEED=7"), {}, {}, "https://x.org/commit")
    assert "git checkout 1a2b3c4d1a2b" in body
    assert f"make generated/{NAME}/outputs/report.pdf SEED=7" in body
    assert "829e8c62829e8c62" in body


def test_the_comment_has_no_html():
    """All forges show it alike: there is no HTML in it, which some of them take away."""
    names = {each.name: f"https://x.org/{each.name}" for each in result().files()}
    body = comment.comment(result(), names, {"gain": Before("2", 2.0, "#1")}, "https://x.org")
    assert not re.search(r"<(?!#)", body)


def test_names_that_break_tables():
    """Bars, quotes and line breaks in names stay in their cell."""
    odd = {"assets/data/a|b`c.csv": "0" * 64}
    body = comment.comment(result(data=odd), {}, {}, "")
    row = next(line for line in body.splitlines() if "a\\|b" in line)
    assert len(re.findall(r"(?<!\\)\|", row)) == 3


@pytest.mark.parametrize(
    "line",
    [
        "[labflake-results]: <#nonsense>",
        "[labflake-results]: <#%7B%22experiment%22%3A%207%2C%20%22commit%22%3A%20%22a%22%7D>",
        "[labflake-results]: <#%5B1%5D>",
    ],
)
def test_forged_marks_are_no_marks(line):
    """A line that we did not write is not read, and stops nothing."""
    assert marks.read(f"text\n\n{line}\n") is None


@pytest.mark.parametrize("number", ["1e999", "NaN", "1" + "0" * 400, "true", '"7"'])
def test_forged_key_numbers_are_none(gitea, tmp_path, number):
    """Whatever somebody claims in a merged pull request, results are posted beside it."""
    text = '{"experiment": "e", "commit": "c", "metrics": {"gain": ["7", NUMBER]}}'
    line = f"[labflake-results]: <#{quote(text.replace('NUMBER', number), safe='')}>"
    gitea.comment(gitea.pull("old", merged=True), line, OTHER)
    gitea.comment(gitea.pull("older", merged=True), f"[labflake-results]: <#{'[' * 90_000}>", OTHER)
    assert post(gitea, tmp_path) == "posted"
    assert "key number" in bodies(gitea)[-1]


@pytest.mark.parametrize("value", ["inf", "nan", "1e999", "9" * 400, "−1e400 nats", "0"])
def test_key_numbers_that_are_no_numbers(in_the_template, value):
    """They are shown as they are, and not subtracted."""
    found, problems = metrics.read(experiments.Experiment(NAME), {"gain": value})
    [metric] = found
    body = comment.comment(result(metrics=found), {}, {"gain": Before("2", 2.0, "#1")}, "")
    row = next(line for line in body.splitlines() if line.startswith("| gain"))
    assert problems == []
    assert ("another" in row) == (metric.value is None)
    assert "nan |" not in row.replace(f"| {value} |", "")
    assert "inf |" not in row.replace(f"| {value} |", "")
    assert marks.read(body).metrics["gain"][1] == metric.value


def test_a_comment_is_as_long_as_forges_take():
    """What is too long is shortened, and says so; the line for programs stays whole."""
    figure = result().figures[0]
    figures = [replace(figure, caption="Long words. " * 900, alt="alt " * 900)] * 24
    artifacts = {f"assets/data/{'x' * 200}-{number}.csv": "0" * 64 for number in range(900)}
    found = result(
        abstract="Words & <words>. " * 3_000, figures=figures, artifacts=artifacts, data=artifacts
    )
    names = {each.name: f"https://x.org/{'y' * 300}/{each.name}" for each in found.files()}
    body = comment.comment(found, names, {}, "https://x.org")
    assert len(body) <= comment.MOST
    assert marks.read(body).files == {n: names[n] for n in marks.read(body).files}
    assert re.search(r"and \d+ more", body)
    assert len(comment.opening(found)) <= comment.MOST


def test_a_comment_that_no_forge_takes():
    """Too many key numbers are an error that says what to do."""
    found = result(metrics=[Metric(f"number {n} {'x' * 90}", "1", 1.0) for n in range(900)])
    with pytest.raises(LabError, match="keep the key ones"):
        comment.comment(found, {}, {}, "")


def test_lines_of_the_text_are_no_lines_of_the_comment():
    """A line break in a paragraph is a space, also before what looks like a list; lists stay."""
    text = "It loses\n2. The rule\n- aims.\n\n1. one\n2. two\n\n```\na\nb\n```"
    assert comment.prose_of(text) == (
        "It loses 2. The rule - aims.\n\n1. one\n2. two\n\n```\na\nb\n```"
    )
    assert comment.prose_of("- one\n  goes on\n- two\n\nEnd\nof it") == (
        "- one goes on\n- two\n\nEnd of it"
    )
