"""What the daemon or the host has, and a builder with a network of its own does not get: names, ranges, packet sizes.

Sources: docker/buildx#1013 and #218 (/etc/hosts), #350 and #2750 (MTU), moby's registry/config.go (ranges).
"""

from collections.abc import Iterator

from provisioner.builder import routes
from provisioner.engine import registries, settings
from provisioner.engine.facts import Facts
from provisioner.errors import ProvisionerError
from provisioner.model import Reader

CURE = "set builder.driver_options: {network: host}"


def notes(host: Reader, facts: Facts) -> Iterator[str]:
    """Yield a sentence for each setting that a builder on a network of its own does not get."""
    if names := sorted(_only_in_hosts(host, facts)):
        yield f"{' '.join(names)} is in /etc/hosts of this host, which the builder does not read: {CURE}"
    if ranges := [r for r in facts.registries.ranges if r not in registries.OWN_RANGES]:
        cure = "name each registry in insecure-registries instead"
        shown = " ".join(ranges)
        yield f"the builder does not get the insecure-registries {shown}, because BuildKit knows no ranges: {cure}"
    name = routes.bridge(host, facts)
    if sizes := _sizes(host, name):
        line, bridge = sizes
        cure = f"set daemon.mtu: {line}"
        yield f"this host's line has an MTU of {line} and {name} one of {bridge}, so large pulls may hang: {cure}"


def _only_in_hosts(host: Reader, facts: Facts) -> set[str]:
    """Return the registries that the daemon knows or has images of, and that /etc/hosts puts on another machine."""
    known = facts.registries
    asked = {_name(where) for where in (*known.mirrors, *known.insecure, *known.certificates, *_used(host, facts))}
    lines = (line.partition("#")[0].split() for line in (settings.file(host, "/etc/hosts") or "").splitlines())
    return {
        name for address, *names in filter(None, lines) if not _loopback(address) for name in names if name in asked
    }


def _used(host: Reader, facts: Facts) -> Iterator[str]:
    """Yield the registries that the engine's images come from."""
    try:
        images = host.get(facts.socket, "/images/json") if facts.socket else ()
    except ProvisionerError:
        return
    for image in images or ():
        for name in (*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ())):
            first, slash, _ = str(name).partition("/")
            if slash and ("." in first or ":" in first):
                yield first


def _name(where: str) -> str:
    """Return the host's name in a registry's URL or name."""
    return where.rpartition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0]


def _loopback(address: str) -> bool:
    return registries.local(address) or address == "::1"


def _sizes(host: Reader, bridge: str) -> tuple[int, int] | None:
    """Return the MTU of the default route's device and of the bridge, if packets of the bridge are too large for it."""
    rows = [line.split() for line in (settings.file(host, "/proc/net/route") or "").splitlines()[1:]]
    devices = [row[0] for row in rows if row[1:2] == ["00000000"]]
    sizes = [(settings.file(host, f"/sys/class/net/{d}/mtu") or "").strip() for d in (*devices[:1], bridge)]
    if not bridge or len(sizes) != 2 or not all(size.isdigit() for size in sizes):
        return None
    line, own = map(int, sizes)
    return (line, own) if line < own else None
