"""A folder on another machine, reached by the program `ssh` as its user has set it up.

Keys, agents, jumps and names of machines are those of `~/.ssh/config`; nobody is asked for a
password. One connection serves a whole command.
"""

import contextlib
import os
import shlex
import subprocess
import tempfile
from urllib.parse import unquote, urlsplit

from labflake.errors import LabError

_OPTIONS = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "ServerAliveInterval=10")
_SHARED = ("-o", "ControlMaster=auto", "-o", "ControlPersist=30")
_BLOCK = 32 << 20  # bytes
_FAILED = 255  # exit code of ssh itself
_GONE = 44  # ours, for a file that is not there


class Ssh:
    """What `Bucket` asks of a store, below `ssh://user@machine:port/folder`."""

    def __init__(self, url: str) -> None:
        """Note the address; nothing is asked of the machine yet.

        Raises:
            LabError: the address names no machine or no folder.
        """
        parts = urlsplit(url)
        self.place = unquote(parts.path).rstrip("/")
        machine = f"{parts.username}@{parts.hostname}" if parts.username else parts.hostname or ""
        if not self.place or not parts.hostname or machine.startswith("-") or parts.password:
            raise LabError(
                f"CACHE={url} names no folder of a machine\n"
                "  example: CACHE=ssh://ada@server.example.org/srv/cache"
            )
        port = ["-p", str(parts.port)] if parts.port else []
        self._to = [*_OPTIONS, *_SHARED, "-o", f"ControlPath={_sockets()}/%C", *port, "--", machine]

    def _run(self, command: str, *names: str, given: bytes = b"", file: str = "") -> bytes:
        """Run a command of the shell there, with names as its arguments; return what it prints.

        Raises:
            OSError: the machine cannot be reached, or the command failed.
        """
        words = " ".join(map(shlex.quote, ["sh", "-c", command, "sh", *names]))
        with open(file or os.devnull, "rb") as source:
            start = ["ssh", *self._to, words]
            if given:
                done = subprocess.run(start, input=given, capture_output=True)
            else:
                done = subprocess.run(start, stdin=source, capture_output=True)
        if done.returncode == _GONE:
            raise FileNotFoundError(names[0])
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["no answer"]
            raise ConnectionError(said[-1] if done.returncode == _FAILED else said[0])
        return done.stdout

    def cat_file(self, path: str, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes of a file, or those of a part of it."""
        cut = "" if end is None else f" | head -c {end - start}"
        return self._run(f'[ -f "$1" ] || exit {_GONE}; tail -c +{start + 1} "$1"{cut}', path)

    def pipe_file(self, path: str, data: bytes) -> None:
        """Write a file, which has its name when it is whole."""
        self._run(_WRITE, path, str(len(data)), given=data)

    def put_file(self, source: str, path: str) -> None:
        """Copy a file there, which has its name when it is whole."""
        self._run(_WRITE, path, str(os.stat(source).st_size), file=source)

    def get_file(self, path: str, target: str) -> None:
        """Copy a file from there, in parts that memory holds."""
        size = self.info(path)["size"]
        with open(target, "wb") as file:
            for start in range(0, size, _BLOCK):
                file.write(self.cat_file(path, start, min(start + _BLOCK, size)))

    def exists(self, path: str) -> bool:
        """Tell whether a file is there."""
        return self._run('[ -e "$1" ] && echo yes || :', path) == b"yes\n"

    def rm_file(self, path: str) -> None:
        """Remove a file."""
        self._run('rm -f -- "$1"', path)

    def info(self, path: str) -> dict[str, int]:
        """Return the size of a file."""
        return {"size": int(self._run(f'[ -f "$1" ] || exit {_GONE}; wc -c < "$1"', path))}

    def find(self, path: str, detail: bool = True) -> dict[str, dict]:
        """Return the size of every file below a folder, by its path."""
        lines = self._run('[ -d "$1" ] && find "$1" -type f -exec wc -c {} \\; || :', path)
        pairs = (line.split(maxsplit=1) for line in lines.decode(errors="replace").splitlines())
        return {name: {"size": int(size)} for size, name in pairs}


# A connection that breaks ends the input, too: what is too short does not get the name.
_WRITE = (
    'umask 002; mkdir -p "${1%/*}" && part="$1.$$.part" && trap \'rm -f "$part"\' EXIT'
    ' && cat > "$part" && [ "$(wc -c < "$part")" -eq "$2" ] && mv "$part" "$1"'
)


def _sockets() -> str:
    """Return a folder of ours with a short path, for the sockets of connections."""
    place = os.path.join(tempfile.gettempdir(), f"labflake-ssh-{os.geteuid()}")
    with contextlib.suppress(FileExistsError):
        os.mkdir(place, 0o700)
    found = os.lstat(place)
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise LabError(
            f"{place} is not yours alone\n  remove it: connections of ssh are kept there"
        )
    return place
