"""Read and check what `config.yaml` says under `data:`."""

from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields
from typing import Any, get_type_hints

from labflake.data_files.sources import archive, kinds
from labflake.data_files.sources.job import Source
from labflake.data_files.sources.secrecy import plain
from labflake.errors import LabError, meant
from labflake.project.experiments import Experiment, relative

EXAMPLE = "raw.csv: {function: NAME}, {file: PATH} or {url: https://…}"
_WORDS = {
    str: "a text",
    bool: "true or false",
    int: "a number",
    dict: "key: value pairs",
    list: "a list",
}


def declared(experiment: Experiment) -> dict[str, Source]:
    """Return the sources of an experiment by the name of their data.

    Raises:
        LabError: A declaration is not understood; the message has the allowed keys.
    """
    where = relative(experiment.scripts / "config.yaml")
    section = experiment.config().get("data") or {}
    if not isinstance(section, dict):
        raise LabError(f"{where}: data: names and their sources are expected\n  {EXAMPLE}")
    found = {name: _source(f"{where}: data: {name}", name, section[name]) for name in section}
    for name, source in found.items():
        circle = getattr(source, "circle", None)  # of what other experiments make
        if circle and (problem := circle(experiment)):
            raise LabError(f"{where}: data: {name}: {problem}")
        inside = [other for other in found if other.startswith(f"{name}/")]
        if inside:
            raise LabError(f"{where}: data: {inside[0]} lies inside {name}; give one of them")
    return found


def _source(where: str, name: Any, settings: Any) -> Source:
    problem = _problem_of_name(name)
    if isinstance(settings, str) and "://" in settings:
        settings = {"url": settings}
    if not isinstance(settings, dict):
        problem = problem or f"no source is given\n  for example {EXAMPLE}"
    if problem:
        raise LabError(f"{where}: {problem}")
    source = _made(where, settings)
    if problem := source.problem(name):
        raise LabError(f"{where}: {problem}")
    return source


def _made(where: str, settings: dict) -> Source:
    """Return the source, inside `Unpacked` where members of an archive are wanted."""
    kind = _kind(where, settings)
    packed = getattr(kind, "gives_one_file", False)
    choice = {key: settings[key] for key in archive.KEYS if packed and key in settings}
    rest = {key: value for key, value in settings.items() if key not in choice}
    _check_keys(where, kind, rest, archive.KEYS if packed else ())
    if not choice:
        return kind(**rest)
    _check_types(where, archive.Unpacked, choice)
    return archive.Unpacked(source=kind(**rest), **choice)


def _problem_of_name(name: Any) -> str | None:
    if not isinstance(name, str):
        return "a name has to be a text: put it in quotes"
    parts = name.split("/")
    if "" in parts or "." in parts or ".." in parts or parts[0] in (".fetch", ".versions"):
        return "a name is a path below assets/data, such as raw.csv or images/first"
    if name.endswith(".drifted"):
        return "names that end in .drifted are for data that changed at its source"
    return None


def _kind(where: str, settings: dict) -> type:
    """Return the class of a source: one key says what it is."""
    chosen = kinds.keys_in(settings)
    if len(chosen) != 1:
        known = kinds.all_keys()
        found = f"{' and '.join(chosen)} exclude each other" if chosen else "it has no source"
        asked = "" if chosen else next((q for k in settings if (q := _meant(k, known))), "")
        raise LabError(f"{where}: {found}\n  {asked}give one of: {', '.join(known)}")
    try:
        return kinds.of_key(chosen[0]) or _by_scheme(settings["url"])
    except LabError as error:
        raise LabError(f"{where}: {error}") from None


def _by_scheme(url: Any) -> type:
    """Return the class of what lies at an address."""
    scheme, mark, _ = str(url).partition("://")
    if mark and (kind := kinds.of_scheme(scheme)):
        return kind
    known = kinds.all_schemes()
    hint = _meant(scheme, known, "{}://".format)
    what = f"no source for {scheme}://" if mark else f"{plain(str(url))!r} is no address"
    raise LabError(f"{what}\n  {hint}known: {', '.join(known)}")


def _check_keys(where: str, kind: type, settings: dict, more: Iterable[str]) -> None:
    allowed = {field.name: field for field in fields(kind)}
    names = [*(name for name in allowed if name != "keep"), *more, "keep"]
    for key in settings:
        if key not in allowed:
            asked = _meant(key, names)
            raise LabError(f"{where}: unknown key {key!r}\n  {asked}allowed: {', '.join(names)}")
    for key, field in allowed.items():
        required = field.default is MISSING and field.default_factory is MISSING
        if required and key not in settings:
            raise LabError(f"{where}: the key {key!r} is missing")
    _check_types(where, kind, settings)


def _meant(key: Any, known: Iterable[str], show: Callable[[str], str] = repr) -> str:
    question = meant(key, known, most=1, show=show)
    return f"{question} " if question else ""


def _check_types(where: str, kind: type, settings: dict) -> None:
    hints = get_type_hints(kind)
    for key, value in settings.items():
        if not isinstance(value, hints[key]):
            kinds = getattr(hints[key], "__args__", (hints[key],))
            words = " or ".join(_WORDS[each] for each in kinds if each in _WORDS)
            quoted = "\n  put it in quotes" if words == _WORDS[str] else ""
            raise LabError(f"{where}: {key} has to be {words}, not {_shown(value)}{quoted}")


def _shown(value: Any) -> str:
    """Return a value as a message may show it: a text could be a secret."""
    return repr(value) if isinstance(value, int | float) else _WORDS.get(type(value), "this")
