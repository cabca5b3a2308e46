"""Which forge a server is: known by its name, by what CI says, by its answer, or by the setting."""

import json
import os
from collections.abc import Callable

from labflake.errors import LabError
from labflake.publish.client import session
from labflake.publish.forge import Forge
from labflake.publish.gitea import Gitea
from labflake.publish.github import GitHub
from labflake.publish.gitlab import GitLab
from labflake.publish.remotes import Remote
from labflake.publish.settings import TABLE, Settings
from labflake.publish.tokens import Token

CLASSES: dict[str, Callable[[Remote, Token], Forge]] = {
    "gitea": Gitea,
    "forgejo": Gitea,
    "github": GitHub,
    "gitlab": GitLab,
}
_HOSTS = {
    "github.com": "github",
    "gitlab.com": "gitlab",
    "codeberg.org": "forgejo",
    "gitea.com": "gitea",
}
_PROBES = (("/api/v1/version", "version", "gitea"), ("/api/v4/version", "message", "gitlab"))


def kind(remote: Remote, settings: Settings, ask: bool = True) -> str:
    """Return which forge the server of a remote is.

    Args:
        remote: the repository there.
        settings: what the project says of it.
        ask: the server may be asked.

    Raises:
        LabError: it cannot be found out.
    """
    known = settings.forge or _HOSTS.get(remote.host) or _in_ci(remote)
    found = known or (ask and _answered(remote)) or _named(remote.host)
    if found:
        return found
    raise LabError(
        f"which forge is {remote.host}? neither its name nor its answers say so\n"
        f'  forge = "gitea" (or forgejo, github, gitlab) in {TABLE};\n'
        f'  where its pages are elsewhere, also address = "https://…"'
    )


def _in_ci(remote: Remote) -> str:
    """Return what the job that we are in says of its own server."""
    if os.environ.get("CI_SERVER_URL", "").rstrip("/") == remote.web:
        return "gitlab"
    if os.environ.get("GITHUB_SERVER_URL", "").rstrip("/") != remote.web:
        return ""
    names = {"FORGEJO_ACTIONS": "forgejo", "GITEA_ACTIONS": "gitea"}
    return next((forge for name, forge in names.items() if os.environ.get(name)), "")


def _answered(remote: Remote) -> str:
    """Ask the server, without a token."""
    import requests

    with session() as asking:
        for path, key, forge in _PROBES:
            try:
                answer = asking.get(remote.web + path, timeout=10, allow_redirects=False)
                if key in json.loads(answer.content) and answer.status_code in (200, 401, 403):
                    return forge
            except (requests.RequestException, ValueError, TypeError):
                continue
    return ""


def _named(host: str) -> str:
    return next((forge for forge in ("github", "gitlab", "forgejo", "gitea") if forge in host), "")
