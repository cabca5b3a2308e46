"""A network of its own in which only loopback answers, and no pip.conf of the machine counts."""

import fcntl
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

_SYSTEM_WIDE = ("/etc/pip.conf", "/etc/xdg/pip/pip.conf", "/etc/uv/uv.toml", "/etc/xdg/uv/uv.toml")


class Loopback:
    """The network; commands that start with `inside` are in it.

    Where the platform has no such thing, `inside` is empty: commands have the machine's network.
    """

    def __enter__(self) -> "Loopback":
        user = ["--user", "--map-root-user"] if os.getuid() else []
        command = ["unshare", "--net", "--mount", *user, sys.executable, __file__]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except FileNotFoundError:
            self._process = None
        self.inside = self._enter() if self._process and self._process.stdout.readline() else []
        return self

    def __exit__(self, *error: object) -> None:
        if self._process:
            self._process.stdin.close()
            self._process.wait()

    def _enter(self) -> list[str]:
        user = ["--user", "--preserve-credentials"] if os.getuid() else []
        return ["nsenter", "--target", str(self._process.pid), "--net", "--mount", *user]


def main() -> None:
    """Switch loopback on, hide what was set for the whole machine, and stay until the end."""
    with socket.socket() as any_socket:
        request = struct.pack("16sh14x", b"lo", 1)  # IFF_UP
        fcntl.ioctl(any_socket, 0x8914, request)  # SIOCSIFFLAGS
    for file in filter(os.path.exists, _SYSTEM_WIDE):
        subprocess.run(["mount", "--bind", os.devnull, Path(file).resolve()], check=True)
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
