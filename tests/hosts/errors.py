"""What can go wrong with a host, each with the exit status of the project's table."""

import os


class HostError(Exception):
    """A host did not do what was asked of it, or not in time."""

    status = os.EX_SOFTWARE


class BuildError(HostError):
    """A part of a host could not be built; the message ends with the last lines of the program that failed."""

    status = os.EX_UNAVAILABLE


class LackError(HostError):
    """This machine lacks something; the message is one sentence that says what would help."""

    status = os.EX_UNAVAILABLE


class ForbiddenError(LackError):
    """This machine does not allow something."""

    status = os.EX_NOPERM
