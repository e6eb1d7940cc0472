"""Exit statuses and the errors shown to users. Each error has a message and, where possible, a next step.

The program raises a ``ProvisionerError`` for every problem that the user can act on. Any other exception that reaches
the top is a bug in provisioner.
"""

# Error code: nothing listens on the engine's socket.
NOT_RUNNING = "engine-not-running"


class Exit:
    """The exit statuses of docs/design.md, section 7. The numbers from 64 come from sysexits.h.

    They are plain numbers, because ``import enum`` takes a thirtieth of a check.
    """

    OK = 0
    FAILED = 1  # check, plan: could not tell; apply: failed before it changed anything
    DRIFT = 2
    ROLLED_BACK = 3
    ROLLBACK_FAILED = 4
    BLOCKED = 5  # converged, except for what is blocked
    PARTLY = 6  # apply to all engines: some are changed, and another one failed
    USAGE = 64
    NO_ENGINE = 69
    BUG = 70
    BUSY = 75
    DENIED = 77
    CONFIG = 78


class ProvisionerError(Exception):
    """An error message. ``hint`` is the next step for the user. ``code`` names the kind of error for machines.

    ``said`` is what a program printed, or the engine answered, as its reason.
    """

    status = Exit.FAILED
    code = "failed"

    def __init__(self, message: str, *, hint: str | None = None, code: str = "", said: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.said = said
        if code:
            self.code = code


class UsageError(ProvisionerError):
    """The command line is not valid."""

    status = Exit.USAGE
    code = "usage"


class NoEngineError(ProvisionerError):
    """The Docker daemon does not answer, or provisioner cannot manage the daemon that does.

    ``address`` is the address at which nothing listens, if that is the reason.
    """

    status = Exit.NO_ENGINE
    code = "engine-unavailable"

    def __init__(
        self, message: str, *, hint: str | None = None, code: str = "", address: str = "", said: str = ""
    ) -> None:
        super().__init__(message, hint=hint, code=code, said=said)
        self.address = address


class ClusterError(ProvisionerError):
    """A Kubernetes cluster does not answer, or its kubeconfig does not lead to a cluster."""


class BusyError(ProvisionerError):
    """Another run holds the lock."""

    status = Exit.BUSY
    code = "busy"


class HoldError(ProvisionerError):
    """Applies are currently frozen on this host."""

    status = Exit.BUSY
    code = "frozen"


class DeniedError(ProvisionerError):
    """The host denies this user permission to do or see something."""

    status = Exit.DENIED
    code = "permission-denied"


class ConfigError(ProvisionerError):
    """The configuration is not valid, or asks for something that does not exist."""

    status = Exit.CONFIG
    code = "configuration"


class CommandError(ProvisionerError):
    """A program that should change the host failed or timed out."""

    code = "command-failed"


class RolledBackError(ProvisionerError):
    """An apply failed, and provisioner verified that the host is back in its previous state."""

    status = Exit.ROLLED_BACK
    code = "rolled-back"


class PartlyError(ProvisionerError):
    """An apply to all engines changed some of them and failed for another one. What was changed stays."""

    status = Exit.PARTLY
    code = "partly"


class PutOffError(ProvisionerError):
    """A step cannot run now because something new on the host forbids it."""

    status = Exit.BLOCKED


class RollbackFailedError(ProvisionerError):
    """An apply failed, and its rollback failed too. The message lists what is left to repair."""

    status = Exit.ROLLBACK_FAILED
    code = "rollback-failed"
