"""Errors of hosts, with exit statuses from the project's table."""

import os


class HostError(Exception):
    """A host did not do what was requested, or not in time."""

    status = os.EX_SOFTWARE


class BuildError(HostError):
    """A part of a host could not be built. The message ends with the last output lines of the failed program."""

    status = os.EX_UNAVAILABLE


class LackError(HostError):
    """This machine lacks something. The message is one sentence that says what would help."""

    status = os.EX_UNAVAILABLE


class ForbiddenError(LackError):
    """This machine does not allow something."""

    status = os.EX_NOPERM
