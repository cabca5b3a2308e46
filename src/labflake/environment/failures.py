"""Why packages could not be had: a sentence instead of the log of an installer."""

import platform
import re
from typing import NamedTuple

from . import PreparationError, UnfitError, sources


class Cause(NamedTuple):
    """A cause, how uv and pip word it, and what a person can do."""

    words: str
    sentence: str
    advice: str


NO_NETWORK = Cause(
    r"dns error|name resolution|resolve host|[Cc]onnection (refused|reset|closed)|timed? ?out"
    r"|unreachable|\(Connect\)|NewConnectionError|tunnel error|ProxyError|RemoteDisconnected"
    r"|IncompleteRead|end of file|broken pipe|attempts to connect|error decoding response body",
    "it cannot be reached, or the connection broke",
    "connect, or see that pip knows your proxy or index (pip config list); then make again",
)
NOT_FOUND = Cause(  # an installer says so, too, of an index that it could not ask
    r"not found in the package registry|no version of|No matching distribution|404 (Client|Not)"
    r"|not found in the provided",
    "it does not have this version",
    "see that this is the index you mean (pip config list), or lock what it has: make lock",
)
# In this order: what is said beside a more general word comes first.
CAUSES = [
    Cause(
        r"[Hh]ash mismatch|DO NOT MATCH THE HASHES",
        "the file there is not the one that poetry.lock pins, so it is not installed",
        "a mirror that changes files? use another one. A wrong lock? git checkout poetry.lock",
    ),
    Cause(
        r"Port could not be cast|invalid port number|Invalid URL|invalid value .* for '--\S*index",
        "its address cannot be read",
        "write signs of a password as pip wants them (/ is %2F): pip config list; then make again",
    ),
    Cause(
        r"No space left|Disk quota exceeded|os error 28",
        "the disk is full",
        "make room (the cache of packages: ~/.cache/uv), then make again",
    ),
    Cause(
        r"certificate|UnknownIssuer|CERTIFICATE_VERIFY|SSLError|handshake",
        "its certificate is not trusted here",
        "name the certificates of your institute: pip config set global.cert FILE; then make again",
    ),
    Cause(
        r"\b(401|403|407) (Client|Error|Proxy)|Unauthorized|Forbidden|authentication credentials",
        "it wants a login",
        "put it into ~/.netrc, or into index-url of pip's settings; then make again",
    ),
    Cause(
        r"HTTP status server error|too many 5\d\d error|5\d\d Server Error",
        "its server is out of order",
        "try again later, or use another index; then make again",
    ),
    NO_NETWORK,
    NO_FILE := Cause(
        r"no wheels with|none of the wheel's tags|platform tag|ABI tag|not a supported wheel"
        r"|no usable wheels",
        "it has no file for {machine}",
        "use another machine or Python, or a version that has one: make add PACKAGE={package}",
    ),
    Cause(
        r"Failed to build|build backend|subprocess-exited-with-error|metadata-generation-failed",
        "there is only its source, and that could not be built",
        "install the compiler or library that it names above, or lock a version with a wheel",
    ),
    Cause(
        r"text/html.*(wheel|zip)|[Cc]ontent.[Tt]ype|invalid [Zz]ip|[Zz]ip archive|unzip|BadZipFile"
        r"|Failed to (extract|parse)|unexpected HTML"
        r"|versions: none\)[\s\S]*Fetched page \S+ as text/html",
        "it answers with a page that is no list of packages, and no package",
        "a login page of the network? Open it in a browser, log in, then make again",
    ),
    NOT_FOUND,
]
UNKNOWN = Cause("", "the installer stopped", "the lines above are its own words")


def cause(said: str) -> Cause:
    """Return the cause that the words of uv or pip name."""
    return next((c for c in CAUSES if re.search(c.words, said)), UNKNOWN)


def package(said: str) -> str:
    """Return the name of the package at which uv or pip stopped; "" where they do not say."""
    patterns = (
        r"(?:download|build|fetch|install|for|extract) `([\w.-]+?)(?:==|@| @ |`)",
        r"Because ([\w.-]+?)(?:==\S+)? (?:was|has)",
        r"version of ([\w.-]+?)==",
        r"distribution found for ([\w.-]+?)==",
        r"^\s*([\w.-]+?)==\S+ from ",
        r"/([\w.-]+)/?(?:\)|`|\s|$)",
    )
    found = next((m for p in patterns if (m := re.search(p, said, re.MULTILINE))), None)
    return found[1] if found else ""


def explain(said: str, by_pip: str, version: str) -> PreparationError:
    """Return the error for a person: package, index, cause, what to do.

    Args:
        said: the words of uv.
        by_pip: the words of pip, which tried afterwards.
        version: of the Python that the packages were for.
    """
    # Where uv itself was not to be had, what pip says of the packages counts.
    both = (by_pip, said) if package(said) == "uv" else (said, by_pip)
    words = min(both, key=lambda text: [NOT_FOUND, UNKNOWN].count(cause(text)))
    words = words if cause(words) is not UNKNOWN else both[0]
    found = cause(words)
    name = package(words) or "a package"
    machine = f"{platform.system()} {platform.machine()}, Python {version}"
    filled = {"package": name, "machine": machine}
    sentence = found.sentence.format(**filled)
    kind = UnfitError if found is NO_FILE else PreparationError
    text = "\n".join(
        [
            f"{_with_version(name, words)} could not be had from {_index(words)}: {sentence}",
            *([f"  {line}" for line in _last_lines(words)] if _needs_words(found) else []),
            f"  {found.advice.format(**filled)}",
        ]
    )
    return kind(text)


def _with_version(name: str, words: str) -> str:
    found = re.search(rf"{re.escape(name)}==([\w.+!-]*\w)", words)
    return f"{name} {found[1]}" if found else name


def _index(words: str) -> str:
    """Return the index that is meant, without the name and the password that its address holds."""
    told = sources.settings()
    url = re.search(r"https?://[^\s`'\")>,]+", words)
    configured = sources.for_uv(()).get("UV_DEFAULT_INDEX", "") or sources.index()
    place = url[0] if url and "hint" not in words[: url.start()] else configured
    if sources.asks_no_index(told):
        place = told.get("find-links", "the folders of pip's settings")
    return without_secrets(re.sub(r"(?<=/simple)/.*|/[^/]*#.*", "", place)) or "the index"


def without_secrets(text: str) -> str:
    """Return a text without the names and passwords of addresses."""
    return re.sub(r"(?<=//)([^/\s]*@|[^/\s:]*:(?!\d+\b)\S*@)", "", text)


def _needs_words(found: Cause) -> bool:
    return found is UNKNOWN or "above" in found.advice


def _last_lines(words: str) -> list[str]:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return [without_secrets(line)[:160] for line in lines[-3:]]
