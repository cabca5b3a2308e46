"""Write the record of an experiment's artifacts, `outputs.txt`."""

from labflake.content.digests import sha256
from labflake.data_files import recorded
from labflake.data_files.gate import record
from labflake.errors import LabError
from labflake.project.experiments import RECORD, Experiment, head_commit
from labflake.verify.artifacts import last_made


def write(experiment: Experiment) -> record.Record:
    """Write the hashes of all artifacts that are here; where they are as recorded, nothing.

    What stands there instead of a record, such as a conflict of a merge, is replaced.
    """
    data = record.read(experiment.scripts / "hashes.txt").digests
    known = record.Record(experiment.scripts / RECORD)
    for name, path in last_made(experiment.generated, data).items():
        known.set(name, sha256(str(path)))
    known.tail = [recorded.MADE + head_commit()] if head_commit() else []
    try:
        before = recorded.of(experiment)
    except LabError:
        before = {}
    if known.digests != before:
        known.write()
    return known
