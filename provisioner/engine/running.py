"""The daemon that runs: its process, its flags, and the configuration file that it read."""

from provisioner.engine.kinds import Layout
from provisioner.errors import DeniedError
from provisioner.model import Reader
from provisioner.text import command_line


def daemon(host: Reader, layout: Layout) -> int | None:
    """The running daemon's process; None: it cannot be found."""
    try:
        pid = (host.read(layout.pid) or "").strip() if layout.pid else ""
    except DeniedError:
        return None
    return int(pid) if pid.isdigit() else None


def daemon_flags(host: Reader, layout: Layout) -> tuple[str, ...]:
    """The flags that the running daemon was started with; none where it cannot be found."""
    pid = daemon(host, layout)
    words = (host.read(f"/proc/{pid}/cmdline") or "").rstrip("\0").split("\0") if pid else [""]
    return tuple(words[1:]) if words[0].endswith("dockerd") else ()


def config_file(flags: tuple[str, ...], layout: Layout) -> str:
    """Where the running daemon read its configuration: the --config-file of its own command line, else its layout's."""
    return command_line.value(flags, "--config-file", "-config-file") or layout.files[0][0]
