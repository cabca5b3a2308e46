"""Gitea and Forgejo, whose interface is that of GitHub in much."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Self
from urllib.parse import quote

from labflake.publish.branch_store import BranchStore
from labflake.publish.client import Client, Upload, certain
from labflake.publish.files import File
from labflake.publish.forge import Comment, PullRequest, Store
from labflake.publish.remotes import Remote
from labflake.publish.stores import OneByOne, tag
from labflake.publish.tokens import Token

_PAGE = 50  # the most that a server gives at once, as it is set up by itself


class Gitea:
    """A repository on Gitea or Forgejo."""

    short = "#"
    default_place = "attachments"

    def __init__(self, remote: Remote, token: Token, into: Remote | None = None) -> None:
        self.remote, self.into, self.token = remote, into or remote, token
        self.client = self.connected(token)
        self.own, self.repository = _repository(self.remote), _repository(self.into)

    def towards(self, into: Remote) -> Self:
        """Return the same, but for pull requests into another repository."""
        return type(self)(self.remote, self.token, into)

    def parent(self) -> str:
        """Return the path of the repository that ours is a fork of, "" where it is none."""
        return (self.client.get(self.own).get("parent") or {}).get("full_name", "")

    def connected(self, token: Token) -> Client:
        """Return what talks to the server."""
        headers = {"Authorization": f"token {token.value}", "Accept": "application/json"}
        return Client(f"{self.remote.web}/api/v1", headers, token)

    def asked_for(self, branch: str) -> dict[str, Any]:
        """Return what is asked to find the open pull request of a branch."""
        return {"state": "open", "limit": _PAGE}

    def base(self) -> str:
        """Return the main branch of the repository that has the pull requests."""
        return self.client.get(self.repository)["default_branch"]

    def is_own(self, comment: Comment) -> bool:
        """Tell whether the token's user wrote a comment; where it does not tell, a guess."""
        return self.me in ("", comment.author)

    @cached_property
    def me(self) -> str:
        """Return who the token belongs to; "" where it may not tell."""
        return self.client.user("login")

    def opened(self, branch: str) -> PullRequest | None:
        """Return the open pull request of a branch of this repository."""
        for each in self.client.pages(f"{self.repository}/pulls", **self.asked_for(branch)):
            head = each["head"]  # of any branch, where the server knows none of this name
            here = (head.get("repo") or {}).get("full_name", "").lower()
            if head["ref"] == branch and here == self.remote.path.lower():
                return pull_request(each)
        return None

    def open(self, branch: str, base: str, title: str, body: str) -> PullRequest:
        """Open a pull request."""
        asked = {"head": self.head(branch), "base": base, "title": title, "body": body}
        return pull_request(self.client.ask("POST", f"{self.repository}/pulls", asked))

    def head(self, branch: str) -> str:
        """Return what a branch of ours is called where the pull requests are."""
        return branch if self.remote.path == self.into.path else f"{self.remote.owner}:{branch}"

    def merged(self) -> Iterator[PullRequest]:
        """Give the pull requests that were merged, those changed last first."""
        asked = {"state": "closed", "sort": "recentupdate", "limit": _PAGE}
        for each in self.client.pages(f"{self.repository}/pulls", **asked):
            if each.get("merged"):
                yield pull_request(each)

    def comments(self, number: int) -> Iterator[Comment]:
        """Give the comments of a pull request, the oldest first."""
        for each in self.client.pages(f"{self.repository}/issues/{number}/comments"):
            yield comment_of(each)

    def post(self, number: int, body: str) -> Comment:
        """Write a comment."""
        path = f"{self.repository}/issues/{number}/comments"
        return comment_of(self.client.ask("POST", path, {"body": body}))

    def edit(self, number: int, comment: int, body: str) -> None:
        """Replace a comment."""
        path = f"{self.repository}/issues/comments/{comment}"
        self.client.ask("PATCH", path, {"body": body})

    def store(self, place: str, number: int, experiment: str, commit: str) -> Store:
        """Return the place for files that is called `attachments`, `release` or `branch`."""
        if place == "branch":
            return BranchStore(self, experiment, commit)
        if place == "release":
            return Assets(self.client, f"{self.own}/releases/{self._release(experiment)}")
        return Assets(self.client, f"{self.repository}/issues/{number}")

    def _release(self, experiment: str) -> int:
        """Return the release of an experiment, which is made where there is none."""
        name, path = tag(experiment), f"{self.own}/releases"
        asked = {"tag_name": name, "name": f"Results of {experiment}", "prerelease": True}
        return certain(
            lambda: self.client.found(f"{path}/tags/{quote(name, safe='')}"),
            lambda: self.client.ask("POST", path, asked),
        )["id"]

    def commit_page(self, commit: str) -> str:
        """Return where a commit is in a browser."""
        return f"{self.remote.page}/commit/{commit}"

    def raw(self, commit: str, name: str) -> str:
        """Return where a file of a commit can be got from."""
        return f"{self.remote.page}/raw/commit/{commit}/{quote(name)}"


class Assets(OneByOne):
    """Files that belong to a pull request or a release."""

    def __init__(self, client: Client, owner: str) -> None:
        self._client, self._path = client, f"{owner}/assets"
        self._known: dict[str, int] = {}

    def there(self) -> dict[str, str]:
        """Return the address of each file."""
        found = list(self._client.pages(self._path))
        self._known = {each["name"]: each["id"] for each in found}
        return {each["name"]: each["browser_download_url"] for each in found}

    def put(self, file: File) -> str:
        """Put a file there; return its address."""
        upload = Upload(file.name, file.content, file.kind, field="attachment")
        answer = self._client.ask("POST", self._path, upload=upload, query={"name": file.name})
        return answer["browser_download_url"]

    def remove(self, name: str) -> None:
        """Take a file away that nobody needs any more."""
        self._client.ask("DELETE", f"{self._path}/{self._known[name]}")


def _repository(remote: Remote) -> str:
    name = remote.path.rpartition("/")[2]
    return f"repos/{quote(remote.owner, safe='')}/{quote(name, safe='')}"


def pull_request(found: dict) -> PullRequest:
    """Return a pull request of an answer."""
    return PullRequest(found["number"], found["html_url"], found["base"]["ref"])


def comment_of(found: dict) -> Comment:
    """Return a comment of an answer."""
    author = (found.get("user") or {}).get("login", "")
    return Comment(found["id"], found.get("body") or "", author)
