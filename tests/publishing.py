"""Results to publish, and forges to publish them on, for tests in this process."""

import contextlib
import io
import subprocess
from pathlib import Path
from typing import Any

import rendering
import yaml
from servers.forges import TOKEN, Forge, Gitea, GitHub, GitLab

from labflake.errors import LabError
from labflake.publish import kinds, posting
from labflake.publish.files import file
from labflake.publish.remotes import Remote
from labflake.publish.result import Figure, Result
from labflake.publish.tokens import Token
from labflake.site.metrics import Metric

NAME, BRANCH = "2024-02-29-Tiny", "2024-02-29-Tiny"
FORGES = {"gitea": Gitea, "github": GitHub, "gitlab": GitLab}
ACTIONS = rendering.REPOSITORY / rendering.PAYLOAD / ".github/workflows/experiments.yml"
PICTURE = b"\x89PNG picture"


def result(gain: float = 2.5, **changed: object) -> Result:
    """Return results with two figures, a report, and a key number."""
    given: dict = {
        "experiment": NAME,
        "commit": "1a2b3c4d" * 5,
        "title": "Does *shrinkage* help?",
        "question": "How much?",
        "abstract": f"It gains {gain} nats.",
        "metrics": [Metric("gain", f"{gain} nats", gain), Metric("rows", "569", 569.0)],
        "figures": [
            Figure(
                file(f"assets/figures/{name}.svg", PICTURE + str(gain).encode(), ".png"), "A curve."
            )
            for name in ("plot1", "plot2")
        ],
        "documents": {"report": file("outputs/report.pdf", b"%PDF " + str(gain).encode(), ".pdf")},
        "data": {"assets/data/raw.csv": "829e8c62" * 8},
        "artifacts": {
            "outputs/report.pdf": "4355a4ff" * 8,
            "assets/figures/plot1.svg": "1121cf00" * 8,
        },
    }
    return Result(**(given | changed))


def remote(server: Forge, path: str = "") -> Remote:
    """Return the repository of a server as git's remote names it."""
    return Remote("origin", server.url, path or server.path)


def client(server: Forge, token: str = TOKEN, path: str = ""):
    """Return what talks to a server."""
    return kinds.CLASSES[server.description](remote(server, path), Token(token, "FORGE_TOKEN"))


def post(server: Forge, folder: Path, found: Result | None = None, **given: Any) -> str:
    """Post results, of a fork where the server has one; return what was done."""
    place, memory = given.get("place", ""), folder / "published.json"
    branch, targets = given.get("branch", BRANCH), given.get("targets", ())
    own = client(server, path=server.fork)
    done, _ = posting.post(own, found or result(), branch, place, memory, targets)
    return done


def error(server: Forge, folder: Path, **given: Any) -> str:
    """Post results, expect a refusal, and return its message."""
    with contextlib.redirect_stderr(io.StringIO()) as said:
        try:
            post(server, folder, **given)
        except LabError as problem:
            return said.getvalue() + str(problem)
    raise AssertionError("it was posted")


def bodies(server: Forge) -> list[str]:
    """Return all comments."""
    return [c["body"] for comments in server.comments.values() for c in comments]


def git(folder: Path, *words: str) -> str:
    """Run git in a folder; return what it prints."""
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def steps(event: str) -> list[dict]:
    """Return the commands of the workflow with their variables, as a job of an event runs them."""
    listed = yaml.safe_load(ACTIONS.read_text(encoding="utf-8"))["jobs"]["experiments"]["steps"]
    there = [s for s in listed if "run" in s]
    return [s for s in there if f"'{event}'" in s.get("if", f"'{event}'")]
