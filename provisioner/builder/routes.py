"""Whether the builder's bridge has addresses that this host reaches in another network.

Docker avoids only the addresses of this host's own devices when it chooses a range, and never doubts a configured one.
A container takes its whole range for local, so it does not reach the machines there, even if the host does. Sources:
docker/buildx#191, docker/for-linux#1422, moby/moby#46615.
"""

import sys
from collections.abc import Iterator

from provisioner.builder.places import Place
from provisioner.engine.facts import Facts
from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.text import command_line
from provisioner.typed import NamedTuple

BRIDGE = "docker0"
REJECT = 0x200  # RTF_REJECT: `ip route add unreachable`, whose device is `*`
NARROWEST = 8  # bits: a route to more addresses than that is a way out, not a network (a VPN's 0.0.0.0/1)


class Route(NamedTuple):
    """A line of /proc/net/route: the network as a number, the bits of its prefix, and the device."""

    network: int
    bits: int
    device: str

    def holds(self, other: "Route") -> bool:
        """Whether the other network is a part of this one, or the same."""
        return self.bits <= other.bits and self.network == other.network & _mask(self.bits)

    @property
    def words(self) -> str:
        """The network as a person writes it."""
        return f"{'.'.join(str(self.network >> shift & 255) for shift in (24, 16, 8, 0))}/{self.bits}"


def note(host: Reader, facts: Facts, place: Place) -> str:
    """Return the sentence for a builder on a bridge whose addresses clash, or an empty string."""
    if place.way or place.node.options.get("network", "bridge") != "bridge":
        return ""
    name = bridge(host, facts)
    found = tuple(routes(host)) if name else ()
    for own in (r for r in found if r.device == name):
        for other in found:
            if other.device != name and other.bits >= NARROWEST and (own.holds(other) or other.holds(own)):
                cure = "set daemon.bip to a range that no network of yours uses, for example 192.168.240.1/24"
                return (
                    f"{name} has the addresses {own.words}, and this host reaches {other.words} through"
                    f" {other.device}: the builder does not reach the machines that are in both: {cure}"
                )
    return ""


def bridge(host: Reader, facts: Facts) -> str:
    """Return the device of the engine's bridge on this host. Empty if the engine has a network of its own."""
    if facts.kind.layout is None or facts.kind.owner != "root":
        return ""
    return command_line.value(facts.flags, "--bridge", "-b") or _configured(host, facts.daemon_json) or BRIDGE


def _configured(host: Reader, path: str) -> str:
    """Return the bridge that a daemon.json names, or an empty string."""
    try:
        text = host.read(path) or ""
    except ProvisionerError:
        return ""
    if '"bridge"' not in text:  # a check has no time to import a parser for nothing
        return ""
    from provisioner.text import tolerant

    said = tolerant.mapping(text).get("bridge")
    return said if isinstance(said, str) else ""


def routes(host: Reader) -> Iterator[Route]:
    """Yield the routes of the main table, without the default route. The kernel writes numbers in its byte order."""
    try:
        lines = (host.read("/proc/net/route") or "").splitlines()[1:]
    except ProvisionerError:
        return
    for words in (line.split() for line in lines):
        try:
            device, network, _, flags, _, _, _, mask, *_ = words
            route = Route(_number(network), _number(mask).bit_count(), device)
            reached = not int(flags, 16) & REJECT
        except (ValueError, OverflowError):
            continue  # not a line of the kernel's
        if route.bits and reached:
            yield route


def _number(text: str) -> int:
    return int.from_bytes(int(text, 16).to_bytes(4, sys.byteorder), "big")


def _mask(bits: int) -> int:
    return 0xFFFFFFFF ^ (0xFFFFFFFF >> bits)
