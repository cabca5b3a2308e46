"""The token for a forge: from the environment, else from git's credential helper; never shown."""

import os
import re
from dataclasses import dataclass, field

from labflake.errors import LabError
from labflake.project.git import run
from labflake.publish.remotes import Remote

# Which variables hold a token for a forge, the first that is set wins.
_VARIABLES = {
    "github": ("GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"),
    "gitlab": ("GITLAB_TOKEN", "CI_JOB_TOKEN"),
    "gitea": ("GITEA_TOKEN", "FORGEJO_TOKEN", "GITHUB_TOKEN"),
    "forgejo": ("FORGEJO_TOKEN", "GITEA_TOKEN", "GITHUB_TOKEN"),
}
# Where a second variable says which server a token is for, no other server gets it.
_SERVERS = {
    "CI_JOB_TOKEN": "CI_SERVER_URL",
    "FORGEJO_TOKEN": "FORGEJO_SERVER_URL",
    "GITEA_TOKEN": "GITEA_SERVER_URL",
    "GITHUB_TOKEN": "GITHUB_SERVER_URL",
    "GH_TOKEN": "GH_HOST",
    "GITLAB_TOKEN": "GITLAB_HOST",
}
_BOUND = {"CI_JOB_TOKEN"}  # belongs to a server always
_ENTERPRISE = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
JOB = "CI_JOB_TOKEN"
_PATIENCE = 60  # seconds for a helper, which may have to unlock something
_SILENT = {"GCM_INTERACTIVE": "never", "SSH_ASKPASS": ""}  # helpers ask nobody


@dataclass(frozen=True)
class Token:
    """A token, where it is from, and the user that it belongs to where git knows one."""

    value: str = field(repr=False)
    origin: str
    user: str = ""


def find(forge: str, remote: Remote) -> Token:
    """Return the token for the server of a remote.

    Raises:
        LabError: there is none; the message says where to put one.
    """
    for name in _names(forge, remote):
        if value := os.environ.get(name, "").strip():
            return _sound(Token(value, name))
    if found := _of_git(remote):
        return _sound(found)
    names = [name for name in _VARIABLES[forge] if name not in (JOB, *_ENTERPRISE)]
    raise LabError(
        f"there is no token for {remote.host}, so nothing can be posted there\n"
        f"  make one there that may write to repositories, and export {names[0]},\n"
        "  or git push over https with the token as password, where a credential helper keeps it"
    )


def _sound(token: Token) -> Token:
    """Return a token that can be one: what a server takes as a header.

    Raises:
        LabError: it has blanks, or letters that no token has; they are not shown.
    """
    if re.fullmatch("[!-~]+", token.value):
        return token
    raise LabError(
        f"what {token.origin} holds is no token: it has blanks, or letters beyond ASCII\n"
        "  nothing was sent; take the token once more, as the server shows it"
    )


def _names(forge: str, remote: Remote) -> list[str]:
    """Return the variables whose token is for this server."""
    names = [name for name in _VARIABLES[forge] if _is_for(name, forge, remote)]
    is_public = remote.host == "github.com" or remote.host.endswith(".ghe.com")
    if forge == "github":
        chosen = [n for n in names if n in _ENTERPRISE]
        rest = [n for n in names if n not in _ENTERPRISE]
        return rest if is_public else [*chosen, *rest]
    return names


def _is_for(name: str, forge: str, remote: Remote) -> bool:
    server = os.environ.get(_SERVERS.get(name, ""), "").rstrip("/")
    own = name not in _BOUND and not (name == "GITHUB_TOKEN" and forge != "github")
    return server in (remote.web, remote.host) if server else own


def _of_git(remote: Remote) -> Token | None:
    """Ask git's credential helpers as git itself does, without a question to anybody."""
    scheme, _, host = remote.web.partition("://")
    server, _, base = host.partition("/")
    path = "/".join(part for part in (base, remote.path) if part)
    asked = {"protocol": scheme, "host": server, "path": f"{path}.git"}
    asked |= {"username": remote.user} if remote.user else {}
    asked |= {"password": remote.password} if remote.password else {}
    given = "".join(f"{name}={value}\n" for name, value in asked.items()) + "\n"
    silent = ("-c", "credential.interactive=false", "-c", "core.askPass=")
    answer = run(*silent, "credential", "fill", given=given, variables=_SILENT, seconds=_PATIENCE)
    found = dict(line.split("=", 1) for line in answer[1].splitlines() if "=" in line)
    value = "" if answer[0] else found.get("password", "")
    return Token(value, "git", found.get("username", "")) if value else None
