"""Whether the builder's bridge has addresses that this host reaches in another network.

Docker avoids only the addresses of this host's own devices when it chooses a range, and never doubts a configured one.
A container takes its whole range for local, so it does not reach the machines there, even if the host does. Sources:
docker/buildx#191, docker/for-linux#1422, moby/moby#46615.
"""

from provisioner.builder.places import Place
from provisioner.builder.route_table import Route, routes
from provisioner.engine import settings
from provisioner.engine.facts import Facts
from provisioner.model import Reader
from provisioner.text import command_line

BRIDGE = "docker0"
KEYS = ('"bip"', '"fixed-cidr"', '"default-address-pools"')
FLAGS = ("--bip", "--fixed-cidr", "--default-address-pool")
CURE = "a range that no network of yours uses, for example 192.168.240.1/24"
NARROWEST = 8  # bits: a route to more addresses than that is a way out, not a network (a VPN's 0.0.0.0/1)


def note(host: Reader, facts: Facts, place: Place) -> str:
    """Return the sentence for a builder on a bridge whose addresses clash, or an empty string."""
    network = place.node.options.get("network", "bridge")
    name = bridge(host, facts)
    if place.way or not name or network in ("host", "none") or ":" in network:
        return ""
    found = tuple(routes(host))
    if network != "bridge":
        from provisioner.builder import ranges  # most builders are on the engine's own bridge

        made = tuple(ranges.of_network(host, facts, network))
        return _clash(found, made, f"the network {network} has", "make it again with another range")
    has = tuple(route for route in found if route.device == name)
    if not _ranged(host, facts):
        return _clash(found, has, f"{name} has", f"set daemon.bip to {CURE}")
    from provisioner.builder import ranges  # few hosts configure their ranges

    own = tuple(ranges.own(host, facts, name))
    now = () if own and facts.planned is not None else has  # what the bridge has now goes with this plan
    far = tuple(route for route in found if route.far)
    pools = tuple(ranges.pools(host, facts))
    flag = ranges.flag(facts)  # dockerd refuses a setting that a flag has, too
    cure = f"change {flag} in the unit to {CURE}" if flag else f"set daemon.bip to {CURE}"
    pooled = command_line.value(facts.flags, ranges.POOL) is not None
    less = f"leave that range out of {f'{ranges.POOL} in the unit' if pooled else 'daemon.default-address-pools'}"
    return (
        _clash(found, now, f"{name} has", cure)
        or _clash(found, own, f"{flag or 'daemon.json'} gives {name}", cure)
        or _clash(far, pools, "new networks of Docker get", less)
    )


def _ranged(host: Reader, facts: Facts) -> bool:
    """Return whether somebody has configured ranges. A check has no time to parse for nothing."""
    said = settings.text(host, facts)
    return any(key in said for key in KEYS) or any(flag.startswith(FLAGS) for flag in facts.flags)


def _clash(found: tuple[Route, ...], own: tuple[Route, ...], who: str, cure: str) -> str:
    """Return the sentence for the first of our networks that this host reaches elsewhere, or an empty string."""
    for mine in own:
        for other in found:
            if other.device != mine.device and other.bits >= NARROWEST and (mine.holds(other) or other.holds(mine)):
                return (
                    f"{who} the addresses {mine.words}, and this host reaches {other.words} through {other.device}:"
                    f" the builder does not reach the machines that are in both: {cure}"
                )
    return ""


def bridge(host: Reader, facts: Facts) -> str:
    """Return the device of the engine's bridge on this host. Empty if the engine has a network of its own."""
    if facts.kind.layout is None or facts.kind.owner != "root":
        return ""
    return command_line.value(facts.flags, "--bridge", "-b") or _configured(host, facts) or BRIDGE


def _configured(host: Reader, facts: Facts) -> str:
    """Return the bridge that daemon.json names, or an empty string."""
    if '"bridge"' not in settings.text(host, facts):
        return ""
    said = settings.every(host, facts).get("bridge")
    return said if isinstance(said, str) else ""
