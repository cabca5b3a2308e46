"""A real sshd on loopback, and the settings with which `ssh` reaches it."""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from waiting import until

from servers import free_port


def program() -> str | None:
    """Return the path of sshd, or None where ssh or sshd is not installed."""
    found = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin")
    return found if shutil.which("ssh") else None


class Ssh:
    """A running server that lets one key in, as the user who runs the tests."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sshd-"))
        self.port = free_port()
        self.files = self.folder / "a shared place"

    @property
    def url(self) -> str:
        """Return the address of the folder that is shared."""
        return f"ssh://127.0.0.1:{self.port}{self.files}".replace(" ", "%20")

    @property
    def environment(self) -> dict[str, str]:
        """Return a PATH on which `ssh` has the settings of these tests, and none of a person."""
        return {"PATH": f"{self.folder}/bin:{os.environ['PATH']}"}

    def __enter__(self) -> "Ssh":
        for name in ("host", "user"):
            key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
            subprocess.run(key, check=True)
        allowed = self.folder / "allowed"
        shutil.copy(self.folder / "user.pub", allowed)
        allowed.chmod(0o600)
        own, port = (self.folder / "host.pub").read_text(), self.port
        (self.folder / "known").write_text(f"[127.0.0.1]:{port} {own}")
        self._write_settings()
        os.makedirs("/run/sshd", exist_ok=True)
        options = [f"Port={port}", "ListenAddress=127.0.0.1", "StrictModes=no", "UsePAM=no"]
        options += [f"HostKey={self.folder}/host", f"AuthorizedKeysFile={allowed}"]
        options += [f"PidFile={self.folder}/pid", "Subsystem=sftp internal-sftp"]
        words = [word for option in options for word in ("-o", option)]
        with (self.folder / "log").open("wb") as log:
            command = [str(program()), "-D", "-e", "-f", "/dev/null", *words]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait()
        return self

    def _write_settings(self) -> None:
        options = [f"IdentityFile {self.folder}/user", f"UserKnownHostsFile {self.folder}/known"]
        (self.folder / "config").write_text("\n".join(["Host *", *options, "IdentitiesOnly yes"]))
        own = self.folder / "bin" / "ssh"
        own.parent.mkdir()
        real = shlex.quote(str(shutil.which("ssh")))
        own.write_text(f'#!/bin/sh\nexec {real} -F {shlex.quote(str(self.folder))}/config "$@"\n')
        own.chmod(0o755)

    def _wait(self) -> None:
        asked = ["ssh", "-o", "BatchMode=yes", "-p", str(self.port), "127.0.0.1", "true"]
        env = os.environ | self.environment
        until(
            lambda: subprocess.run(asked, env=env, capture_output=True).returncode == 0,
            self.process,
            (self.folder / "log").read_text,
        )

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
