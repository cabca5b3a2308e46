"""devpi, as institutes run it: a mirror of another index, and an index of a person on top of it.

This file is a program of devpi's own environment, too: there it starts the server.
"""

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

# A pin, since it is a real server of the tests and nothing that anybody's results depend on.
WANTED = ["devpi-server==6.20.3", "setuptools<81"]
MIRROR = "root/pypi"  # the user and the index, as devpi calls its own mirror


class Devpi:
    """The running server; `url` is the simple index of a person, which inherits from `mirrored`."""

    def __init__(
        self, kept: Path, folder: Path, mirrored: str, port: int, inside: list[str]
    ) -> None:
        programs = _installed(kept / WANTED[0]) / "bin"
        self.url = f"http://127.0.0.1:{port}/ann/dev/+simple/"
        arguments = [str(folder), str(port), mirrored]
        self._command = [*inside, str(programs / "python"), __file__, *arguments]

    def __enter__(self) -> "Devpi":
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        ready = self._process.stdout.readline()
        assert ready, "devpi did not start"
        return self

    def __exit__(self, *error: object) -> None:
        self._process.stdin.close()
        self._process.wait()


def _installed(home: Path) -> Path:
    """Make an environment with devpi; it is kept for the next time."""
    if not (home / "complete").exists():
        subprocess.run(["python3", "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run(
            [home / "bin/python", "-m", "pip", "install", "--quiet", *WANTED], check=True
        )
        (home / "complete").touch()
    return home


def serve(folder: Path, port: str, mirrored: str) -> None:
    """Start the server, make its indexes, say so, and stay until the end."""
    programs, data = Path(sys.executable).parent, ["--serverdir", str(folder / "data")]
    with (folder / "log").open("w") as log:
        where = {
            "stdout": log,
            "stderr": log,
            "cwd": folder,
            "env": os.environ | {"HOME": str(folder)},
        }
        subprocess.run([programs / "devpi-init", "--no-root-pypi", *data], check=True, **where)
        listening = ["--host", "127.0.0.1", "--port", port]
        server = subprocess.Popen([programs / "devpi-server", *data, *listening], **where)
        try:
            _fill(f"http://127.0.0.1:{port}", mirrored)
            print("ready", flush=True)
            sys.stdin.read()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()


def _fill(url: str, mirrored: str) -> None:
    """Make the mirror, and the index of a person who has uploaded nothing yet."""
    login = _waited(url, {"user": "root", "password": ""})
    token = base64.b64encode(f"root:{login['result']['password']}".encode()).decode()
    mirror = {"type": "mirror", "mirror_url": mirrored, "mirror_no_project_list": True}
    _say("PUT", f"{url}/{MIRROR}", mirror, token)
    _say("PUT", f"{url}/ann", {"password": "devpi-Secret"}, token)
    _say("PUT", f"{url}/ann/dev", {"type": "stage", "bases": [MIRROR]}, token)


def _waited(url: str, login: dict) -> dict:
    """Log in as soon as the server answers."""
    end = time.monotonic() + 300
    while True:
        try:
            return _say("POST", f"{url}/+login", login)
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _say(method: str, url: str, body: dict, token: str = "") -> dict:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    headers |= {"X-Devpi-Auth": token} if token else {}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), *sys.argv[2:])
