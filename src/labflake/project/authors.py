"""Who the project is by, as `pyproject.toml` says."""

from labflake.project import packages
from labflake.project.experiments import root


def names() -> list[str]:
    """Return the names of the authors; none if the file cannot be read."""
    people = packages.facts(root()).get("project", {}).get("authors", [])
    return [person["name"] for person in people if person.get("name")]
