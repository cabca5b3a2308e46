"""GitHub, and GitHub Enterprise."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from labflake.publish.branch_store import BranchStore
from labflake.publish.client import BrokenError, Client, Upload, certain
from labflake.publish.files import File
from labflake.publish.forge import Comment, PullRequest, Store, no_place
from labflake.publish.gitea import Gitea, comment_of, pull_request
from labflake.publish.remotes import Remote
from labflake.publish.stores import OneByOne, tag
from labflake.publish.tokens import Token

_PAGE = 100


class GitHub(Gitea):
    """A repository on GitHub; what is as on Gitea is there."""

    default_place = "release"

    def connected(self, token: Token) -> Client:
        """Return what talks to the server."""
        headers = {
            "Authorization": f"Bearer {token.value}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        return Client(_api(self.remote), headers, token)

    def asked_for(self, branch: str) -> dict[str, Any]:
        """Return what is asked to find the open pull request of a branch."""
        return {"state": "open", "head": f"{self.remote.owner}:{branch}", "per_page": _PAGE}

    def is_own(self, comment: Comment) -> bool:
        """Tell whether the token's user wrote a comment; where it does not tell, a guess."""
        return comment.author == self.me or (not self.me and comment.author.endswith("[bot]"))

    def merged(self) -> Iterator[PullRequest]:
        """Give the pull requests that were merged, those changed last first."""
        asked = {"state": "closed", "sort": "updated", "direction": "desc", "per_page": _PAGE}
        for each in self.client.pages(f"{self.repository}/pulls", **asked):
            if each.get("merged_at"):
                yield pull_request(each)

    def comments(self, number: int) -> Iterator[Comment]:
        """Give the comments of a pull request, the oldest first."""
        path = f"{self.repository}/issues/{number}/comments"
        for each in self.client.pages(path, per_page=_PAGE):
            yield comment_of(each)

    def store(self, place: str, number: int, experiment: str, commit: str) -> Store:
        """Return the place for files that is called `release` or `branch`."""
        if place == "branch":
            return BranchStore(self, experiment, commit)
        if place == "release":
            return Release(self.client, self.own, experiment, commit)
        raise no_place(place, "GitHub", "release")

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
