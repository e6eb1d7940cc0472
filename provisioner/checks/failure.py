"""Why a command failed, as data: a code, a message, what to do, and what was rolled back."""

from provisioner.errors import NOT_RUNNING, Exit, ProvisionerError
from provisioner.host import System
from provisioner.typed import Any, NamedTuple

# Engine codes after a look at the host: is there a daemon that could be started, or none at all?
STOPPED, ABSENT = "engine-stopped", "engine-absent"
NO_ENGINE = (NOT_RUNNING, STOPPED, ABSENT, "engine-unreachable", "engine-unavailable")
INTERRUPTED = 130  # what a shell says of a program that SIGINT has ended
LOCAL = ("unix:///var/run/docker.sock", "unix:///run/docker.sock")
# What starts the daemon, by the sign of the service manager that runs the host.
STARTS = (
    ("/run/systemd/system", "systemctl start docker"),
    ("/run/openrc/softlevel", "rc-service docker start"),
    ("/etc/service/docker/run", "sv start docker"),
    ("/etc/init.d/docker", "service docker start"),
)


class Failure(NamedTuple):
    """How a command failed. ``rolled_back``: whether everything that was done has been undone; None: nothing was."""

    exit_status: int
    code: str
    message: str
    hint: str
    rolled_back: bool | None = None

    def as_json(self) -> dict[str, Any]:
        """The object ``error`` of a document."""
        return {name: value for name, value in self._asdict().items() if name != "exit_status"}


def of(error: BaseException, host: System | None = None) -> Failure:
    """The failure that an exception stands for. With a host, an engine that is silent is looked into."""
    if isinstance(error, KeyboardInterrupt):
        return Failure(INTERRUPTED, "interrupted", "interrupted", "")
    if isinstance(error, ProvisionerError):
        undone = {Exit.ROLLED_BACK: True, Exit.ROLLBACK_FAILED: False}.get(error.status)
        found = Failure(int(error.status), error.code, error.message, error.hint or "", undone)
        return _looked_into(host, found) if host is not None and error.code == NOT_RUNNING else found
    if isinstance(error, OSError):
        message = f"{error.filename or 'this host'}: {error.strerror or error}"
        return Failure(int(Exit.FAILED), "io", message, "make room or correct it, then run the same command again")
    message = f"this is a bug in provisioner: {type(error).__name__}: {error}"
    return Failure(int(Exit.BUG), "bug", message, "run the same command with --verbose and report what it prints")


def _looked_into(host: System, found: Failure) -> Failure:
    """Whether Docker is stopped or absent, where it is the engine of this host that does not listen."""
    if not found.message.startswith(LOCAL):
        return found
    if host.program("dockerd") is None:
        message = "Docker is not installed on this host (no dockerd, and nothing listens on /var/run/docker.sock)"
        hint = "install Docker Engine, or point DOCKER_HOST at another engine"
        return found._replace(code=ABSENT, message=message, hint=hint)
    start = next((command for sign, command in STARTS if host.stat(sign)), "dockerd")
    message = "Docker is not running (nothing listens on /var/run/docker.sock)"
    return found._replace(code=STOPPED, message=message, hint=f"start it with `{start}`")
