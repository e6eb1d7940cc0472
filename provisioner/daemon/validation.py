"""Validate a daemon.json with ``dockerd --validate``."""

from provisioner.daemon.start_line import Start
from provisioner.model import Reader
from provisioner.steps import Obstacle
from provisioner.text import command_line

UNREAD = "open daemon.json: permission denied"
SELINUX = (
    "with SELinux: run provisioner as root of a login, not as a service; ausearch -m avc -c dockerd shows the refusal"
)


def obstacle(host: Reader, candidate: str, begin: Start, hint: str) -> Obstacle | None:
    """Return the obstacle if dockerd refuses a daemon.json, or may not read it; else None.

    SELinux may let a dockerd that a service starts read no pipe of that service. Then nothing is known about the file.
    """
    words = validate(host, candidate, begin)
    if words is None:
        return None
    if UNREAD in words:
        return Obstacle(
            "not-validated", f"dockerd may not read the file that it is asked to validate: {words}", SELINUX
        )
    return Obstacle("would-not-start", f"dockerd would not start: {words}", hint)


def validate(host: Reader, candidate: str, begin: Start) -> str | None:
    """Return the error of ``dockerd --validate`` for a daemon.json with the unit's own flags, or None.

    The text is passed on stdin, so no file is written. Engines before 23 cannot validate.
    """
    if host.asleep:
        return None  # an image of a host, whose dockerd cannot run either
    daemon, *flags = begin.argv
    kept = command_line.without(flags, "--config-file")
    ran = host.ask(daemon, *kept, "--validate", "--config-file=/dev/stdin", text=candidate)
    if ran.status == 0 or "unknown flag: --validate" in ran.error:
        return None
    lines = [line for line in ran.error.splitlines() if line.strip()]
    return (lines[-1] if lines else f"status {ran.status}").replace("/dev/stdin", "daemon.json")
