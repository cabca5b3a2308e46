"""Where this machine gets Python packages from: the settings of its pip, said to pip and to uv."""

import os
import shutil
from functools import cache
from pathlib import Path

from . import PreparationError, interpreter, pip_files, programs


@cache
def pip() -> list[str]:
    """Return the command that runs pip: the machine's, else the wheel that Python brings.

    Raises:
        PreparationError: there is none.
    """
    python = interpreter.allowed()
    if programs.ask([python, "-c", "import pip"]).returncode == 0:
        return [python, "-m", "pip"]
    bundled = (
        "import ensurepip, pathlib\n"
        "print(*pathlib.Path(ensurepip.__file__).parent.rglob('pip-*.whl'), sep='\\n')"
    )
    wheels = programs.ask([python, "-c", bundled]).stdout.splitlines()
    if not wheels:
        raise PreparationError(
            f"{python} has no pip, which is needed once to install uv\n"
            "  install it (Debian, Ubuntu: apt install python3-pip) or enter with: nix develop"
        )
    return [python, f"{wheels[-1]}/pip"]


@cache
def settings() -> dict[str, str]:
    """Return what files and variables tell pip about indexes and the way to them."""
    try:
        listed = programs.ask([*pip(), "config", "list"]).stdout
    except PreparationError:
        return {}
    import ast

    pairs = [line.partition("=") for line in listed.splitlines() if "=" in line]
    found = {}
    for section in ("global", "install", ":env:"):  # the later one wins, as in pip
        for key, _, value in pairs:
            if key.rpartition(".")[0] == section and key.rpartition(".")[2] in programs.REACH:
                found[key.rpartition(".")[2]] = str(ast.literal_eval(value))
    return found


@cache
def probable() -> dict[str, str]:
    """Return the same, soon, as the files of pip have it; pip itself has the last word."""
    try:
        return pip_files.settings(interpreter.allowed())
    except PreparationError:
        return {}


@cache
def index() -> str:
    """Return the package index that pip uses on this machine; "" without pip."""
    if url := settings().get("index-url"):
        return url
    ask = (
        "from pip._internal.commands import create_command\n"
        "print(create_command('install').parser.get_default_values().index_url)"
    )
    try:
        path = {"PYTHONPATH": os.path.dirname(pip()[-1])} if pip()[-1].endswith("/pip") else {}
        return programs.ask([pip()[0], "-c", ask], for_pip() | path).stdout.strip()
    except PreparationError:
        return ""


def further() -> list[str]:
    """Return the other indexes, and the pages of links, that pip asks over a network.

    Of pages those that Poetry knows as such, by the end of their name.
    """
    indexes = settings().get("extra-index-url", "").split()
    pages = [u for u in settings().get("find-links", "").split() if u.endswith((".html", ".htm"))]
    return [url for url in [*indexes, *pages] if url.startswith("http")]


def for_pip() -> dict[str, str]:
    """Return the variables for pip: where packages are, and nothing else of its settings."""
    own = {"PIP_" + k.upper().replace("-", "_"): v for k, v in settings().items()}
    if bundle := certificates(settings()):
        own["PIP_CERT"] = bundle  # an old pip looks at fewer variables
    env = {k: v for k, v in programs.variables().items() if not k.startswith("PIP_")}
    alone = {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return env | own | alone | {"PIP_NO_INPUT": "1"}


def for_uv(indexes: tuple[str, ...], told: dict[str, str] | None = None) -> dict[str, str]:
    """Return the variables for uv: what pip is told on this machine; what uv is told itself wins.

    Args:
        indexes: those that the lock names itself.
        told: what pip is told, where that is known already.
    """
    told = settings() if told is None else told
    env = programs.variables()
    own = {k: v for k, v in env.items() if k.startswith("UV_")}
    index = {} if {"UV_INDEX_URL", "UV_DEFAULT_INDEX"} & set(own) else _index(told)
    said = index | _places(told, indexes) | _certificates(told) | _constants()
    return env | {k: v for k, v in said.items() if v} | own


def _index(told: dict[str, str]) -> dict[str, str]:
    return {"UV_DEFAULT_INDEX": told.get("index-url", "")}


def _places(told: dict[str, str], indexes: tuple[str, ...]) -> dict[str, str]:
    """Say further indexes and folders; those that are not there would be errors of uv."""
    proxy, hosts = told.get("proxy", ""), told.get("trusted-host", "").split()
    more = [u for u in told.get("extra-index-url", "").split() if _exists(u)]
    links = [p for p in told.get("find-links", "").split() if _exists(p)]
    return {
        "UV_INDEX": " ".join([*more, *indexes]),
        "UV_FIND_LINKS": ",".join(links),
        "UV_NO_INDEX": "1" if asks_no_index(told) else "",
        "UV_INSECURE_HOST": " ".join(hosts),
        "HTTP_PROXY": proxy,
        "HTTPS_PROXY": proxy,
        "ALL_PROXY": proxy,
        "UV_HTTP_TIMEOUT": told.get("timeout") or told.get("default-timeout", ""),
    }


def _certificates(told: dict[str, str]) -> dict[str, str]:
    """Say which certificates to trust, and which one to show."""
    bundle = certificates(told)
    name = "SSL_CERT_DIR" if os.path.isdir(bundle) else "SSL_CERT_FILE"
    return {name: bundle, "SSL_CLIENT_CERT": os.path.expanduser(told.get("client-cert", ""))}


def certificates(told: dict[str, str]) -> str:
    """Return the file or folder of what pip trusts: of its settings, else of the variables."""
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    given = told.get("cert") or next((v for n in names if (v := os.environ.get(n))), "")
    return os.path.expanduser(given)


def _constants() -> dict[str, str]:
    return {
        "UV_SYSTEM_CERTS": "1",
        "UV_NATIVE_TLS": "1",
        "UV_KEYRING_PROVIDER": "subprocess" if shutil.which("keyring") else "",
        # Hashes decide what is installed, so any index may bring it.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def _exists(place: str) -> bool:
    path = os.path.expanduser(place.removeprefix("file://"))
    return "://" in path or Path(path).exists()


def asks_no_index(told: dict[str, str]) -> bool:
    """Tell whether these settings of pip forbid to ask any index."""
    return is_on(told.get("no-index", ""))


def is_on(word: str) -> bool:
    """Tell whether a setting of pip means yes."""
    return word.strip().lower() in ("1", "true", "yes", "on", "y", "t")
