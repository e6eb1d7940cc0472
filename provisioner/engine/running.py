"""The running daemon: its process, its flags, and the configuration file that it read."""

from provisioner.engine.kinds import Layout
from provisioner.errors import DeniedError
from provisioner.model import Reader
from provisioner.text import command_line
from provisioner.text.tolerant import number

SYSTEMD = "/run/systemd/system"
HIDDEN = "this user may not see other users' processes (hidepid), and so not which file dockerd reads"


def daemon(host: Reader, layout: Layout) -> int | None:
    """Return the daemon's process ID: from its PID file, else of the only dockerd. None if it cannot be found."""
    try:
        pid = (host.read(layout.pid) or "").strip() if layout.pid else ""
    except DeniedError:
        return None
    if (found := number(pid)) is not None or not layout.pid or host.asleep:
        return found
    from provisioner.engine import processes  # imported here because few daemons keep their PID file elsewhere

    every = [p.pid for p in processes.every(host) if p.program == "dockerd" and processes.daemon(host, p)]
    return every[0] if len(every) == 1 else None


def daemon_flags(host: Reader, layout: Layout) -> tuple[str, ...]:
    """Return the flags of the running daemon, or an empty tuple if it cannot be found."""
    return flags_of(host, layout, daemon(host, layout))[0]


def flags_of(host: Reader, layout: Layout, process: int | None) -> tuple[tuple[str, ...], str]:
    """Return the flags of a dockerd process, and why they are unknown (empty if they are known).

    If the process is hidden from us, as in a unit's sandbox, read how systemd starts it. Such a sandbox, with users of
    its own, cannot ask systemd.
    """
    if process and hides(host):
        from provisioner.engine import unit  # a sandbox is rare

        try:
            argv = unit.written(host, layout.unit) if host.stat(SYSTEMD) else ()
        except DeniedError:  # a file of variables that only root may read
            argv = ()
        return argv[1:], "" if argv else HIDDEN
    words = (host.read(f"/proc/{process}/cmdline") or "").rstrip("\0").split("\0") if process else [""]
    return tuple(words[1:]) if words[0].endswith("dockerd") else (), ""


def runs(host: Reader, layout: Layout) -> bool:
    """Whether we can see a dockerd on this host."""
    process = daemon(host, layout)
    words = (host.read(f"/proc/{process}/cmdline") or "").split("\0") if process else [""]
    return words[0].endswith("dockerd")


def hides(host: Reader) -> bool:
    """Whether the host hides other users' processes from us."""
    return host.uid != 0 and not host.asleep and host.stat("/proc/1") is None


def config_file(flags: tuple[str, ...], layout: Layout) -> str:
    """Return the file that the running daemon read: the --config-file of its command line, else its layout's file."""
    return command_line.value(flags, "--config-file", "-config-file") or layout.files[0][0]
