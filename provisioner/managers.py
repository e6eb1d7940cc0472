"""Who runs the daemon: systemd, OpenRC, runit, sysvinit, or nobody, as in a container.

Found by what each leaves in the file system while it runs; sources: moby's contrib/init, each manager's manual.
"""

from typing import NamedTuple

from provisioner.model import Reader


class Manager(NamedTuple):
    """A service manager: the path that gives it away, and its commands. Empty: it has none for that."""

    name: str
    sign: str
    restart: tuple[str, ...]
    reload: tuple[str, ...]
    log: str  # where the daemon's own words end up; empty: in systemd's journal


# The first whose sign is there runs this host; OpenRC and runit may stand beside init scripts that nobody uses.
MANAGERS = (
    Manager(
        "systemd",
        "/run/systemd/system",
        ("systemctl", "restart", "--no-block", "docker.service"),
        ("systemctl", "reload", "docker.service"),
        "",
    ),
    Manager(
        "OpenRC",
        "/run/openrc/softlevel",
        ("rc-service", "docker", "restart"),
        ("rc-service", "docker", "reload"),
        "/var/log/docker.log",
    ),
    Manager(
        "runit",
        "/etc/service/docker/run",
        ("sv", "restart", "docker"),
        ("sv", "hup", "docker"),
        "/var/log/docker/current",
    ),
    Manager("sysvinit", "/etc/init.d/docker", ("service", "docker", "restart"), (), "/var/log/docker.log"),
)


def of(host: Reader) -> Manager | None:
    """The manager of this host's daemon; None: nobody restarts it. An image has scripts, and no /proc."""
    found = next((m for m in MANAGERS if host.stat(m.sign)), None)
    runs = found is not None and (found.sign.startswith("/run/") or host.stat("/proc/self") is not None)
    return found if runs else None
