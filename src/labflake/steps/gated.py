"""The data of a build: what the gate let pass is what its steps may see."""

from labflake.content.contents import Contents
from labflake.content.folders import digest_of
from labflake.data_files import nothing
from labflake.project.experiments import Experiment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labflake.data_files.gate.record import Record


def let_pass(experiment: Experiment, contents: Contents) -> None:
    """Let the gate look at the data, and note the digests with which it passed.

    What the gate has read is not read a second time.

    Raises:
        LabError: the data changed, or cannot be fetched.
    """
    contents.data, contents.guarded = {}, {}
    if nothing.is_sure(experiment):
        return
    from labflake.data_files import gate
    from labflake.data_files.gate import inventory, record, statcache

    names = [str(path.relative_to(experiment.generated)) for path in gate.prepare(experiment)]
    for name, known in statcache.read(gate.memory(experiment)).items():
        contents.believe(name, known.stamp, known.digest)
    recorded = record.read(experiment.scripts / "hashes.txt")
    places = inventory.roots(recorded.digests, names)
    contents.data = {place: _digest(recorded, place) for place in places}
    contents.guarded = recorded.digests | contents.data


def _digest(recorded: "Record", place: str) -> str:
    """Return the digest of a file or folder, as far as it is recorded."""
    if place in recorded.digests:
        return recorded.digests[place]
    cut = len(place) + 1
    return digest_of(sorted((name[cut:], digest) for name, digest in recorded.below(place).items()))
