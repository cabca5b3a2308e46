"""The error that a person can act on."""


class LabError(Exception):
    """What happened, why it matters and what to do, in about three short lines.

    The command line prints it after `error: ` and ends with exit code 1; no traceback.
    """
