"""What pip is told on this machine, read from its files: to start pip takes longer than to install.

For a first attempt only, from what is cached; where that fails, pip itself is asked.
"""

import configparser
import os
import sys
from pathlib import Path

from . import programs

_NAME = "pip.conf"


class _Parser(configparser.RawConfigParser):
    """Reads one name for each setting, however it is spelled."""

    def optionxform(self, optionstr: str) -> str:
        return _spelled(optionstr)


def settings(python: str) -> dict[str, str]:
    """Return what files and variables tell pip about indexes and the way to them.

    Args:
        python: the one whose pip is meant.
    """
    parser = _Parser()
    try:
        parser.read(_places(python))
    except (configparser.Error, UnicodeDecodeError):
        return {}
    found: dict[str, str] = {}
    for section in ("global", "install"):  # the later one wins, as in pip
        found |= parser[section] if parser.has_section(section) else {}
    variables = programs.variables().items()
    found |= {_spelled(k[4:]): v for k, v in variables if k.startswith("PIP_")}
    return {k: v for k, v in found.items() if k in programs.REACH}


def _spelled(key: str) -> str:
    return key.lower().replace("_", "-").removeprefix("--")


def _places(python: str) -> list[Path]:
    """Return the files of pip; the later one wins."""
    named = os.environ.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return []
    own = [] if named and os.path.exists(named) else _of_user()
    around = [Path(python).parent.parent / _NAME]
    return [*_of_machine(), *own, *around, *([Path(named)] if named else [])]


def _of_machine() -> list[Path]:
    if sys.platform == "darwin":
        return [Path("/Library/Application Support/pip", _NAME)]
    folders = os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    return [*(Path(f, "pip", _NAME) for f in folders.split(os.pathsep)), Path("/etc", _NAME)]


def _of_user() -> list[Path]:
    home = programs.home()
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    if sys.platform == "darwin":
        support = home / "Library/Application Support/pip"
        config = support.parent if support.is_dir() else home / ".config"
    return [home / ".pip" / _NAME, config / "pip" / _NAME]
