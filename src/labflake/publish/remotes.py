"""Where the repository is on its forge: found from the address of git's remote."""

import os
import re
import subprocess
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote, urlsplit

from labflake.data_files.sources.secrecy import hidden
from labflake.errors import LabError
from labflake.project.git import git, run
from labflake.publish.settings import TABLE, Settings

_SCP = re.compile(r"(?:[^@/:\s]+@)?(\[[\da-fA-F:]+\]|\w[\w.-]*):(?!//)(.+)")
_BY_SSH = {"ssh.github.com": "github.com", "altssh.gitlab.com": "gitlab.com"}  # their port 443
UPSTREAM = "upstream"  # what people call the repository that theirs is a fork of
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class Remote:
    """A repository on a forge.

    Attributes:
        name: what git calls the remote.
        web: the address of the server in a browser, without a slash at the end.
        path: the repository there: `owner/name`, `group/subgroup/name`.
        user: the user in the address that git has; "" without one.
        password: what stands there after it; never to be shown.
    """

    name: str
    web: str
    path: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def host(self) -> str:
        """Return the server and its port, as people write it."""
        return self.web.partition("://")[2]

    @property
    def page(self) -> str:
        """Return the address of the repository in a browser."""
        return f"{self.web}/{quote(self.path)}"

    @property
    def owner(self) -> str:
        """Return who has the repository: all of its path but the last part."""
        return self.path.rpartition("/")[0]


def find(settings: Settings) -> Remote:
    """Return the remote that has the branch.

    Raises:
        LabError: there is none, or its address is none of a forge.
    """
    name = settings.remote or _name()
    if found := _remote(name, settings):
        return found
    known = ", ".join(git("remote").split())
    others = f"; it has {known}" if known else ", nor any other"
    raise LabError(
        f"git has no remote {name}, where the pull request would be{others}\n"
        f"  add it: git remote add {name} ADDRESS   or name another: remote in {TABLE}"
    )


def targets(settings: Settings, own: Remote) -> tuple[Remote, ...]:
    """Return the repositories that the pull request may be in, the likeliest first.

    They are those of the setting `into`, else of a remote `upstream` on the same server, as
    people call the repository that theirs is a fork of, else the one that ours is fetched from,
    where pushes go to another one; none where nobody said anything.

    Raises:
        LabError: the setting names no remote, or one on another server.
    """
    found = _remote(settings.into or UPSTREAM, settings)
    if not settings.into and not found and addresses(own.name, "pushurl"):
        fetched = addresses(own.name, "url")
        found = _repository(own.name, fetched[0], settings) if fetched else None
        found = found if found and found.path.lower() != own.path.lower() else None
    is_there = found is not None and _server(found) == _server(own)
    if found and is_there:  # ssh has no port of pages: both are reached as ours is
        found = replace(found, web=own.web)
        is_own = found.path.lower() == own.path.lower()
        return (own,) if is_own else (found,) if settings.into else (found, own)
    if settings.into:
        why = f"lies on {found.host}, not on {own.host}" if found else "is unknown to git"
        raise LabError(f"{TABLE}: into is {settings.into!r}, and that remote {why}")
    return ()


def _remote(name: str, settings: Settings) -> Remote | None:
    """Return a remote of git, None where there is none: the repository that pushes go to.

    Its address is taken as it is written, where that names a server: what a person's settings make
    of it is for git alone. `gh:ann/study` names none, and is what git makes of it.
    """
    written = [*addresses(name, "pushurl"), *addresses(name, "url")]
    return _repository(name, written[0], settings) if written else None


def _repository(name: str, written: str, settings: Settings) -> Remote:
    if (host := _parts(written)[1]) and "." not in host:
        written = git("ls-remote", "--get-url", "--", written)
    return parsed(name, written, settings.address)


def addresses(name: str, kind: str) -> list[str]:
    """Return the addresses of a remote, those of a kind: `url`, or `pushurl`."""
    return git("config", "--get-all", f"remote.{name}.{kind}", allowed=(0, 1)).splitlines()


def _server(remote: Remote) -> str | None:
    return urlsplit(remote.web).hostname


def parsed(name: str, written: str, address: str = "") -> Remote:
    """Return the repository that an address of git means.

    Args:
        name: what git calls the remote.
        written: the address as git has it.
        address: that of the server in a browser, where people say it.

    Raises:
        LabError: it is the address of no server.
    """
    scheme, host, path, user, password = _parts(written)
    odd = re.search(r"[\x00-\x20\x7f]", "".join((written, path, user, password)))
    if not host or not path or odd or {".", "..", ""}.intersection(path.split("/")):
        raise LabError(
            f"the remote {name} is no address of a forge: {hidden(written)!r}\n"
            "  results are posted on GitHub, GitLab, Gitea or Forgejo;"
            f" name another remote in {TABLE}"
        )
    web = address.rstrip("/") or f"{scheme}://{host}"
    _refuse_plain(web, by_address=bool(address))
    base = urlsplit(web).path.strip("/")
    inside = path.removeprefix(f"{base}/") if base else path
    if "/" not in inside:
        raise LabError(f"the remote {name} names no OWNER/REPOSITORY: {hidden(written)!r}")
    return Remote(name, web, inside, user, password)


def _name() -> str:
    """Return the remote that the branch is pushed to, else origin, else the only one."""
    branch = run("symbolic-ref", "--quiet", "--short", "HEAD")[1].strip()
    asked = [f"branch.{branch}.pushRemote", "remote.pushDefault", f"branch.{branch}.remote"]
    names = [name for name in git("remote").split() if not name.startswith("-")]
    for setting in asked:  # it may be an address, too, or `.` for this repository
        if (found := git("config", "--get", setting, allowed=(0, 1))) in names:
            return found
    return names[0] if len(names) == 1 else "origin"


def _parts(written: str) -> tuple[str, str, str, str, str]:
    """Return scheme and server in a browser, the path there, user and password."""
    if "://" not in written:
        match = _SCP.fullmatch(written)
        return ("https", _resolved(match[1]), _path(match[2]), "", "") if match else ("",) * 5
    try:
        parts = urlsplit(written)
        port = parts.port
    except ValueError:
        return ("",) * 5
    if parts.scheme in ("http", "https"):
        host = f"{_bracketed(parts.hostname)}:{port}" if port else _bracketed(parts.hostname)
        found = (parts.scheme, host, _path(parts.path))
        return (*found, unquote(parts.username or ""), unquote(parts.password or ""))
    if parts.scheme in ("ssh", "git", "git+ssh", "ssh+git"):  # its port is not that of the pages
        return ("https", _resolved(_bracketed(parts.hostname)), _path(parts.path), "", "")
    return ("",) * 5


def _bracketed(host: str | None) -> str:
    return f"[{host}]" if host and ":" in host else host or ""


def _path(text: str) -> str:
    return unquote(text).strip("/").removesuffix(".git").strip("/")


def _resolved(host: str) -> str:
    """Return the server that ssh means by a name; people give names to servers in its settings."""
    if "." not in host and re.fullmatch(r"\w[\w-]*", host) and host != "localhost":
        try:
            done = subprocess.run(["ssh", "-G", host], capture_output=True, text=True, timeout=10)
            found = re.search(r"^hostname (\S+)$", done.stdout, re.M)
            host = found[1] if found else host
        except (OSError, subprocess.TimeoutExpired):
            pass
    return _BY_SSH.get(host, host)


def _refuse_plain(web: str, by_address: bool) -> None:
    """Refuse to send a token where everybody on the way can read it.

    Raises:
        LabError: the address is http, and it is not this machine.
    """
    parts = urlsplit(web)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise LabError(f"{TABLE}: address is {web!r}\n  example: https://git.example.org:3000")
    if parts.scheme == "http" and _bracketed(parts.hostname) not in LOOPBACK and not by_address:
        raise LabError(
            f"{hidden(web)} is not encrypted: everybody on the way could read the token\n"
            f"  give the remote an https address; or, if that is meant, address in {TABLE}"
        )


def branch() -> str:
    """Return the branch that is checked out; in CI, where none is, the one that it was started for.

    Raises:
        LabError: there is none.
    """
    found = run("symbolic-ref", "--quiet", "--short", "HEAD")[1].strip()
    for name in ("GITHUB_HEAD_REF", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_BRANCH"):
        found = found or os.environ.get(name, "")
    if not found and os.environ.get("GITHUB_REF_TYPE") == "branch":
        found = os.environ.get("GITHUB_REF_NAME", "")
    if not found:
        raise LabError(
            "no branch is checked out, so there is no pull request to post on\n  git switch BRANCH"
        )
    return found
