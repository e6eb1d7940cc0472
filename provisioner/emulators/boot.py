"""Which emulators the host registers at boot, and which service registers them.

systemd-binfmt, OpenRC's binfmt and Debian's binfmt-support each register emulators from their own files. Where none of
them runs, or it runs too early, provisioner installs its own service. This module only reads files, because a drift
check starts no program.
"""

from collections.abc import Callable, Iterator

from provisioner.emulators import unit
from provisioner.model import Reader
from provisioner.platforms import binfmt
from provisioner.platforms.machine import BINFMT_D
from provisioner.typed import NamedTuple

FOLDERS = (BINFMT_D, "/run/binfmt.d", "/usr/local/lib/binfmt.d", "/usr/lib/binfmt.d")
SERVICE = "provisioner-emulators"
SCRIPT = "/usr/local/lib/provisioner/register-emulators"  # the script that the service runs
SUPPORT = "/var/lib/binfmts"  # the records of binfmt-support, which Debian 11 and Ubuntu 22.04 still use


class Rule(NamedTuple):
    """A rule that the host reads at boot, and the path of the file that contains it."""

    path: str
    rule: binfmt.Rule


class Registrar(NamedTuple):
    """A service manager: how to detect it, whether our service is enabled, and why binfmt.d alone is not enough."""

    name: str
    here: Callable[[Reader], bool]
    enabled: Callable[[Reader], bool]
    lack: Callable[[Reader, str], str]


def rules(host: Reader, *, without: str = "") -> tuple[Rule, ...]:
    """Return the rules of binfmt-support and binfmt.d, except those of the file ``without``.

    A rule of binfmt.d replaces one of the same name.
    """
    files: dict[str, str] = {}
    for folder in FOLDERS:  # if two folders have a file of the same name, the file in the first folder hides the other
        for name in host.names(folder):
            if name.endswith(".conf"):
                files.setdefault(name, f"{folder}/{name}")
    found: dict[str, Rule] = {r.rule.name: r for r in _support(host)}
    for _, path in sorted(files.items()):
        if path == without:
            continue
        for rule in binfmt.parse_rules(host.read(path) or ""):
            found.pop(rule.name, None)
            found[rule.name] = Rule(path, rule)
    return tuple(found.values())


def serving(found: tuple[Rule, ...], header: bytes) -> Rule | None:
    """Return the rule that gets a program after the next boot: the kernel tries the newest entry first."""
    fitting = [r for r in found if binfmt.serves(r.rule.magic, r.rule.mask, r.rule.offset, header)]
    return fitting[-1] if fitting else None


def lack(host: Reader, interpreter: str) -> str:
    """Return why the host does not register binfmt.d at boot.

    Returns:
        The reason, or an empty string if it does register them.
    """
    here = registrar(host)
    if here is None:
        return "nothing that starts services here is known to register emulators"
    ours = here.enabled(host) and host.stat(SCRIPT) is not None
    return "" if ours else here.lack(host, interpreter)


def registrar(host: Reader) -> Registrar | None:
    """Return the service manager of this host; None if it is not a known one."""
    return next((r for r in REGISTRARS if r.here(host)), None)


def _asleep(host: Reader, sign: str) -> bool:
    """Return whether this host is an image that is not running, and has the file ``sign`` of a service manager."""
    return host.asleep and host.stat(sign) is not None


def _openrc(host: Reader, _: str) -> str:
    levels = ("sysinit", "boot", "default")
    does = any(host.stat(f"/etc/runlevels/{level}/binfmt") for level in levels)
    return "" if does else "OpenRC's service binfmt is in no runlevel"


def _sysvinit(_: Reader, __: str) -> str:
    return "sysvinit does not read binfmt.d"


def _support(host: Reader) -> Iterator[Rule]:
    """Yield the records of binfmt-support, if it is installed. A record has one field per line, in this order."""
    if host.stat("/usr/sbin/update-binfmts") is None:
        return
    for name in host.names(SUPPORT):
        fields = (host.read(f"{SUPPORT}/{name}") or "").split("\n")
        if len(fields) >= 10 and fields[1] == "magic":
            _, _, offset, magic, mask, interpreter, _, credentials, preserve, fix = fields[:10]
            flags = "".join(f for f, v in (("P", preserve), ("OC", credentials), ("F", fix)) if v == "yes")
            try:
                rule = binfmt.parse_rule(f":{name}:M:{offset}:{magic}:{mask}:{interpreter}:{flags}")
            except ValueError:
                continue
            yield Rule(f"{SUPPORT}/{name}", rule)


REGISTRARS = (
    Registrar(
        "systemd",
        lambda h: h.stat("/run/systemd/system") is not None or _asleep(h, "/usr/lib/systemd/systemd"),
        lambda h: h.link(f"{unit.FOLDERS[0]}/multi-user.target.wants/{SERVICE}.service") is not None,
        unit.lack,
    ),
    Registrar(
        "openrc",
        lambda h: h.stat("/run/openrc") is not None or _asleep(h, "/etc/runlevels/default"),
        lambda h: h.stat(f"/etc/runlevels/default/{SERVICE}") is not None,
        _openrc,
    ),
    Registrar(
        "sysvinit",
        lambda h: h.stat("/etc/inittab") is not None and h.stat("/etc/rc2.d") is not None,
        lambda h: any(n.startswith("S") and n.endswith(SERVICE) for n in h.names("/etc/rc2.d")),
        _sysvinit,
    ),
)
