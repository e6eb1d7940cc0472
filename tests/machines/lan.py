"""A wire between a host and a machine. Nothing else on this computer sees it."""

import os
import subprocess

from tests.hosts import Host
from tests.hosts.network import ADDRESSES, DEVICE
from tests.machines import qemu
from tests.machines.machine import Machine

TAP = f"m{os.getpid()}"  # the name for machines(tap=…)


def connect(host: Host, machine: Machine) -> str:
    """Connect a booted host with a machine. Returns the machine's address; the host has the first of ADDRESSES."""
    here, there = ADDRESSES
    subprocess.run(("/usr/sbin/ip", "link", "set", machine.tap, "netns", str(host.leader)), check=True)
    host.sh(f"ip link set {machine.tap} name {DEVICE}; ip address add {here}/24 dev {DEVICE}", check=True)
    host.run("ip", "link", "set", DEVICE, "up", check=True)
    machine.sh(f"modprobe virtio_net; ip address add {there}/24 dev eth0; ip link set eth0 up", check=True)
    return there


def plug(machine: Machine, *, plugged: bool) -> None:
    """Plug a machine's cable in, or pull it out."""
    machine.ask("set_link", name=qemu.CARD, up=plugged)
