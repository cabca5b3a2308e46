"""What no step may write, and no command may remove: data that is declared or recorded."""

from collections.abc import Iterable

from labflake.data_files import nothing
from labflake.errors import LabError
from labflake.project.experiments import Experiment


class Guarded:
    """The names of all data of an experiment, files and folders, below its generated folder."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted(names)
        self._names = frozenset(self.names)
        self._around = frozenset(folder for name in self.names for folder in _folders(name))

    def holds(self, path: str) -> bool:
        """Return whether a path is data, or lies in a folder of data."""
        return path in self._names or not self._names.isdisjoint(_folders(path))

    def touches(self, path: str) -> bool:
        """Return whether a path is data, lies in a folder of data, or is a folder around some."""
        return self.holds(path) or path in self._around

    def refuse(self, rule: str, outputs: Iterable[str]) -> None:
        """Refuse a rule that would write data.

        Raises:
            LabError: One of its outputs is data.
        """
        for path in outputs:
            if self.touches(path.rstrip("/")):
                raise LabError(
                    f"rule {rule}: its output {path} is data, which no step may replace\n"
                    "  config.yaml declares it under data:, or hashes.txt records it\n"
                    "  give the output another name, or take the data out of these files"
                )


def of(experiment: Experiment) -> Guarded:
    """Return the names of all data of an experiment."""
    if nothing.is_sure(experiment):
        return Guarded(())
    from labflake.data_files import sources
    from labflake.data_files.gate import record
    from labflake.data_files.gate.inventory import DATA, roots

    declared = [DATA + name for name in sources.declared(experiment)]
    return Guarded(roots(record.read(experiment.scripts / "hashes.txt").digests, declared))


def _folders(path: str) -> list[str]:
    """Return the folders around a path, as it is written."""
    return [path[:end] for end, letter in enumerate(path) if letter == "/"]
