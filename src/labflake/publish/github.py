"""GitHub, and GitHub Enterprise."""

import re
from collections.abc import Iterator
from functools import cached_property
from urllib.parse import quote

from labflake.publish.branch_store import BranchStore
from labflake.publish.client import BrokenError, Client, RefusedError, Upload, certain
from labflake.publish.files import File
from labflake.publish.forge import Comment, PullRequest, Store, no_place
from labflake.publish.remotes import Remote
from labflake.publish.stores import OneByOne, tag
from labflake.publish.tokens import Token

_PAGE = 100


class GitHub:
    """A repository on GitHub."""

    short = "#"
    default_place = "release"

    def __init__(self, remote: Remote, token: Token) -> None:
        self.remote = remote
        headers = {
            "Authorization": f"Bearer {token.value}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        self.client = Client(_api(remote), headers, token)
        name = quote(remote.path.rpartition("/")[2], safe="")
        self._repository = f"repos/{quote(remote.owner, safe='')}/{name}"

    def base(self) -> str:
        """Return the main branch."""
        return self.client.get(self._repository)["default_branch"]

    def is_own(self, comment: Comment) -> bool:
        """Tell whether the token's user wrote a comment; where it does not tell, a guess."""
        return comment.author == self._me or (not self._me and comment.author.endswith("[bot]"))

    @cached_property
    def _me(self) -> str:
        try:
            return self.client.get("user")["login"]
        except RefusedError as error:
            if error.status in (403, 404):
                return ""
            raise

    def opened(self, branch: str) -> PullRequest | None:
        """Return the open pull request of a branch of this repository."""
        asked = {"state": "open", "head": f"{self.remote.owner}:{branch}", "per_page": _PAGE}
        for each in self.client.pages(f"{self._repository}/pulls", **asked):
            head = each["head"]  # where it knows no such head, it gives all of them
            here = (head.get("repo") or {}).get("full_name", "").lower()
            if head["ref"] == branch and here == self.remote.path.lower():
                return _pull_request(each)
        return None

    def open(self, branch: str, base: str, title: str, body: str) -> PullRequest:
        """Open a pull request."""
        asked = {"head": branch, "base": base, "title": title, "body": body}
        return _pull_request(self.client.ask("POST", f"{self._repository}/pulls", asked))

    def merged(self) -> Iterator[PullRequest]:
        """Give the pull requests that were merged, those changed last first."""
        asked = {"state": "closed", "sort": "updated", "direction": "desc", "per_page": _PAGE}
        for each in self.client.pages(f"{self._repository}/pulls", **asked):
            if each.get("merged_at"):
                yield _pull_request(each)

    def comments(self, number: int) -> Iterator[Comment]:
        """Give the comments of a pull request, the oldest first."""
        path = f"{self._repository}/issues/{number}/comments"
        for each in self.client.pages(path, per_page=_PAGE):
            yield _comment(each)

    def post(self, number: int, body: str) -> Comment:
        """Write a comment."""
        path = f"{self._repository}/issues/{number}/comments"
        return _comment(self.client.ask("POST", path, {"body": body}))

    def edit(self, number: int, comment: int, body: str) -> None:
        """Replace a comment."""
        path = f"{self._repository}/issues/comments/{comment}"
        self.client.ask("PATCH", path, {"body": body})

    def store(self, place: str, number: int, experiment: str, commit: str) -> Store:
        """Return the place for files that is called `release` or `branch`."""
        if place == "branch":
            return BranchStore(self, experiment, commit)
        if place == "release":
            return Release(self.client, self._repository, experiment, commit)
        raise no_place(place, "GitHub", "release")

    def commit_page(self, commit: str) -> str:
        """Return where a commit is in a browser."""
        return f"{self.remote.page}/commit/{commit}"

    def raw(self, commit: str, name: str) -> str:
        """Return where a file of a commit can be got from."""
        return f"{self.remote.page}/raw/{commit}/{quote(name)}"


class Release(OneByOne):
    """The assets of a release of the experiment."""

    def __init__(self, client: Client, repository: str, experiment: str, commit: str) -> None:
        self._client, self._repository = client, repository
        name, path = tag(experiment), f"{repository}/releases"
        asked = {"tag_name": name, "target_commitish": commit, "prerelease": True}
        asked |= {"name": f"Results of {experiment}", "make_latest": "false"}
        self._release = certain(
            lambda: client.found(f"{path}/tags/{quote(name, safe='')}"),
            lambda: client.ask("POST", path, asked),
        )
        self._known: dict[str, int] = {}

    def there(self) -> dict[str, str]:
        """Return the address of each file; what is only the beginning of one is removed."""
        path = f"{self._repository}/releases/{self._release['id']}/assets"
        found = list(self._client.pages(path, per_page=_PAGE))
        for each in found:
            if each["state"] != "uploaded":  # it would stand in the way of the whole one
                self._remove(each["id"])
        whole = [each for each in found if each["state"] == "uploaded"]
        self._known = {each["name"]: each["id"] for each in whole}
        return {each["name"]: each["browser_download_url"] for each in whole}

    def put(self, file: File) -> str:
        """Put a file there; return its address."""
        url = re.sub(r"\{.*\}$", "", self._release["upload_url"])
        upload = Upload(file.name, file.content, file.kind)
        answer = self._client.ask("POST", url, upload=upload, query={"name": file.name})
        if answer["state"] != "uploaded":
            raise BrokenError(f"{file.name} did not arrive whole\n  make publish goes on")
        return answer["browser_download_url"]

    def remove(self, name: str) -> None:
        """Take a file away that nobody needs any more."""
        self._remove(self._known[name])

    def _remove(self, asset: int) -> None:
        self._client.ask("DELETE", f"{self._repository}/releases/assets/{asset}")


def _api(remote: Remote) -> str:
    if remote.host == "github.com":
        return "https://api.github.com"
    if remote.host.endswith(".ghe.com"):
        return f"https://api.{remote.host}"
    return f"{remote.web}/api/v3"


def _pull_request(found: dict) -> PullRequest:
    return PullRequest(found["number"], found["html_url"], found["base"]["ref"])


def _comment(found: dict) -> Comment:
    return Comment(found["id"], found["body"] or "", (found.get("user") or {}).get("login", ""))
