"""Exit statuses, and errors that are a sentence and a next step.

An error that the user can act on is a ``ProvisionerError``; anything else that reaches the top is a bug of ours.
"""

from enum import IntEnum

NOT_RUNNING = "engine-not-running"  # the code of an error: nothing listens where the engine should


class Exit(IntEnum):
    """The exit statuses of docs/design.md, section 7; the numbers from 64 are those of sysexits.h."""

    OK = 0
    FAILED = 1  # check, plan: could not tell; apply: failed, nothing was changed
    DRIFT = 2
    ROLLED_BACK = 3
    ROLLBACK_FAILED = 4
    BLOCKED = 5  # converged but for what is blocked
    USAGE = 64
    NO_ENGINE = 69
    BUG = 70
    BUSY = 75
    DENIED = 77
    CONFIG = 78


class ProvisionerError(Exception):
    """One sentence that names the culprit; ``hint`` is what to do next, ``code`` names the kind for machines."""

    status = Exit.FAILED
    code = "failed"

    def __init__(self, message: str, *, hint: str | None = None, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code:
            self.code = code


class UsageError(ProvisionerError):
    """The command line is not one of ours."""

    status = Exit.USAGE
    code = "usage"


class NoEngineError(ProvisionerError):
    """No daemon answers, or the one that does is not ours to provision."""

    status = Exit.NO_ENGINE
    code = "engine-unavailable"


class ClusterError(ProvisionerError):
    """A Kubernetes cluster does not answer, or its kubeconfig does not lead to one."""


class BusyError(ProvisionerError):
    """Another run holds the lock."""

    status = Exit.BUSY
    code = "busy"


class HoldError(ProvisionerError):
    """Applies are held on this host for now."""

    status = Exit.BUSY
    code = "frozen"


class DeniedError(ProvisionerError):
    """The host does not let this user do or see it."""

    status = Exit.DENIED
    code = "permission-denied"


class ConfigError(ProvisionerError):
    """The configuration asks for something that is not there to be asked for."""

    status = Exit.CONFIG
    code = "configuration"


class CommandError(ProvisionerError):
    """A program that was to change the host failed, or did not end in time."""

    code = "command-failed"


class RolledBackError(ProvisionerError):
    """An apply failed; the host was observed to be as before."""

    status = Exit.ROLLED_BACK
    code = "rolled-back"


class PutOffError(ProvisionerError):
    """What was to be done may not be done now: something has come up that forbids it."""

    status = Exit.BLOCKED


class RollbackFailedError(ProvisionerError):
    """An apply failed and so did its rollback; the message lists what is left."""

    status = Exit.ROLLBACK_FAILED
    code = "rollback-failed"
