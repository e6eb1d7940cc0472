"""A private network between hosts: pairs of devices, moved in after the boot. It has no connection to the outside."""

import os
import subprocess
from collections.abc import Sequence

from tests.hosts.host import Host

DEVICE = "lan0"
ADDRESSES = ("10.99.0.1", "10.99.0.2")


def connect(one: Host, other: Host) -> tuple[str, str]:
    """Connect two booted hosts, until one is switched off. Returns their addresses."""
    _wire((one, other), ADDRESSES, (DEVICE, DEVICE))
    return ADDRESSES


def star(hub: Host, others: Sequence[Host]) -> tuple[str, ...]:
    """Connect each of some booted hosts to a hub, which forwards what they send to each other.

    Returns the addresses at which they are reached.
    """
    hub.sh("echo 1 > /proc/sys/net/ipv4/ip_forward", check=True)
    found = []
    for number, other in enumerate(others, 1):
        ends = (f"10.99.{number}.1", f"10.99.{number}.2")
        _wire((hub, other), ends, (f"lan{number}", DEVICE))
        other.sh(f"ip route add 10.99.0.0/16 via {ends[0]}", check=True)
        found.append(ends[1])
    return tuple(found)


def _wire(hosts: tuple[Host, Host], addresses: tuple[str, str], devices: tuple[str, str]) -> None:
    ends = tuple(f"p{os.getpid()}{side}" for side in "ab")
    _ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
    for host, end, address, device in zip(hosts, ends, addresses, devices, strict=True):
        _ip("link", "set", end, "netns", str(host.leader))
        host.sh(
            f"ip link set {end} name {device}; ip address add {address}/24 dev {device}; ip link set {device} up",
            check=True,
        )


def disconnect(host: Host) -> None:
    """Disconnect a host from the network."""
    host.sh(f"ip link set {DEVICE} down", check=True)


def reconnect(host: Host) -> None:
    """Reconnect a host to the network."""
    host.sh(f"ip link set {DEVICE} up", check=True)


def _ip(*words: str) -> None:
    subprocess.run(("/usr/sbin/ip", *words), check=True, capture_output=True, text=True)
