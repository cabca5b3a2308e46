"""Settings that YAML reads as something else than they show: `1e-5` as a text, `NO` as false."""

import sys

from labflake.project.experiments import Experiment, relative

_SHOWN = 5


def warn(experiment: Experiment) -> None:
    """Name the values of `config.yaml` that are not what they look like."""
    import yaml

    from labflake.project import strict_yaml

    path = experiment.scripts / "config.yaml"
    try:
        found = [*strict_yaml.misread(path.read_text(encoding="utf-8"))]
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return  # who reads it for a build says so
    if not found:
        return
    named = [f"{text} (line {line}) is {value!r}" for line, text, value in found[:_SHOWN]]
    more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    print(
        f"warning: {relative(path)} is read as YAML: {', '.join(named)}{more}\n"
        "  quote what is a text ('1e-5'); numbers are written 1.0e-5 or 750, truth true or false",
        file=sys.stderr,
        flush=True,
    )
