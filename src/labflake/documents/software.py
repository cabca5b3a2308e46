"""Which packages a document is made with: of what renders it, of its cells, of the steps before."""

import sys

from labflake.content.contents import Contents
from labflake.programs import modules, pins
from labflake.programs.pins import Asked
from labflake.project.experiments import Experiment, root

RENDERERS = frozenset(
    {
        *("ipykernel", "ipython", "matplotlib", "nbclient", "nbformat"),
        *("pandas", "pypandoc-binary", "typst"),
    }
)


def asked(experiment: Experiment, notes: dict, contents: Contents | None = None) -> Asked:
    """Return what a document asks for of the packages.

    Args:
        experiment: its experiment.
        notes: what its cells were seen to do; they asked for everything if they started programs.
        contents: knows the steps; without it, what the cells alone ask for.
    """
    everything, looked_for = bool(notes.get("programs")), _foreign(experiment, notes)
    found = Asked(frozenset(), RENDERERS, everything, frozenset(looked_for))
    if contents:
        for step in contents.steps.values():
            found |= pins.asked_in(contents.packages[step["packages"]])
    return found


def _foreign(experiment: Experiment, notes: dict) -> set[str]:
    """Return the modules of packages that cells looked for, there or not."""
    places = (experiment.scripts, root() / "src", root())
    names = {name.split(".")[0] for name in notes.get("modules") or ()}
    names -= sys.stdlib_module_names | {pins.LABFLAKE}
    return {name for name in names if name[0] != "_" and not any(modules.files(name, places))}
