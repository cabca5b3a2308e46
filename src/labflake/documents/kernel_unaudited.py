"""Runs inside the kernel of a document: notes what of its cells no audit event of Python tells.

Those are modules that are compiled, workers that C starts, and what cells give to a shell.
"""

import functools
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader

from labflake.documents import kernel_notes, looks


def begin() -> None:
    """Note what the modules here were read from, and from now on what the cells do."""
    _compile_what_matters()
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if path and kernel_notes.matters(path):
            kernel_notes.notes.read[path] = looks.look(path)
    _note_workers()
    _note_commands()
    sys.addaudithook(kernel_notes.notes.hook)


def _compile_what_matters() -> None:
    """Let Python compile our modules from their text, which is then seen to be read.

    Whether compiled code belongs to a text it tells by size and time in whole seconds: it would
    run the old code of a module that is saved twice within a second.
    """
    original = SourceFileLoader.path_stats

    def path_stats(self: SourceFileLoader, path: str):
        if kernel_notes.matters(path):
            raise OSError("is compiled from its text")
        return original(self, path)

    setattr(SourceFileLoader, "path_stats", path_stats)  # noqa: B010


def _note_workers() -> None:
    """Note the start of worker processes: for some, Python has no audit event."""
    import _posixsubprocess

    original = _posixsubprocess.fork_exec

    def fork_exec(*arguments):
        kernel_notes.notes.programs = kernel_notes.notes.programs or not kernel_notes.importing()
        return original(*arguments)

    _posixsubprocess.fork_exec = fork_exec


def _note_commands() -> None:
    """Note what cells give to a shell (`!cat x`, `%%bash`): no audit event has the text."""
    from ipykernel import zmqshell
    from IPython import get_ipython

    setattr(zmqshell, "system", _noted(zmqshell.system))  # noqa: B010
    shell = get_ipython()
    scripts = shell.magics_manager.registry["ScriptMagics"].magics["cell"] if shell else {}
    for name, magic in scripts.items():
        shell.magics_manager.magics["cell"][name] = _noted(magic)


def _noted(run: Callable) -> Callable:
    """Return a function that notes the commands that it is given before it runs them."""

    @functools.wraps(run)
    def noted(*commands: str):
        kernel_notes.notes.hook("os.system", ("\n".join(map(str, commands)),))
        return run(*commands)

    return noted
