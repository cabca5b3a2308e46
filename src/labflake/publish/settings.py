"""What `[tool.labflake.publish]` of pyproject.toml says: where results are posted, and how."""

import tomllib
from dataclasses import dataclass, fields

from labflake.errors import LabError, meant
from labflake.project.experiments import root

TABLE = "[tool.labflake.publish] in pyproject.toml"
FORGES = ("gitea", "forgejo", "github", "gitlab")
PLACES = ("attachments", "release", "branch")


@dataclass(frozen=True)
class Settings:
    """The settings; an empty text is what is found out.

    Attributes:
        forge: what the server is, one of `FORGES`.
        address: where the server is in a browser: https://git.example.org:3000/path.
        remote: which remote of git has the pull requests.
        into: the remote whose repository gets the pull request, where that is not the same.
        files: where figures and documents are put, one of `PLACES`.
    """

    forge: str = ""
    address: str = ""
    remote: str = ""
    into: str = ""
    files: str = ""


def read() -> Settings:
    """Return the settings of this project.

    Raises:
        LabError: there is a setting, or a value, that means nothing.
    """
    path = root() / "pyproject.toml"
    try:
        tools = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LabError(f"pyproject.toml is not valid TOML: {error}") from None
    given = tools.get("labflake", {}).get("publish", {})
    known = [field.name for field in fields(Settings)]
    for name, value in given.items():
        if name not in known:
            hint = meant(name, known) or f"there are {', '.join(known)}"
            raise LabError(f"{TABLE} has no setting {name}\n  {hint}")
        _check(name, value)
    return Settings(**given)


def _check(name: str, value: object) -> None:
    choices = {"forge": FORGES, "files": PLACES}.get(name)
    if not isinstance(value, str) or (choices and value not in choices):
        what = f"one of {', '.join(choices)}" if choices else "a text"
        raise LabError(f"{TABLE}: {name} is {value!r}\n  it has to be {what}")
