"""Why a command failed, as data: a code, a message, a hint, and whether changes were rolled back."""

from provisioner.errors import NOT_RUNNING, Exit, NoEngineError, ProvisionerError
from provisioner.host import System
from provisioner.platforms import machine
from provisioner.typed import Any, NamedTuple

# Error codes for an engine that does not answer: Docker is installed but stopped, or it is not installed.
STOPPED, ABSENT = "engine-stopped", "engine-absent"
NO_ENGINE = (NOT_RUNNING, STOPPED, ABSENT, "engine-unreachable", "engine-unavailable")
INTERRUPTED = 130  # the exit status that a shell reports after SIGINT
LOCAL = ("unix:///var/run/docker.sock", "unix:///run/docker.sock")
# The command that starts the daemon, by a path that identifies the host's service manager.
STARTS = (
    ("/run/systemd/system", "systemctl start docker"),
    ("/run/openrc/softlevel", "rc-service docker start"),
    ("/etc/service/docker/run", "sv start docker"),
    ("/etc/init.d/docker", "service docker start"),
)


class Failure(NamedTuple):
    """How a command failed. ``rolled_back`` says whether all changes were undone; None means nothing was changed."""

    exit_status: int
    code: str
    message: str
    hint: str
    rolled_back: bool | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the object ``error`` of a JSON document."""
        return {name: value for name, value in self._asdict().items() if name != "exit_status"}


def of(error: BaseException, host: System | None = None) -> Failure:
    """Convert an exception to a failure. With a host, also find out why the engine does not answer."""
    if isinstance(error, KeyboardInterrupt):
        return Failure(INTERRUPTED, "interrupted", "interrupted", "")
    if isinstance(error, ProvisionerError):
        undone = {Exit.ROLLED_BACK: True, Exit.ROLLBACK_FAILED: False, Exit.PARTLY: False}.get(error.status)
        found = Failure(int(error.status), error.code, error.message, error.hint or "", undone)
        silent = isinstance(error, NoEngineError) and error.code == NOT_RUNNING and error.address in LOCAL
        return _looked_into(host, found) if host is not None and silent else found
    if isinstance(error, OSError):
        message = f"{error.filename or 'this host'}: {error.strerror or error}"
        return Failure(int(Exit.FAILED), "io", message, "make room or correct it, then run the same command again")
    message = f"this is a bug in provisioner: {type(error).__name__}: {error}"
    return Failure(int(Exit.BUG), "bug", message, "run the same command with --verbose and report what it prints")


def _looked_into(host: System, found: Failure) -> Failure:
    """Say of the host's own engine, which does not answer, whether Docker is stopped or not installed."""
    if machine.chrooted(host):
        message = "this is a chroot, in which no Docker runs (nothing listens on /var/run/docker.sock)"
        return found._replace(code=STOPPED, message=message, hint="leave it, and run `provisioner apply --root DIR`")
    if host.program("dockerd") is None:
        message = "Docker is not installed on this host (no dockerd, and nothing listens on /var/run/docker.sock)"
        hint = "install Docker Engine, or point DOCKER_HOST at another engine"
        return found._replace(code=ABSENT, message=message, hint=hint)
    start = next((command for sign, command in STARTS if host.stat(sign)), "dockerd")
    message = "Docker is not running (nothing listens on /var/run/docker.sock)"
    return found._replace(code=STOPPED, message=message, hint=f"start it with `{start}`")
