"""Post results: files first, then the comment in one piece, then away with what is old.

So at no time a comment shows half of something, and what was done is not done again.
"""

import json
import re
from collections.abc import Iterator
from html import unescape
from itertools import islice
from pathlib import Path

from labflake.content.atomic import replacing
from labflake.documents.prose import COMMENT
from labflake.errors import LabError
from labflake.publish import marks, pulls
from labflake.publish.client import RefusedError, certain
from labflake.publish.comment import Before, comment, opening
from labflake.publish.forge import Comment, Forge, PullRequest
from labflake.publish.marks import Mark
from labflake.publish.remotes import Remote
from labflake.publish.result import Result
from labflake.site.markup import to_html

_LOOKED_AT = 20  # merged pull requests in which key numbers are looked for


def post(
    forge: Forge,
    result: Result,
    branch: str,
    place: str,
    memory: Path,
    targets: tuple[Remote, ...] = (),
) -> tuple[str, str]:
    """Post the results on the pull request of a branch, which is opened where there is none.

    Args:
        forge: the repository.
        result: what to post.
        branch: whose pull request it is.
        place: where files are put; "" for where this forge does best.
        memory: the file that remembers what was brought there.
        targets: the repositories that may have the pull request, where somebody said so.

    Returns:
        what was done, and where it is to be seen.
    """
    forge, request = pulls.found_or_opened(
        forge, branch, targets, lambda there: _open(there, result, branch)
    )
    own, others = _own(forge, request, result.experiment)
    before = _before(forge, result, request)
    store = forge.store(
        place or forge.default_place, request.number, result.experiment, result.commit
    )
    old = _mark(own).files if own else {}
    known = _Memory(memory, forge.into.page)
    addresses = store.bring(result.files(), {**known.files, **old}, known.add)
    body = comment(result, addresses, before, forge.commit_page(result.commit))
    done = _write(forge, request, own, body, result.experiment)
    kept = {name for each in others for name in each.files} | addresses.keys()
    for name in [name for name in old if name not in kept]:
        _remove(store, name)
    return done, request.url


def _open(forge: Forge, result: Result, branch: str) -> PullRequest:
    """Open the pull request.

    Raises:
        LabError: it is the main branch, which leads nowhere.
    """
    base = forge.base()
    if branch == base and forge.remote.path == forge.into.path:
        raise LabError(
            f"{branch} is the main branch: results are posted on the pull request of another one\n"
            f"  git switch -c {result.experiment}, git push, then make publish"
        )
    return forge.open(branch, base, title(result), opening(result))


def title(result: Result) -> str:
    """Return the title as text, which a pull request wants."""
    html = to_html([COMMENT.sub("", result.title)])[0]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", html))).strip()[:250]


def _own(forge: Forge, request: PullRequest, experiment: str) -> tuple[Comment | None, list[Mark]]:
    """Return our comment on this experiment, and what all others of our kind say."""
    found = [(each, marks.read(each.body)) for each in forge.comments(request.number)]
    ours = [
        each
        for each, mark in found
        if mark and mark.experiment == experiment and forge.is_own(each)
    ]
    own = ours[-1] if ours else None
    return own, [mark for each, mark in found if mark and each is not own]


def _mark(own: Comment) -> Mark:
    found = marks.read(own.body)
    assert found
    return found


def _write(
    forge: Forge, request: PullRequest, own: Comment | None, body: str, experiment: str
) -> str:
    """Write the comment, or edit ours."""
    if own and own.body.replace("\r\n", "\n").strip() == body.strip():
        return "nothing new"
    if own:
        try:
            forge.edit(request.number, own.id, body)
            return "edited"
        except RefusedError as error:
            if error.status not in (403, 404):
                raise  # else it is somebody else's: the token did not tell who we are
    known = {own.id} if own else set()

    def posted() -> Comment | None:
        found, _ = _own(forge, request, experiment)
        return found if found and found.id not in known else None

    certain(posted, lambda: forge.post(request.number, body))
    return "posted"


def _before(forge: Forge, result: Result, request: PullRequest) -> dict[str, Before]:
    """Return the last published key numbers of the main branch, by name."""
    wanted = {metric.name for metric in result.metrics}
    found: dict[str, Before] = {}
    merged = (each for each in forge.merged() if each.base == request.base) if wanted else iter(())
    for each in islice(merged, _LOOKED_AT):
        where = f"[{forge.short}{each.number}]({each.url})"
        for mark in _marks(forge, each):
            for name in mark.metrics.keys() & wanted - found.keys():
                found[name] = Before(*mark.metrics[name], where)
        if wanted <= found.keys():
            break
    return found


def _marks(forge: Forge, request: PullRequest) -> Iterator[Mark]:
    """Give what our comments on a pull request say, the last first."""
    found = [marks.read(each.body) for each in forge.comments(request.number)]
    yield from filter(None, reversed(found))


def _remove(store, name: str) -> None:
    try:
        store.remove(name)
    except (RefusedError, KeyError):
        return  # somebody took it away already, or we may not: it harms nobody


class _Memory:
    """What was brought to a repository, where it does not tell: a file by name and address."""

    def __init__(self, path: Path, repository: str) -> None:
        self._path, self._repository = path, repository
        try:
            self._all = json.loads(path.read_text(encoding="utf-8"))
            self.files: dict[str, str] = dict(self._all.get(repository, {}))
        except (OSError, ValueError, AttributeError):
            self._all, self.files = {}, {}

    def add(self, name: str, address: str) -> None:
        """Remember a file."""
        self.files[name] = address
        self._all[self._repository] = self.files
        with replacing(self._path) as part:
            part.write_text(json.dumps(self._all, indent=1), encoding="utf-8")
