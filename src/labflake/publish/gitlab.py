"""GitLab."""

from collections.abc import Iterator
from functools import cached_property
from urllib.parse import quote

from labflake.errors import LabError
from labflake.publish.branch_store import BranchStore
from labflake.publish.client import Client, Upload
from labflake.publish.files import File
from labflake.publish.forge import Comment, PullRequest, Store, no_place
from labflake.publish.remotes import Remote
from labflake.publish.stores import OneByOne
from labflake.publish.tokens import JOB, Token

_PAGE = 100
_JOB = (
    "the token of a job may not comment on GitLab: make a project access token (scope api),\n"
    "  and give it to the pipeline as a masked variable GITLAB_TOKEN"
)
_NO_BRANCH = (
    "GitLab does not say which branch of {path} is the main one\n"
    "  it tells who may read the code: the token of {origin} needs the scope api and the role\n"
    "  Developer; or open the merge request in the browser, then make publish"
)


class GitLab:
    """A project on GitLab."""

    short = "!"
    default_place = "attachments"

    def __init__(self, remote: Remote, token: Token, into: Remote | None = None) -> None:
        self.remote, self.into, self.token = remote, into or remote, token
        own = {"JOB-TOKEN": token.value} if token.origin == JOB else {}
        headers = own or {"Authorization": f"Bearer {token.value}"}
        meaning = {401: _JOB, 403: _JOB} if own else {}
        self.client = Client(f"{remote.web}/api/v4", headers, token, meaning)
        self._own = f"projects/{quote(remote.path, safe='')}"
        self._project = f"projects/{quote(self.into.path, safe='')}"
        self._requests = f"{self._project}/merge_requests"

    def towards(self, into: Remote) -> "GitLab":
        """Return the same, but for merge requests into another project."""
        return GitLab(self.remote, self.token, into)

    def parent(self) -> str:
        """Return the path of the project that ours is a fork of, "" where it is none."""
        return (self._here.get("forked_from_project") or {}).get("path_with_namespace", "")

    @cached_property
    def _here(self) -> dict:
        return self.client.get(self._own)

    @cached_property
    def _there(self) -> dict:
        return self._here if self._is_one else self.client.get(self._project)

    @property
    def _is_one(self) -> bool:
        return self.remote.path == self.into.path

    def base(self) -> str:
        """Return the main branch, which is not told to who may not read the code.

        Raises:
            LabError: the token may not.
        """
        found = self._there.get("default_branch")
        if not found:
            raise LabError(_NO_BRANCH.format(path=self.into.path, origin=self.client.token.origin))
        return found

    def is_own(self, comment: Comment) -> bool:
        """Tell whether the token's user wrote a comment; where it does not tell, a guess."""
        return self._me in ("", comment.author)

    @cached_property
    def _me(self) -> str:
        return self.client.user("username")

    def opened(self, branch: str) -> PullRequest | None:
        """Return the open merge request of a branch of our project."""
        asked = {"state": "opened", "source_branch": branch, "per_page": _PAGE}
        for each in self.client.pages(self._requests, **asked):
            if each["source_branch"] == branch and self._is_ours(each):
                return _merge_request(each)
        return None

    def _is_ours(self, found: dict) -> bool:
        """Tell whether the branch of a merge request is one of our project."""
        source = found["source_project_id"]
        return source == (found["target_project_id"] if self._is_one else self._here["id"])

    def open(self, branch: str, base: str, title: str, body: str) -> PullRequest:
        """Open a merge request."""
        asked = {"source_branch": branch, "target_branch": base, "title": title}
        asked |= {"description": body}
        asked |= {} if self._is_one else {"target_project_id": self._there["id"]}
        return _merge_request(self.client.ask("POST", f"{self._own}/merge_requests", asked))

    def merged(self) -> Iterator[PullRequest]:
        """Give the merge requests that were merged, those changed last first."""
        asked = {"state": "merged", "order_by": "updated_at", "sort": "desc", "per_page": _PAGE}
        for each in self.client.pages(self._requests, **asked):
            yield _merge_request(each)

    def comments(self, number: int) -> Iterator[Comment]:
        """Give the comments of a merge request, the oldest first."""
        asked = {"order_by": "created_at", "sort": "asc", "per_page": _PAGE}
        for each in self.client.pages(f"{self._requests}/{number}/notes", **asked):
            if not each.get("system"):
                yield _comment(each)

    def post(self, number: int, body: str) -> Comment:
        """Write a comment."""
        path = f"{self._requests}/{number}/notes"
        return _comment(self.client.ask("POST", path, {"body": body}))

    def edit(self, number: int, comment: int, body: str) -> None:
        """Replace a comment."""
        self.client.ask("PUT", f"{self._requests}/{number}/notes/{comment}", {"body": body})

    def store(self, place: str, number: int, experiment: str, commit: str) -> Store:
        """Return the place for files that is called `attachments` or `branch`."""
        if place == "branch":
            return BranchStore(self, experiment, commit)
        if place == "attachments":
            return Uploads(self.client, self._project)
        raise no_place(place, "GitLab", "attachments")

    def commit_page(self, commit: str) -> str:
        """Return where a commit is in a browser."""
        return f"{self.remote.page}/-/commit/{commit}"

    def raw(self, commit: str, name: str) -> str:
        """Return where a file of a commit can be got from."""
        return f"{self.remote.page}/-/raw/{commit}/{quote(name)}"


class Uploads(OneByOne):
    """The uploads of a project, which can be neither listed nor removed by everybody."""

    is_listed = False

    def __init__(self, client: Client, project: str) -> None:
        self._client, self._path = client, f"{project}/uploads"

    def there(self) -> dict[str, str]:
        """Return nothing: only the comments say what is there."""
        return {}

    def put(self, file: File) -> str:
        """Put a file there; return its address, which holds within the project."""
        upload = Upload(file.name, file.content, file.kind, field="file")
        return self._client.ask("POST", self._path, upload=upload)["url"]

    def remove(self, name: str) -> None:
        """Leave it: the project keeps its uploads."""


def _merge_request(found: dict) -> PullRequest:
    return PullRequest(found["iid"], found["web_url"], found["target_branch"])


def _comment(found: dict) -> Comment:
    return Comment(found["id"], found["body"], (found.get("author") or {}).get("username", ""))
