"""Post the results of the current experiment on the pull request of the branch (`make publish`).

`DRY_RUN=1` writes what would be sent as a page, asks no server, and needs no token.
"""

import sys

from labflake.errors import LabError
from labflake.processes.alone import alone
from labflake.programs import touched
from labflake.project.experiments import Experiment, current, relative
from labflake.project.git import is_here
from labflake.project.options import flag, option
from labflake.publish import kinds, page, posting, refusals, remotes, result, settings, tokens


def main(argv: list[str]) -> None:
    """Publish, and print where it is."""
    if not is_here():
        raise LabError("the project is not in git, so there is no pull request to post on")
    experiments = touched.own(option("BASE")) if flag("CHANGED") else [current()]
    if not experiments:
        print("nothing to publish: the branch changed no experiment")
    for experiment in experiments:
        _publish(experiment, settings.read())


def _publish(experiment: Experiment, chosen: settings.Settings) -> None:
    if flag("DRY_RUN"):
        _write_page(experiment, chosen)
        return
    remote, branch = remotes.find(chosen), remotes.branch()
    with alone(experiment):  # what is looked at is what is sent, once: nothing else runs meanwhile
        refusals.refuse(refusals.reasons(experiment, remote.name, branch), experiment)
        found = _gathered(experiment)
        forge = kinds.kind(remote, chosen)
        server = kinds.CLASSES[forge](remote, tokens.find(forge, remote))
        memory, targets = experiment.state / "published.json", remotes.targets(chosen, remote)
        done, where = posting.post(server, found, branch, chosen.files, memory, targets)
    print(f"{done}: {where}")


def _gathered(experiment: Experiment) -> result.Result:
    found = result.gather(experiment)
    for problem in found.problems:
        print(f"warning: {problem}", file=sys.stderr)
    return found


def _write_page(experiment: Experiment, chosen: settings.Settings) -> None:
    """Write what would be sent as a page, with what stands in the way."""
    notes = refusals.local(experiment)
    try:
        own = remotes.find(chosen)
        into = (*remotes.targets(chosen, own), own)[0]
        where = f"{into.page}, branch {remotes.branch()}"
    except LabError as error:
        where, notes = "no pull request", [*notes, str(error)]
    path = experiment.state / "publish.html"
    page.write(path, _gathered(experiment), where, notes)
    print(f"{relative(path)}   nothing was sent")
    for note in notes:
        print(f"  in the way: {note}")
