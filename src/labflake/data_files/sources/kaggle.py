"""Files of competitions and datasets on Kaggle, over its documented HTTP interface."""

import base64
import shutil
import zipfile
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from labflake.data_files.sources import checks, credentials, secrecy
from labflake.data_files.sources.download import Download
from labflake.data_files.sources.job import Job
from labflake.errors import LabError

FORMS = "kaggle://competitions/NAME/FILE or kaggle://datasets/OWNER/NAME/FILE"
VARIABLES = {"username": "KAGGLE_USERNAME", "key": "KAGGLE_KEY"}
ALL = VARIABLES | {"token": "KAGGLE_API_TOKEN", "endpoint": "KAGGLE_API_ENDPOINT"}
ENDPOINT = "https://www.kaggle.com"
MEANING = {
    401: f"it does not know these credentials; look into {credentials.FILE} and KAGGLE_*",
    403: "not allowed; did you join the competition and accept its rules on the website?",
    404: "there is no such file; its name is the one that the Data page shows",
}


@dataclass(frozen=True, kw_only=True)
class Kaggle:
    """A file of a competition, or of a dataset at its newest or a given version."""

    gives_one_file: ClassVar = True  # which may be an archive

    url: str
    version: int = 0
    sha256: str = ""
    keep: bool | None = None

    def described(self) -> str:
        """Return the address."""
        return secrecy.without(self.url)

    def identity(self) -> dict[str, Any]:
        """Return the address and the version."""
        return {"url": self.url, "version": self.version}

    def problem(self, name: str) -> str | None:
        """Return what is wrong with the address or the digest, or None."""
        if problem := checks.secret(self.url):
            return problem
        kind, *parts = self._parts()
        least = {"competitions": 2, "datasets": 3}.get(kind, 99)
        if len(parts) < least or "" in parts or ".." in parts:
            return f"{self.url!r} is not of the form {FORMS}"
        if self.version and kind != "datasets":
            return "version is for datasets only"
        return checks.sha256(self.sha256)

    def fetch(self, job: Job) -> None:
        """Download the file; one that Kaggle sends as a zip comes out of it.

        Raises:
            LabError: A credential is missing or refused, or there is no such file.
        """
        found = credentials.find("kaggle", ALL)
        part = job.scratch / "part"
        headers = {"Authorization": _authorization(found)}
        address = self._address(found.get("endpoint", ENDPOINT))
        Download(address, part, job.name, headers, MEANING).run()
        checks.expected(part, self.sha256, job.name)
        name = self._parts()[-1]
        if zipfile.is_zipfile(part) and not name.endswith((".zip", ".npz", ".xlsx", ".docx")):
            _unzip(part, name, job)
        else:
            part.replace(job.target)

    def _parts(self) -> list[str]:
        return self.url.partition("://")[2].split("/")

    def _address(self, endpoint: str) -> str:
        kind, *parts = (quote(part, safe="") for part in self._parts())
        if kind == "competitions":
            path = f"competitions/data/download/{parts[0]}/{'/'.join(parts[1:])}"
        else:
            path = f"datasets/download/{parts[0]}/{parts[1]}/{'/'.join(parts[2:])}"
        version = f"?datasetVersionNumber={self.version}" if self.version else ""
        return f"{endpoint.rstrip('/')}/api/v1/{path}{version}"


def _authorization(found: dict[str, str]) -> str:
    if token := found.get("token"):
        return f"Bearer {token}"
    missing = {name: VARIABLES[name] for name in VARIABLES if name not in found}
    if missing:
        where = "https://www.kaggle.com/settings, section API, Create New Token"
        raise credentials.missing("kaggle://", "kaggle", missing, where)
    pair = f"{found['username']}:{found['key']}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def _unzip(part: Any, name: str, job: Job) -> None:
    """Take the one file out of the zip in which Kaggle sends large tables."""
    with zipfile.ZipFile(part) as opened:
        members = [info for info in opened.infolist() if not info.is_dir()]
        if len(members) != 1 or members[0].filename.rpartition("/")[2] != name:
            names = ", ".join(info.filename for info in members[:5])
            raise LabError(f"assets/data/{job.name}: Kaggle sent a zip with {names}, not {name}")
        with opened.open(members[0]) as source, open(job.target, "wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
    part.unlink()
