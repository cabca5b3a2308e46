"""Files on a branch of their own, one commit without a past: they are in no history of code."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from labflake.data_files.sources.secrecy import hidden
from labflake.project.git import git, run
from labflake.publish.client import RefusedError
from labflake.publish.files import File

if TYPE_CHECKING:
    from labflake.publish.forge import Forge


class BranchStore:
    """The branch `results/<experiment>`; its commit is the same for the same files."""

    def __init__(self, forge: "Forge", experiment: str, commit: str) -> None:
        self._forge, self._commit = forge, commit
        self._branch = f"refs/heads/results/{experiment}"

    def bring(
        self, files: list[File], known: dict[str, str], done: Callable[[str, str], None]
    ) -> dict[str, str]:
        """Push all files as one commit; return the address of each.

        Raises:
            RefusedError: the push is refused.
        """
        with tempfile.TemporaryDirectory() as folder:
            own = _repository(folder)
            made = self._made(files, own)
            remote = self._forge.remote.name
            listed = git("ls-remote", "--", remote, self._branch)
            if listed.split("\t")[0] != made:
                push = ("push", "--quiet", "--force", "--", remote, f"{made}:{self._branch}")
                code, _, said = run("-c", "core.hooksPath=/dev/null", *push, variables=own)
                if code:
                    raise RefusedError(
                        f"the push of {self._branch} is refused\n  {hidden(said)}", code
                    )
        return {file.name: self._forge.raw(made, file.name) for file in files}

    def remove(self, name: str) -> None:
        """Leave it: the next commit does not have it."""

    def _made(self, files: list[File], own: dict[str, str]) -> str:
        """Write the commit; return its name."""
        lines = []
        for file in sorted(files, key=lambda each: each.name):
            path = Path(own["GIT_WORK_TREE"], "content")
            path.write_bytes(file.content)
            blob = git("hash-object", "-w", "--no-filters", str(path), variables=own)
            lines.append(f"100644 blob {blob}\t{file.name}")
        tree = git("mktree", given="".join(f"{line}\n" for line in lines), variables=own)
        names = ("AUTHOR_NAME", "AUTHOR_EMAIL", "AUTHOR_DATE")
        said = git("log", "-1", "--no-color", "--date=raw", "--format=%an%n%ae%n%ad", self._commit)
        who = {}
        for name, value in zip(names, said.split("\n"), strict=True):
            who[f"GIT_{name}"] = who[f"GIT_{name.replace('AUTHOR', 'COMMITTER')}"] = value
        text = f"Results at {self._commit[:12]}"
        return git(
            "-c", "commit.gpgSign=false", "commit-tree", "-m", text, tree, variables=own | who
        )


def _repository(folder: str) -> dict[str, str]:
    """Make a repository that reaches the same servers; return the variables that name it.

    The project's own would keep the files, and a branch of them, for good.
    """
    git("init", "--quiet", folder)
    known = git("rev-parse", "--path-format=absolute", "--git-path", "config")
    with open(Path(folder, ".git", "config"), "a", encoding="utf-8") as config:
        path = known.replace("\\", "\\\\").replace('"', '\\"')
        config.write(f'[include]\n\tpath = "{path}"\n[core]\n\tbare = false\n')
    return {"GIT_DIR": str(Path(folder, ".git")), "GIT_WORK_TREE": folder}
