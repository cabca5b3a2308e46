"""Gitea, GitHub and GitLab on loopback: each refuses what its published description does not have.

What they answer themselves has to be as described, too. They have the habits of the real ones:
pages, limits, other names for themselves, refusals in their own words; and the connection can be
broken before or after a request is fulfilled.
"""

import email
import email.policy
import hashlib
import json
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode

from servers import described
from servers.web import Quiet

TOKEN = "tok-Secret-publish-7f31"
ME, OTHER = "ann", "bob"


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    content: bytes


class Answer(NamedTuple):
    """An answer: status, what it says as JSON, and further headers."""

    status: int
    value: Any = None
    headers: dict[str, str] | None = None


class Forge(ABC):
    """A forge with one repository.

    Attributes:
        asked: all requests.
        problems: what was asked, or answered, against the description.
        pulls: the pull requests by number; comments: of each the comments.
        fork: the path of a repository that is a fork of ours, "" for none.
        trouble: what goes wrong: (method, pattern of the path, what, how often).
    """

    description, size, largest = "", "per_page", 100
    path, fork = "ann/study", ""

    def __init__(self) -> None:
        self.described = described.read(self.description)
        self.asked: list[Asked] = []
        self.problems: list[str] = []
        self.pulls: list[dict] = []
        self.comments: dict[int, list[dict]] = {}
        self.files: dict[str, dict[str, bytes]] = {}
        self.ids = iter(range(100, 100_000))
        self.trouble: list[list] = []
        self.page_size = 3
        self.lock = threading.Lock()
        forge = self

        class Handler(_Handler):
            forge_of_test = forge

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Forge":
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def disturb(
        self,
        method: str,
        path: str,
        what: "str | Answer | Callable[[Asked], Answer]",
        times: int = 1,
    ) -> None:
        """Let requests go wrong: `before` or `after` it is fulfilled the connection breaks.

        `what` may be an answer, too, such as a limit, or what makes one of a request.
        """
        self.trouble.append([method, path, what, times])

    def requests(self, method: str, path: str) -> list[Asked]:
        """Return the requests of a method whose path ends like this pattern."""
        return [a for a in self.asked if a.method == method and re.search(f"{path}$", a.path)]

    def pull(self, branch: str, merged: bool = False, **given: Any) -> int:
        """Add a pull request; return its number."""
        number = len(self.pulls) + 1
        known = {"number": number, "head": branch, "base": "main", "title": "", "body": ""}
        self.pulls.append({**known, "merged": merged, "open": not merged, **given})
        self.comments[number] = []
        return number

    def comment(self, number: int, body: str, author: str = ME) -> dict:
        """Add a comment."""
        found = {"id": next(self.ids), "body": body, "author": author}
        self.comments[number].append(found)
        return found

    def answer(self, asked: Asked) -> Answer:
        """Return the answer to a request, and check it against the description."""
        place = asked.path.removeprefix(self.described["server"])
        found = [t for t in self.described["paths"] if re.fullmatch(described.pattern(t), place)]
        template = min(found, key=lambda t: t.count("{"), default="")
        operation = self.described["paths"].get(template, {}).get(asked.method.lower())
        if not asked.path.startswith(self.described["server"]) or not operation:
            self.problems.append(f"{asked.method} {asked.path} is not described")
            return Answer(404, {"message": "Not Found"})
        values = [
            unquote(each) for each in re.fullmatch(described.pattern(template), place).groups()
        ]
        wrong = list(described.wrong(operation, asked, values))
        self.problems += [f"{asked.method} {template}: {each}" for each in wrong]
        if wrong:
            return Answer(422, {"message": "Validation Failed", "errors": wrong})
        if not self.knows(asked.headers) and template != "/version":
            return Answer(401, {"message": "Bad credentials"})
        if (refused := self.elsewhere(template, values)) is not None:
            return refused
        answer = self.handlers()[asked.method, template](asked, *values)
        untrue = described.untrue(operation, answer, self.described["schemas"])
        self.problems += [f"answer to {asked.method} {template}: {each}" for each in untrue]
        return answer

    def elsewhere(self, template: str, values: list[str]) -> Answer | None:
        """Return a refusal where another repository than ours is meant."""
        known = [self.path, self.fork]
        here = "/".join(values[:2]) in known if template.startswith("/repos") else True
        return None if here else Answer(404, {"message": "Not Found"})

    @abstractmethod
    def knows(self, headers: dict[str, str]) -> bool:
        """Tell whether the token is right."""

    @abstractmethod
    def handlers(self) -> dict[tuple[str, str], Callable[..., Answer]]:
        """Return what answers each operation."""

    def listed(self, asked: Asked, items: list) -> Answer:
        """Return a page of a list, with the link to the next one, under the server's own name."""
        size = min(int(asked.query.get(self.size, 30)), self.page_size)
        page = int(asked.query.get("page", 1))
        more = {**asked.query, "page": page + 1, self.size: size}
        link = f'<{self.own_name()}{asked.path}?{urlencode(more)}>; rel="next"'
        headers = {"Link": link} if page * size < len(items) else {}
        return Answer(200, items[(page - 1) * size : page * size], headers)

    def own_name(self) -> str:
        """Return the address that the server has of itself."""
        return self.url

    def edited(self, number: str, body: str) -> Answer:
        """Replace a comment, if it is ours."""
        every = [each for comments in self.comments.values() for each in comments]
        found = next((each for each in every if each["id"] == int(number)), None)
        if found is None or found["author"] != ME:
            return Answer(404 if found is None else 403, {"message": "not yours"})
        found["body"] = body
        return Answer(200, self.shown_comment(found))

    def shown_comment(self, found: dict) -> dict:
        """Return a comment as the forge shows it."""
        user = {"login": found["author"], "id": len(found["author"])}
        return {"id": found["id"], "body": found["body"], "user": user}

    def put(self, place: str, name: str, content: bytes) -> str:
        """Keep a file; return its name there."""
        self.files.setdefault(place, {})[name] = content
        return name


class Gitea(Forge):
    """Gitea: it thinks that it is called otherwise, and lists comments in one piece."""

    description, size = "gitea", "limit"
    kinds = (".png", ".pdf", ".svg", ".csv", ".zip")

    def knows(self, headers: dict[str, str]) -> bool:
        """Tell whether the token is right."""
        return headers.get("Authorization") == f"token {TOKEN}"

    def own_name(self) -> str:
        """Return what the server is called within."""
        return "http://gitea.internal:3000"

    def handlers(self) -> dict[tuple[str, str], Callable[..., Answer]]:
        """Return what answers each operation."""
        base = "/repos/{owner}/{repo}"
        return {
            ("GET", "/user"): lambda asked: Answer(200, {"login": ME, "id": 1}),
            ("GET", "/version"): lambda asked: Answer(200, {"version": "1.24.0"}),
            ("GET", base): self._repository,
            ("GET", f"{base}/pulls"): self._pulls,
            ("POST", f"{base}/pulls"): self._open,
            ("GET", f"{base}/issues/{{index}}/comments"): self._comments,
            ("POST", f"{base}/issues/{{index}}/comments"): self._comment,
            ("PATCH", f"{base}/issues/comments/{{id}}"): self._edit,
            ("GET", f"{base}/issues/{{index}}/assets"): self._assets("pull"),
            ("POST", f"{base}/issues/{{index}}/assets"): self._attach("pull"),
            ("DELETE", f"{base}/issues/{{index}}/assets/{{attachment_id}}"): self._drop("pull"),
            ("POST", f"{base}/releases"): self._release,
            ("GET", f"{base}/releases/tags/{{tag}}"): self._tag,
            ("GET", f"{base}/releases/{{id}}/assets"): self._assets("release"),
            ("POST", f"{base}/releases/{{id}}/assets"): self._attach("release"),
            ("DELETE", f"{base}/releases/{{id}}/assets/{{attachment_id}}"): self._drop("release"),
        }

    def _shown(self, pull: dict) -> dict:
        head = {"ref": pull["head"], "repo": {"full_name": pull.get("fork", self.path)}}
        return {
            "number": pull["number"],
            "html_url": f"{self.url}/{self.path}/pulls/{pull['number']}",
            "head": head,
            "base": {"ref": pull["base"], "repo": {"full_name": self.path}},
            "merged": pull["merged"],
            "merged_at": "2026-01-01T00:00:00Z" if pull["merged"] else None,
        }

    def _repository(self, asked: Asked, owner: str, repo: str) -> Answer:
        known = {"default_branch": "main", "full_name": f"{owner}/{repo}"}
        if known["full_name"] == self.fork:
            known["parent"] = {"full_name": self.path}
        return Answer(200, known)

    def _found(self, asked: Asked, owner: str, repo: str) -> list[dict]:
        is_open = asked.query.get("state", "open") == "open"
        here = f"{owner}/{repo}" == self.path  # a fork has none
        return [self._shown(p) for p in self.pulls if p["open"] == is_open and here][::-1]

    def _pulls(self, asked: Asked, owner: str, repo: str) -> Answer:
        return self.listed(asked, self._found(asked, owner, repo))

    def _open(self, asked: Asked, *_: str) -> Answer:
        body = asked.body
        owner, mark, head = body["head"].rpartition(":")
        fork = {"fork": self.fork} if mark else {}
        if mark and (not self.fork or owner != self.fork.split("/")[0]):
            return Answer(404, {"message": "the head repository does not exist"})
        if (head, fork.get("fork")) in [
            (p["head"], p.get("fork")) for p in self.pulls if p["open"]
        ]:
            return Answer(409, {"message": "pull request already exists for these targets"})
        given = {name: body[name] for name in ("base", "title", "body")}
        number = self.pull(head, **given, **fork)
        return Answer(201, self._shown(self.pulls[number - 1]))

    def _comments(self, asked: Asked, owner: str, repo: str, number: str) -> Answer:
        return Answer(200, [self.shown_comment(c) for c in self.comments[int(number)]])

    def _comment(self, asked: Asked, owner: str, repo: str, number: str) -> Answer:
        return Answer(201, self.shown_comment(self.comment(int(number), asked.body["body"])))

    def _edit(self, asked: Asked, owner: str, repo: str, comment: str) -> Answer:
        return self.edited(comment, asked.body["body"])

    def _attachment(self, name: str) -> dict:
        number = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
        url = f"{self.url}/attachments/{number:08x}"
        return {"id": number, "name": name, "browser_download_url": url}

    def _assets(self, kind: str) -> Callable[..., Answer]:
        def answer(asked: Asked, owner: str, repo: str, number: str) -> Answer:
            return Answer(200, [self._attachment(n) for n in self.files.get(kind + number, {})])

        return answer

    def _attach(self, kind: str) -> Callable[..., Answer]:
        def answer(asked: Asked, owner: str, repo: str, number: str) -> Answer:
            name = asked.query.get("name", "file")
            if not name.endswith(self.kinds):
                status = 400 if kind == "release" else 422
                return Answer(status, {"message": "This file cannot be uploaded", "url": self.url})
            self.put(kind + number, name, asked.body["attachment"])
            return Answer(201, self._attachment(name))

        return answer

    def _drop(self, kind: str) -> Callable[..., Answer]:
        def answer(asked: Asked, owner: str, repo: str, number: str, asset: str) -> Answer:
            held = self.files.get(kind + number, {})
            for name in [n for n in held if str(self._attachment(n)["id"]) == asset]:
                del held[name]
            return Answer(204)

        return answer

    def _release(self, asked: Asked, *_: str) -> Answer:
        if self._number(asked.body["tag_name"]) is not None:
            return Answer(409, {"message": "Release is has no Tag"})
        self.releases = [*getattr(self, "releases", []), asked.body["tag_name"]]
        return Answer(201, {"id": self._number(asked.body["tag_name"])})

    def _tag(self, asked: Asked, owner: str, repo: str, tag: str) -> Answer:
        number = self._number(tag)
        return (
            Answer(404, {"message": "Not Found"}) if number is None else Answer(200, {"id": number})
        )

    def _number(self, tag: str) -> int | None:
        known = getattr(self, "releases", [])
        return known.index(tag) + 1 if tag in known else None


class GitHub(Gitea):
    """GitHub: files go to another server, and half of one can stay there."""

    description, size = "github", "per_page"

    def knows(self, headers: dict[str, str]) -> bool:
        """Tell whether the token is right."""
        return headers.get("Authorization") == f"Bearer {TOKEN}"

    def own_name(self) -> str:
        """Return the address that the server has of itself."""
        return self.url

    def handlers(self) -> dict[tuple[str, str], Callable[..., Answer]]:
        """Return what answers each operation."""
        base = "/repos/{owner}/{repo}"
        known = super().handlers()
        return {
            ("GET", "/user"): known["GET", "/user"],
            ("GET", base): known["GET", base],
            ("GET", f"{base}/pulls"): self._pulls,
            ("POST", f"{base}/pulls"): self._open,
            ("GET", f"{base}/issues/{{issue_number}}/comments"): self._comments,
            ("POST", f"{base}/issues/{{issue_number}}/comments"): self._comment,
            ("PATCH", f"{base}/issues/comments/{{comment_id}}"): self._edit,
            ("POST", f"{base}/releases"): self._release,
            ("GET", f"{base}/releases/tags/{{tag}}"): self._tag,
            ("GET", f"{base}/releases/{{release_id}}/assets"): self._held,
            ("POST", f"{base}/releases/{{release_id}}/assets"): self._upload,
            ("DELETE", f"{base}/releases/assets/{{asset_id}}"): self._delete,
        }

    def _pulls(self, asked: Asked, owner: str, repo: str) -> Answer:
        found = self._found(asked, owner, repo)
        user, _, head = asked.query.get("head", "").partition(":")
        known = [p for p in found if p["head"]["ref"] == head
                 and p["head"]["repo"]["full_name"].startswith(f"{user}/")]  # fmt: skip
        return self.listed(asked, known or found)  # an unknown head filters nothing

    def _shown(self, pull: dict) -> dict:
        return {k: v for k, v in super()._shown(pull).items() if k != "merged"}  # not in lists

    def _open(self, asked: Asked, *_: str) -> Answer:
        answer = super()._open(asked)
        if answer.status != 409:
            return Answer(201, {**answer.value, "merged": False})
        said = {
            "resource": "PullRequest",
            "code": "custom",
            "message": "A pull request already exists",
        }
        return Answer(422, {"message": "Validation Failed", "errors": [said]})

    def _comments(self, asked: Asked, owner: str, repo: str, number: str) -> Answer:
        return self.listed(asked, super()._comments(asked, owner, repo, number).value)

    def _release(self, asked: Asked, *_: str) -> Answer:
        answer = super()._release(asked)
        if answer.status == 201:
            return Answer(201, self._whole(answer.value["id"]))
        said = {"resource": "Release", "code": "already_exists", "field": "tag_name"}
        return Answer(422, {"message": "Validation Failed", "errors": [said]})

    def _tag(self, asked: Asked, owner: str, repo: str, tag: str) -> Answer:
        answer = super()._tag(asked, owner, repo, tag)
        return Answer(200, self._whole(answer.value["id"])) if answer.status == 200 else answer

    def _whole(self, number: int) -> dict:
        uploads = f"http://localhost:{self.port}/api/v3/repos/{self.path}/releases/{number}/assets"
        return {"id": number, "upload_url": uploads + "{?name,label}"}

    def _asset(self, name: str, content: bytes) -> dict:
        url = f"{self.url}/{self.path}/releases/download/{quote(name)}"
        state = "uploaded" if content else "starter"
        return {**self._attachment(name), "browser_download_url": url, "state": state}

    def _held(self, asked: Asked, owner: str, repo: str, number: str) -> Answer:
        held = self.files.get(f"release{number}", {})
        return self.listed(asked, [self._asset(n, content) for n, content in held.items()])

    def _upload(self, asked: Asked, owner: str, repo: str, number: str) -> Answer:
        name = asked.query["name"]
        if name in self.files.get(f"release{number}", {}):
            said = {"resource": "ReleaseAsset", "code": "already_exists", "field": "name"}
            return Answer(422, {"message": "Validation Failed", "errors": [said]})
        self.put(f"release{number}", name, asked.content)
        return Answer(201, self._asset(name, asked.content))

    def _delete(self, asked: Asked, owner: str, repo: str, asset: str) -> Answer:
        for held in self.files.values():
            for name in [n for n in held if str(self._attachment(n)["id"]) == asset]:
                del held[name]
        return Answer(204)


class GitLab(Forge):
    """GitLab: a project in a subgroup; notes of the system are among those of people."""

    description = "gitlab"
    path = "group/sub.group/study"

    def knows(self, headers: dict[str, str]) -> bool:
        """Tell whether the token is right."""
        return headers.get("Authorization") == f"Bearer {TOKEN}"

    def elsewhere(self, template: str, values: list[str]) -> Answer | None:
        """Return a refusal where another project than ours is meant."""
        known = [self.path, self.fork]
        here = values[0] in known if template.startswith("/projects") else True
        return None if here else Answer(404, {"message": "404 Project Not Found"})

    def handlers(self) -> dict[tuple[str, str], Callable[..., Answer]]:
        """Return what answers each operation."""
        base = "/projects/{id}/merge_requests"
        return {
            ("GET", "/user"): lambda asked: Answer(200, {"id": 1, "username": ME}),
            ("GET", "/version"): lambda asked: Answer(401, {"message": "401 Unauthorized"}),
            ("GET", "/projects/{id}"): self._project,
            ("GET", base): self._requests,
            ("POST", base): self._open,
            ("GET", f"{base}/{{noteable_id}}/notes"): self._notes,
            ("POST", f"{base}/{{noteable_id}}/notes"): self._note,
            ("PUT", f"{base}/{{noteable_id}}/notes/{{note_id}}"): self._edit,
            ("POST", "/projects/{id}/uploads"): self._upload,
        }

    def _shown(self, pull: dict) -> dict:
        return {
            "iid": pull["number"],
            "web_url": f"{self.url}/{self.path}/-/merge_requests/{pull['number']}",
            "source_branch": pull["head"],
            "target_branch": pull["base"],
            "source_project_id": 8 if "fork" in pull else 7,
            "target_project_id": 7,
        }

    def _project(self, asked: Asked, project: str) -> Answer:
        known = {"id": 7, "default_branch": "main"}
        if project == self.fork:
            known |= {"id": 8, "forked_from_project": {"path_with_namespace": self.path}}
        return Answer(200, known)

    def _requests(self, asked: Asked, project: str) -> Answer:
        if project == self.fork:
            return Answer(200, [])
        state, branch = asked.query.get("state"), asked.query.get("source_branch")
        found = [p for p in self.pulls if (p["open"] if state == "opened" else p["merged"])]
        found = [self._shown(p) for p in found if branch in (None, p["head"])]
        return self.listed(asked, found[::-1])

    def _open(self, asked: Asked, project: str) -> Answer:
        body = asked.body
        if project == self.fork and body.get("target_project_id") != 7:
            return Answer(409, {"message": ["the fork has no merge requests"]})
        from_fork = self.fork if project == self.fork else None
        heads = [(p["head"], p.get("fork")) for p in self.pulls if p["open"]]
        if (body["source_branch"], from_fork) in heads:
            said = "Another open merge request already exists for this source branch: !1"
            return Answer(409, {"message": [said]})
        given = {"base": body["target_branch"], "title": body["title"], "body": body["description"]}
        given |= {"fork": from_fork} if from_fork else {}
        number = self.pull(body["source_branch"], **given)
        return Answer(201, self._shown(self.pulls[number - 1]))

    def _notes(self, asked: Asked, project: str, number: str) -> Answer:
        system = {"id": 1, "body": "added 1 commit", "author": {"username": ME}, "system": True}
        notes = [self.shown_comment(c) for c in self.comments[int(number)]]
        return self.listed(asked, [system, *notes])

    def shown_comment(self, found: dict) -> dict:
        """Return a comment as the forge shows it."""
        author = {"username": found["author"]}
        return {"id": found["id"], "body": found["body"], "author": author, "system": False}

    def _note(self, asked: Asked, project: str, number: str) -> Answer:
        return Answer(201, self.shown_comment(self.comment(int(number), asked.body["body"])))

    def _edit(self, asked: Asked, project: str, number: str, note: str) -> Answer:
        return self.edited(note, asked.body["body"])

    def _upload(self, asked: Asked, project: str) -> Answer:
        name = asked.body["file name"]
        number = next(self.ids)
        self.put("uploads", f"{number}/{name}", asked.body["file"])
        url = f"/uploads/{number}/{name}"
        said = {"alt": name, "url": url, "markdown": f"![{name}]({url})"}
        return Answer(201, {"id": number, "full_path": f"/-/project/7{url}", **said})


class _Handler(BaseHTTPRequestHandler):
    forge_of_test: Forge
    protocol_version = "HTTP/1.1"

    def _do(self) -> None:
        forge = self.forge_of_test
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        given = dict(parse_qsl(query, keep_blank_values=True))
        body = _body(self.headers, content)
        asked = Asked(self.command, path, given, dict(self.headers), body, content)
        with forge.lock:
            forge.asked.append(asked)
            what = self._trouble(asked)
            if what == "before":
                self.close_connection = True
                return
            answer = what(asked) if callable(what) else what
            answer = answer if isinstance(answer, Answer) else forge.answer(asked)
        if what == "after":
            self.close_connection = True
            return
        self._send(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _do  # noqa: N815

    def _trouble(self, asked: Asked) -> Any:
        for each in self.forge_of_test.trouble:
            method, path, what, times = each
            if times and method == asked.method and re.search(path, asked.path):
                each[3] -= 1
                return what
        return None

    def _send(self, answer: Answer) -> None:
        text = b"" if answer.value is None else json.dumps(answer.value).encode()
        self.send_response(answer.status)
        for name, value in (answer.headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _body(headers, content: bytes) -> Any:
    """Return what a request holds: JSON, or the fields of a form and the names of its files."""
    kind = headers.get("Content-Type", "")
    if kind.startswith("application/json"):
        return json.loads(content)
    if not kind.startswith("multipart/form-data"):
        return None
    whole = b"Content-Type: " + kind.encode() + b"\r\n\r\n" + content
    found: dict[str, Any] = {}
    for part in email.message_from_bytes(whole, policy=email.policy.HTTP).iter_parts():
        name = part.get_param("name", header="content-disposition")
        found[name] = part.get_payload(decode=True)
        found[f"{name} name"] = part.get_filename()
    return found
