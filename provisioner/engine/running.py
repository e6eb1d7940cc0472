"""The daemon that runs: its process, its flags, and the configuration file that it read."""

from provisioner.engine.kinds import Layout
from provisioner.errors import DeniedError
from provisioner.model import Reader
from provisioner.text import command_line

SYSTEMD = "/run/systemd/system"
HIDDEN = "this user may not see other users' processes (hidepid), and so not which file dockerd reads"


def daemon(host: Reader, layout: Layout) -> int | None:
    """The running daemon's process: that of its pid file, else the only dockerd; None: it cannot be found."""
    try:
        pid = (host.read(layout.pid) or "").strip() if layout.pid else ""
    except DeniedError:
        return None
    if pid.isdigit() or not layout.pid or host.asleep:
        return int(pid) if pid.isdigit() else None
    from provisioner.engine import processes  # a daemon with a pid file elsewhere is rare

    every = [p.pid for p in processes.every(host) if p.program == "dockerd" and processes.daemon(host, p)]
    return every[0] if len(every) == 1 else None


def daemon_flags(host: Reader, layout: Layout) -> tuple[str, ...]:
    """The flags that the running daemon was started with; none where it cannot be found."""
    return flags_of(host, layout, daemon(host, layout))[0]


def flags_of(host: Reader, layout: Layout, process: int | None) -> tuple[tuple[str, ...], str]:
    """The flags of a dockerd, none where the process is none; and why they cannot be known, empty where they are.

    Where the process is hidden from us, as in a unit's sandbox, systemd says how it was started.
    """
    if process and hides(host):
        from provisioner.engine import unit  # a sandbox is rare, and asking costs a program

        argv = unit.command(host, ("systemctl",), layout.unit).argv if host.stat(SYSTEMD) else ()
        return argv[1:], "" if argv else HIDDEN
    words = (host.read(f"/proc/{process}/cmdline") or "").rstrip("\0").split("\0") if process else [""]
    return tuple(words[1:]) if words[0].endswith("dockerd") else (), ""


def runs(host: Reader, layout: Layout) -> bool:
    """Whether a dockerd of this host can be seen."""
    process = daemon(host, layout)
    words = (host.read(f"/proc/{process}/cmdline") or "").split("\0") if process else [""]
    return words[0].endswith("dockerd")


def hides(host: Reader) -> bool:
    """Whether other users' processes are out of this user's sight."""
    return host.uid != 0 and not host.asleep and host.stat("/proc/1") is None


def config_file(flags: tuple[str, ...], layout: Layout) -> str:
    """Where the running daemon read its configuration: the --config-file of its own command line, else its layout's."""
    return command_line.value(flags, "--config-file", "-config-file") or layout.files[0][0]
