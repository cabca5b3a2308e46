"""Run the programs that make an environment, and keep the user's settings from misleading them."""

import contextlib
import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

# What makes a Python import other packages than its own.
_MISLEADING = re.compile(
    r"PYTHON(PATH|HOME|DONTWRITEBYTECODE|USERBASE|SAFEPATH)|CONDA_PREFIX|VIRTUAL_ENV"
)
# pip and uv may be told where packages are and how to reach them; where they go and which ones
# they are is decided here.
REACH = (
    *("index-url", "extra-index-url", "find-links", "no-index", "cert", "client-cert"),
    *("trusted-host", "proxy", "no-proxy-env", "timeout", "default-timeout", "retries"),
    *("resume-retries", "keyring-provider", "use-feature", "use-deprecated", "cache-dir"),
    *("no-cache-dir", "disable-pip-version-check"),
)
_UV = re.compile(
    "UV_(DEFAULT_INDEX|INDEX.*|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|INSECURE_HOST|HTTP_.*|REQUEST_.*"
    "|CACHE_DIR|NO_CACHE|KEYRING_PROVIDER|NATIVE_TLS|SYSTEM_CERTS|OFFLINE|CONFIG_FILE|NO_CONFIG"
    "|CONCURRENT_.*|LINK_MODE|PYTHON_INSTALL_.*|CREDENTIALS_DIR)"
)


def variables() -> dict[str, str]:
    """Return the user's variables without those that would change what is installed, and where."""
    return {k: v for k, v in os.environ.items() if _is_harmless(k)}


def _is_harmless(name: str) -> bool:
    if name.startswith("PIP_"):
        return name == "PIP_CONFIG_FILE" or name[4:].lower().replace("_", "-") in REACH
    return bool(_UV.fullmatch(name)) if name.startswith("UV_") else not _MISLEADING.fullmatch(name)


def ask(
    command: list[str],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    meanwhile: Callable[[], object] = bool,
) -> subprocess.CompletedProcess[str]:
    """Run a command; return its exit code and what it printed; one that is not there fails.

    Args:
        command: the program, and its words.
        env: its variables; without them those of the person that are harmless.
        cwd: the folder in which it runs.
        meanwhile: what to do until it ends.
    """
    try:
        process = subprocess.Popen(
            command,
            env=env or variables(),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))
    with process:
        try:
            meanwhile()
            printed, said = process.communicate()
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, printed, said)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let a second one wait for who is at work in a folder, where the file system can."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def cache_home() -> Path:
    """Return the folder of the user's cache in which the tools of all projects live."""
    base = os.environ.get("XDG_CACHE_HOME") or home() / ".cache"
    return Path(base) / "labflake"


def settle(folder: Path) -> None:
    """Let caches lie in the project where the folder for them cannot be written; say so."""
    base = cache_home().parent
    there = next(path for path in (base, *base.parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        own = folder / "generated" / ".home" / ".cache"
        os.environ["XDG_CACHE_HOME"] = str(own)
        say(f"{there} cannot be written: what is fetched is kept in {own.relative_to(folder)}")


def home() -> Path:
    """Return the folder of the user; who has none, as in some containers, gets one in here."""
    try:
        return Path.home()
    except RuntimeError:
        return Path.cwd() / "generated" / ".home"


def say(line: str) -> None:
    """Tell the person who waits."""
    print(line, file=sys.stderr, flush=True)
