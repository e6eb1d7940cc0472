"""Who runs the daemon: systemd (root's or the user's), OpenRC, runit, sysvinit, snapd, or nobody, as in a container.

Found by what each leaves in the file system while it runs; sources: moby's contrib/init, each manager's manual.
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
    """A service manager: the path that gives it away, and its commands on a unit. Empty: it has none for that.

    ``control`` and ``journal``: how systemd is asked about the unit, where systemd is what runs it in the end.
    """

    name: str
    sign: str
    restart: tuple[str, ...]
    reload: tuple[str, ...]
    log: str  # where the daemon's own words end up; empty: in systemd's journal
    control: tuple[str, ...] = ()
    journal: tuple[str, ...] = ("journalctl", "--unit")


# The first whose sign is there runs this host; OpenRC and runit may stand beside init scripts that nobody uses.
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
        ("journalctl", "--user", "--unit"),
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
    Manager(  # as Void Linux has it
        "runit",
        "/var/service/docker/run",
        ("sv", "restart", "docker"),
        ("sv", "hup", "docker"),
        "/var/log/docker/current",
    ),
    Manager("sysvinit", "/etc/init.d/docker", ("service", "docker", "restart"), (), "/var/log/docker.log"),
)


def of(host: Reader, layout: Layout) -> Manager | None:
    """The manager of an engine's daemon; None: nobody restarts it. An image has scripts, and nobody who runs them."""
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
    """Whether systemd runs this host's services, or this one."""
    found = of(host, layout)
    return found is not None and bool(found.control)


def scope(host: Reader) -> tuple[str, ...]:
    """How systemd's programs are told whose units are meant: root's by themselves."""
    return ("--user",) if host.uid != 0 else ()


def nobody(host: Reader, layout: Layout) -> bool:
    """Whether nobody runs this host's services: then a restart is owed, not made."""
    return of(host, layout) is None


def reloads(host: Reader, layout: Layout) -> bool:
    """Whether the daemon can be told to read its configuration again."""
    found = of(host, layout)
    return found is not None and bool(found.reload)
