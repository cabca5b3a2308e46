"""A PostgreSQL server of Debian in a temporary folder, with a password of its own."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from waiting import PATIENCE

from servers import free_port

PASSWORD = "pg-Secret-81c4"


def programs() -> Path | None:
    """Return the folder of `initdb`, or None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return Path(found).parent if found else debian[-1].parent if debian else None


class PostgreSQL:
    """A running server; as root it runs under the user `postgres`, as it insists."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.port = free_port()
        self.user = {"user": "postgres"} if os.geteuid() == 0 else {}
        if self.user:
            shutil.chown(self.folder, "postgres")
        self.folder.chmod(0o755)

    def __enter__(self) -> "PostgreSQL":
        (self.folder / "password").write_text(PASSWORD)
        where = ["-D", str(self.folder / "data")]
        choices = ["-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"]
        self._run("initdb", *where, *choices, "--no-sync", f"--pwfile={self.folder}/password")
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "fsync": "off",
            "shared_buffers": "256MB",
            "max_wal_size": "4GB",
            # Not what a laptop has: a fetch must not depend on these.
            "timezone": "Asia/Kolkata",
            "datestyle": "'German, DMY'",
            "extra_float_digits": "-5",
        }
        text = " ".join(f"-c {name}={value}" for name, value in options.items())
        patient = ["-w", "-t", str(PATIENCE), "-l", str(self.folder / "log")]
        self._run("pg_ctl", *where, *patient, "-o", text, "start")
        return self

    def __exit__(self, *error: object) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        """Return the usual variables of PostgreSQL's own programs."""
        return {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": "postgres",
            "PGPASSWORD": PASSWORD,
            "PGDATABASE": "postgres",
        }

    def sql(self, text: str) -> str:
        """Run SQL with `psql` and return what it prints."""
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", text]
        environment = os.environ | self.environment
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(programs() / program), *arguments]
        log = open(self.folder / f"{program}.txt", "w")  # noqa: SIM115
        with log:
            subprocess.run(command, cwd="/", stdout=log, stderr=log, check=True, **self.user)
