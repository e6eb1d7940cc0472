"""A private network of two hosts: a pair of devices, moved in after the boot. Nothing of it leaves them."""

import os
import subprocess

from tests.hosts.host import Host

DEVICE = "lan0"
ADDRESSES = ("10.99.0.1", "10.99.0.2")


def connect(one: Host, other: Host) -> tuple[str, str]:
    """Give two booted hosts a wire between them, until one is switched off; their addresses."""
    ends = tuple(f"p{os.getpid()}{side}" for side in "ab")
    _ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
    for host, end, address in zip((one, other), ends, ADDRESSES, strict=True):
        _ip("link", "set", end, "netns", str(host.leader))
        host.sh(
            f"ip link set {end} name {DEVICE}; ip address add {address}/24 dev {DEVICE}; ip link set {DEVICE} up",
            check=True,
        )
    return ADDRESSES


def disconnect(host: Host) -> None:
    """Pull the wire out."""
    host.sh(f"ip link set {DEVICE} down", check=True)


def reconnect(host: Host) -> None:
    """Put it back in."""
    host.sh(f"ip link set {DEVICE} up", check=True)


def _ip(*words: str) -> None:
    subprocess.run(("/usr/sbin/ip", *words), check=True, capture_output=True, text=True)
