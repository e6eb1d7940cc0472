"""What runs the daemon: systemd (system or user), OpenRC, runit, sysvinit, snapd, or nothing, as in a container.

Each is detected by the files that it leaves while it runs. Sources: moby's contrib/init and each manager's manual.
"""

from typing import NamedTuple

from provisioner.engine import places
from provisioner.engine.kinds import Layout
from provisioner.model import Reader
from provisioner.steps import Obstacle

BY_HAND = "restart it by hand, however it was started; a container: restart that"
NOBODY = "the daemon must be restarted, and nobody runs this host's services"
OWED = Obstacle("restart-owed", NOBODY, BY_HAND)
ROOT = Layout()


class Manager(NamedTuple):
    """A service manager: the path that shows that it runs, and its commands for a unit.

    An empty command means that the manager does not support that action. ``control`` and ``journal`` are systemd's
    commands for the unit, if systemd is what finally runs it.
    """

    name: str
    sign: str
    restart: tuple[str, ...]
    reload: tuple[str, ...]
    log: str  # the daemon's log file; empty if the log is in systemd's journal
    control: tuple[str, ...] = ()
    journal: tuple[str, ...] = ("journalctl", "_SYSTEMD_UNIT={unit}")  # what the daemon says, not systemd about it


# The first manager whose sign exists runs this host. OpenRC and runit hosts may also have init scripts that nobody
# uses.
MANAGERS = (
    Manager(
        "systemd",
        "/run/systemd/system",
        ("systemctl", "restart", "--no-block", "{unit}"),
        ("systemctl", "reload", "{unit}"),
        "",
        ("systemctl",),
    ),
    Manager(
        "systemd --user",
        "{runtime}/systemd",
        ("systemctl", "--user", "restart", "--no-block", "{unit}"),
        ("systemctl", "--user", "reload", "{unit}"),
        "",
        ("systemctl", "--user"),
        ("journalctl", "--user", "_SYSTEMD_USER_UNIT={unit}"),
    ),
    Manager("snapd", "/var/lib/snapd", ("snap", "restart", "docker.dockerd"), (), "", ("systemctl",)),
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
    Manager(  # on Void Linux
        "runit",
        "/var/service/docker/run",
        ("sv", "restart", "docker"),
        ("sv", "hup", "docker"),
        "/var/log/docker/current",
    ),
    Manager("sysvinit", "/etc/init.d/docker", ("service", "docker", "restart"), (), "/var/log/docker.log"),
)


def of(host: Reader, layout: Layout) -> Manager | None:
    """Return the manager of an engine's daemon, or None. An image of a host has scripts, but nothing that runs them."""
    if host.asleep:
        return None
    rows = (m for m in MANAGERS if m.name in layout.managers)
    found = next((m for m in rows if host.stat(places.expanded(host, m.sign))), None)
    if found is None:
        return None
    return found._replace(restart=_of_unit(found.restart, layout), reload=_of_unit(found.reload, layout))


def _of_unit(argv: tuple[str, ...], layout: Layout) -> tuple[str, ...]:
    return tuple(layout.unit if word == "{unit}" else word for word in argv)


def by_systemd(host: Reader, layout: Layout = ROOT) -> bool:
    """Whether systemd runs the daemon of this layout, or the system's services by default."""
    found = of(host, layout)
    return found is not None and bool(found.control)


def scope(host: Reader) -> tuple[str, ...]:
    """Return the option that makes systemd's programs use the user's units. Root uses the system's units by default."""
    return ("--user",) if host.uid != 0 else ()


def nobody(host: Reader, layout: Layout) -> bool:
    """Whether no manager runs the daemon. The restart is then left to the user."""
    return of(host, layout) is None


def reloads(host: Reader, layout: Layout) -> bool:
    """Whether the manager can make the daemon read its configuration again."""
    found = of(host, layout)
    return found is not None and bool(found.reload)
