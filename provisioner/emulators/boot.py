"""Who registers emulators when the host boots, and what: read from files, for a drift check starts no program.

systemd-binfmt, OpenRC's binfmt and Debian's binfmt-support each do it from files of theirs. Where none of them does,
or would come too early or not at all, a service of ours has to.
"""

from collections.abc import Callable, Iterator

from provisioner.emulators import unit
from provisioner.model import Reader
from provisioner.platforms import binfmt
from provisioner.platforms.machine import BINFMT_D
from provisioner.typed import NamedTuple

FOLDERS = (BINFMT_D, "/run/binfmt.d", "/usr/local/lib/binfmt.d", "/usr/lib/binfmt.d")
SERVICE = "provisioner-emulators"
SCRIPT = "/usr/local/lib/provisioner/register-emulators"  # what that runs
SUPPORT = "/var/lib/binfmts"  # binfmt-support's, which Debian 11 and Ubuntu 22.04 still use


class Rule(NamedTuple):
    """A rule that is read at boot, and the file that it stands in."""

    path: str
    rule: binfmt.Rule


class Registrar(NamedTuple):
    """What starts services here: how it is recognised, whether ours is enabled, what keeps binfmt.d from sufficing."""

    name: str
    here: Callable[[Reader], bool]
    enabled: Callable[[Reader], bool]
    lack: Callable[[Reader, str], str]


def rules(host: Reader) -> tuple[Rule, ...]:
    """What binfmt.d and binfmt-support register, in that order: of two rules for one name the later one counts."""
    files: dict[str, str] = {}
    for folder in FOLDERS:  # of two files of one name the first folder's counts, and hides the other
        for name in host.names(folder):
            if name.endswith(".conf"):
                files.setdefault(name, f"{folder}/{name}")
    found: dict[str, Rule] = {r.rule.name: r for r in _support(host)}
    for _, path in sorted(files.items()):
        for rule in binfmt.parse_rules(host.read(path) or ""):
            found.pop(rule.name, None)
            found[rule.name] = Rule(path, rule)
    return tuple(found.values())


def serving(found: tuple[Rule, ...], header: bytes) -> Rule | None:
    """The rule that gets a program after the next boot: the kernel asks the entry first that came last."""
    fitting = [r for r in found if binfmt.serves(r.rule.magic, r.rule.mask, r.rule.offset, header)]
    return fitting[-1] if fitting else None


def lack(host: Reader, interpreter: str) -> str:
    """Why what stands in binfmt.d is not registered at boot; empty: it is."""
    here = registrar(host)
    if here is None:
        return "nothing that starts services here is known to register emulators"
    ours = here.enabled(host) and host.stat(SCRIPT) is not None
    return "" if ours else here.lack(host, interpreter)


def registrar(host: Reader) -> Registrar | None:
    """The row of what starts services on this host."""
    return next((r for r in REGISTRARS if r.here(host)), None)


def _asleep(host: Reader, sign: str) -> bool:
    """Whether this is an image that does not run, with what will start its services."""
    return host.asleep and host.stat(sign) is not None


def _openrc(host: Reader, _: str) -> str:
    levels = ("sysinit", "boot", "default")
    does = any(host.stat(f"/etc/runlevels/{level}/binfmt") for level in levels)
    return "" if does else "OpenRC's service binfmt is in no runlevel"


def _sysvinit(_: Reader, __: str) -> str:
    return "sysvinit does not read binfmt.d"


def _support(host: Reader) -> Iterator[Rule]:
    """binfmt-support's own records, where it is installed: a line a field, in this order."""
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
