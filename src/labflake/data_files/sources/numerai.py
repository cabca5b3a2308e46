"""Files of the Numerai tournament, over its documented GraphQL interface."""

from dataclasses import dataclass
from typing import Any, ClassVar

from labflake.data_files.sources import checks, credentials, secrecy
from labflake.data_files.sources.download import Download
from labflake.data_files.sources.job import Job
from labflake.errors import LabError

VARIABLES = {"public_id": "NUMERAI_PUBLIC_ID", "secret_key": "NUMERAI_SECRET_KEY"}
ALL = VARIABLES | {"endpoint": "NUMERAI_API_ENDPOINT"}
ENDPOINT = "https://api-tournament.numer.ai"
QUERY = "query ($filename: String!) { dataset(filename: $filename) }"


@dataclass(frozen=True, kw_only=True)
class Numerai:
    """A file as `numerai://v5.0/train.parquet` names it."""

    gives_one_file: ClassVar = True  # which may be an archive

    url: str
    sha256: str = ""
    keep: bool | None = None

    def described(self) -> str:
        """Return the address."""
        return self.url

    def identity(self) -> dict[str, Any]:
        """Return the address."""
        return {"url": self.url}

    def problem(self, name: str) -> str | None:
        """Return what is wrong with the address or the digest, or None."""
        if problem := checks.secret(self.url):
            return problem
        parts = self._file().split("/")
        if "" in parts or ".." in parts:
            return f"{self.url!r} is not of the form numerai://v5.0/train.parquet"
        return checks.sha256(self.sha256)

    def fetch(self, job: Job) -> None:
        """Ask for the address of the file, and download it.

        Raises:
            LabError: A credential is missing or refused, or there is no such file.
        """
        found = credentials.find("numerai", ALL)
        part = job.scratch / "part"
        Download(self.url, part, job.name, address=lambda: self._signed(found)).run()
        checks.expected(part, self.sha256, job.name)
        part.replace(job.target)

    def _file(self) -> str:
        return self.url.partition("://")[2]

    def _signed(self, found: dict[str, str]) -> str:
        """Return the address, good for a short time, from which the file comes."""
        import requests

        endpoint = found.get("endpoint", ENDPOINT)
        body: Any = {"query": QUERY, "variables": {"filename": self._file()}}
        headers = {"Accept": "application/json"} | _authorization(found)
        try:
            answer = requests.post(endpoint, json=body, headers=headers, timeout=60)
            content = answer.json()
        except (requests.exceptions.RequestException, ValueError):
            text = f"{self.url}: the server does not answer as expected; try make again later"
            raise LabError(text) from None
        if answer.status_code in (401, 403):
            raise _unknown(found)
        return self._address(content)

    def _address(self, content: Any) -> str:
        address = ((content or {}).get("data") or {}).get("dataset")
        if not isinstance(address, str):
            errors = (content or {}).get("errors") or [{}]
            text = secrecy.redacted(str(errors[0].get("message", "it gives no address")))
            raise LabError(f"{self.url}: {text[:200]}")
        return address


def _authorization(found: dict[str, str]) -> dict[str, str]:
    """Return the header with the credentials; most files need none."""
    given = [name for name in VARIABLES if name in found]
    if not given:
        return {}
    if len(given) < len(VARIABLES):
        raise _unknown(found)
    return {"Authorization": f"Token {found['public_id']}${found['secret_key']}"}


def _unknown(found: dict[str, str]) -> LabError:
    """Return the error about credentials that are missing or refused."""
    missing = {name: VARIABLES[name] for name in VARIABLES if name not in found}
    if missing:
        where = "https://numer.ai/account, section Automation, Create API key"
        return credentials.missing("numerai://", "numerai", missing, where)
    return LabError(
        f"numerai:// does not know these credentials\n  look into {credentials.FILE} and NUMERAI_*"
    )
