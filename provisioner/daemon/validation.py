"""``dockerd --validate``: what the engine itself has against a daemon.json."""

from provisioner.daemon.start_line import Start
from provisioner.model import Reader
from provisioner.text import command_line


def validate(host: Reader, candidate: str, begin: Start) -> str | None:
    """What ``dockerd --validate`` has against a daemon.json, with the unit's own flags; None: nothing.

    The candidate goes in on stdin, so that nothing is written to judge it. Engines below 23 cannot validate.
    """
    if host.asleep:
        return None  # an image that does not run: its dockerd cannot, either
    daemon, *flags = begin.argv
    kept = command_line.without(flags, "--config-file")
    ran = host.ask(daemon, *kept, "--validate", "--config-file=/dev/stdin", text=candidate)
    if ran.status == 0 or "unknown flag: --validate" in ran.error:
        return None
    lines = [line for line in ran.error.splitlines() if line.strip()]
    return (lines[-1] if lines else f"status {ran.status}").replace("/dev/stdin", "daemon.json")
