"""Who the project is by, as `pyproject.toml` says."""

from labflake.project.experiments import root


def names() -> list[str]:
    """Return the names of the authors; none if the file cannot be read."""
    import tomllib

    try:
        project = tomllib.loads((root() / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    people = project.get("project", {}).get("authors", [])
    return [person["name"] for person in people if person.get("name")]
