"""The generated folder as it will be when results have come from the cache, beside the real one.

A folder of links stands for the project. A Snakefile that is read there, at the same relative
paths, sees what a build would bring; the project itself stays as it is.
"""

import os
import tempfile
from pathlib import Path

from labflake.cache import Cache
from labflake.content.atomic import remove
from labflake.project.experiments import Experiment, root


class Ahead:
    """A place for results; with the first one it becomes the current folder."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self._folder: tempfile.TemporaryDirectory | None = None

    def __enter__(self) -> "Ahead":
        self._before = os.getcwd()
        return self

    def __exit__(self, *error: object) -> None:
        os.chdir(self._before)
        if self._folder:
            self._folder.cleanup()

    def bring(self, key: str, outputs: list[str], cache: Cache) -> bool:
        """Restore the result with this key; return whether it is there."""
        if any(path.startswith(("/", "..")) for path in outputs):
            return False
        if not self._folder:
            state = self.experiment.state
            state.mkdir(parents=True, exist_ok=True)
            self._folder = tempfile.TemporaryDirectory(dir=state, prefix="ahead-")
            self._here = Path(self._folder.name)
            _link(root(), self._here)
        own = self.experiment.generated.relative_to(root())
        places = {path: self._opened((own / path).parent) / Path(path).name for path in outputs}
        for place in places.values():
            remove(place)
        os.chdir(self._opened(own))
        return cache.bring(key, {path: str(place) for path, place in places.items()}) is not None

    def _opened(self, folder: Path) -> Path:
        """Return the folder of links for one of the project, with such folders around it."""
        here = self._here / folder
        if folder.parts:
            self._opened(folder.parent)
        if here.is_symlink() or not here.exists():
            here.unlink(missing_ok=True)
            here.mkdir()
            _link(root() / folder, here)
        return here


def _link(real: Path, here: Path) -> None:
    """Put links to all that is in a real folder into another one."""
    for each in real.iterdir() if real.is_dir() else ():
        (here / each.name).symlink_to(each)
