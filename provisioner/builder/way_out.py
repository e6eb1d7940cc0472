"""Whether a builder on a bridge of the engine reaches other machines: rules, forwarding, name servers, IPv6.

Docker's own pulls go out from the host, so they work where the builder's do not. Sources: moby's
daemon/libnetwork/resolvconf and drivers/bridge; moby/moby#28133, #47966, moby/buildkit#2404, docker/buildx#604.
"""

from collections.abc import Iterator, Mapping

from provisioner.builder import routes
from provisioner.engine import settings
from provisioner.engine.facts import Facts
from provisioner.model import Reader
from provisioner.text import command_line
from provisioner.typed import Any

HOST = "set builder.driver_options: {network: host}"
RESOLV, STUB, BEHIND = "/etc/resolv.conf", "127.0.0.53", "/run/systemd/resolve/resolv.conf"
FORWARD = "/proc/sys/net/ipv4/ip_forward"
ANYWHERE = "0" * 32  # the network of a default route in /proc/net/ipv6_route
GLOBAL = "00"  # the scope of an address in /proc/net/if_inet6


def notes(host: Reader, facts: Facts) -> Iterator[str]:
    """Yield a sentence for each reason why this engine's bridge leads nowhere."""
    found = settings.every(host, facts)
    if settings.off(found, facts.flags, "iptables"):
        yield f"this engine makes no rules for its networks (iptables: false): {HOST} if its builds reach no registry"
    elif settings.off(found, facts.flags, "ip-masq"):
        what = "containers keep their own addresses on other networks (ip-masq: false)"
        yield f"{what}, to which other machines may know no way: {HOST} if its builds reach no registry"
    name = routes.bridge(host, facts)
    if not name:
        return
    if (settings.file(host, FORWARD) or "").strip() == "0" and host.stat(f"/sys/class/net/{name}"):
        cure = "sysctl net.ipv4.ip_forward=1, and set it in a file of /etc/sysctl.d"
        yield f"this host forwards no packets (net.ipv4.ip_forward is 0): the builder reaches no other machine: {cure}"
    if servers := _on_loopback(host, facts, found):
        cure = "set daemon.dns to name servers that containers reach"
        what = f"this host asks name servers on its own loopback ({' '.join(servers)}), which no container reaches"
        yield f"{what}: the builder asks 8.8.8.8 instead, which knows no names of your own network: {cure}"
    if not settings.on(found, facts.flags, "ipv6") and _only_over_ipv6(host, name):
        what = f"this host reaches other networks over IPv6 alone, and {name} has no IPv6"
        yield f"{what}: set daemon.ipv6 to true, or {HOST}"


def _on_loopback(host: Reader, facts: Facts, found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the host's name servers, if Docker would hand none of them to a container on its bridge."""
    if found.get("dns") or command_line.values(facts.flags, "--dns"):
        return ()
    servers = _servers(host, RESOLV)
    if servers == (STUB,):  # systemd-resolved writes the real ones next to it, and Docker reads those
        servers = _servers(host, BEHIND)
    return servers if all(s.startswith("127.") or s == "::1" for s in servers) else ()


def _servers(host: Reader, path: str) -> tuple[str, ...]:
    rows = (line.split() for line in (settings.file(host, path) or "").splitlines())
    return tuple(row[1] for row in rows if len(row) > 1 and row[0] == "nameserver")


def _only_over_ipv6(host: Reader, bridge: str) -> bool:
    """Return whether this host has a default route over IPv6 alone, and the bridge no address for it."""
    four = (line.split() for line in (settings.file(host, "/proc/net/route") or "").splitlines()[1:])
    if any(row[1:2] == ["00000000"] and row[7:8] == ["00000000"] for row in four):
        return False
    six = (line.split() for line in (settings.file(host, "/proc/net/ipv6_route") or "").splitlines())
    if not any(row[:2] == [ANYWHERE, "00"] and row[9:] != ["lo"] for row in six):
        return False
    rows = (line.split() for line in (settings.file(host, "/proc/net/if_inet6") or "").splitlines())
    return not any(row[3:4] == [GLOBAL] and row[5:] == [bridge] for row in rows)
