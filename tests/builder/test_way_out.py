"""Where a bridge of the engine leads nowhere, although the engine itself reaches registries, a plan says so."""

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.builder import way_out
from provisioner.host import System
from tests.builder.test_obstacles import facts, put

IPV4 = "Iface\tDestination\n"
DEFAULT = f"{IPV4}eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
IPV6 = f"{'0' * 32} 00 {'0' * 32} 00 fe80{'0' * 27}1 00000400 1 0 00000003     eth0\n"
BRIDGED = "fd00000000000000000000000000001 05 40 00 80  docker0\n"


def told(tmp_path: Path, files: dict[str, str], **more: Any) -> list[str]:
    put(tmp_path, "/sys/class/net/docker0/mtu", "1500")
    for path, text in files.items():
        put(tmp_path, path, text)
    return list(way_out.notes(System(str(tmp_path), {}), facts()._replace(**more)))


@pytest.mark.parametrize(
    ("file", "flags", "words"),
    [
        ({"iptables": False}, (), "iptables: false"),
        ({"iptables": False, "ip-masq": False}, (), "iptables: false"),
        ({}, ("--iptables=0",), "iptables: false"),
        ({"ip-masq": False}, (), "ip-masq: false"),
        ({}, ("--ip-masq=false",), "ip-masq: false"),
        ({"ip-masq": True, "iptables": "no"}, ("--ip-masq",), ""),
    ],
)
def test_a_network_without_rules_or_masks_is_told(
    tmp_path: Path, file: dict[str, Any], flags: tuple[str, ...], words: str
) -> None:
    found = told(tmp_path, {"/etc/docker/daemon.json": json.dumps(file)}, flags=flags)
    assert [words in line for line in found] == [True] * bool(words)


@pytest.mark.parametrize(("forward", "noted"), [("0\n", True), ("1\n", False)])
def test_a_host_that_forwards_nothing_is_told(tmp_path: Path, forward: str, noted: bool) -> None:
    assert [("ip_forward is 0" in line) for line in told(tmp_path, {way_out.FORWARD: forward})] == [True] * noted


SERVERS = {
    "on the loopback": ("nameserver 127.0.0.1\nnameserver ::1\n", "", {}, (), "127.0.0.1 ::1"),
    "elsewhere, too": ("nameserver 127.0.0.1\nnameserver 10.0.0.2\n", "", {}, (), ""),
    "none": ("search corp\nnameserver\n", "", {}, (), ""),
    "systemd-resolved": ("nameserver 127.0.0.53\n", "nameserver 10.0.0.2\n", {}, (), ""),
    "systemd-resolved in front of one here": ("nameserver 127.0.0.53\n", "nameserver 127.0.0.1\n", {}, (), "127.0.0.1"),
    "the daemon's own": ("nameserver 127.0.0.1\n", "", {"dns": ["10.0.0.2"]}, (), ""),
    "the daemon's own, by a flag": ("nameserver 127.0.0.1\n", "", {}, ("--dns", "10.0.0.2"), ""),
}


@pytest.mark.parametrize("name", SERVERS)
def test_name_servers_that_no_container_reaches_are_told(tmp_path: Path, name: str) -> None:
    mine, behind, file, flags, shown = SERVERS[name]
    files = {way_out.RESOLV: mine, way_out.BEHIND: behind, "/etc/docker/daemon.json": json.dumps(file)}
    found = told(tmp_path, files, flags=flags)
    assert [f"({shown})" in line for line in found] == [True] * bool(shown)


@pytest.mark.parametrize(
    ("four", "six", "addresses", "file", "noted"),
    [
        (IPV4, IPV6, "", {}, True),
        (DEFAULT, IPV6, "", {}, False),
        (IPV4, IPV6, BRIDGED, {}, False),
        (IPV4, IPV6, BRIDGED.replace(" 00 80", " 20 80"), {}, True),  # each device has an address for its own wire
        (IPV4, IPV6, "", {"ipv6": True}, False),
        (IPV4, IPV6.replace("eth0", "lo"), "", {}, False),  # the kernel's own row that refuses
        (IPV4, "", "", {}, False),
    ],
)
def test_a_host_with_ipv6_alone_is_told(
    tmp_path: Path, four: str, six: str, addresses: str, file: dict[str, Any], noted: bool
) -> None:
    files = {"/proc/net/route": four, "/proc/net/ipv6_route": six, "/proc/net/if_inet6": addresses}
    found = told(tmp_path, {**files, "/etc/docker/daemon.json": json.dumps(file)})
    assert ["IPv6 alone" in line for line in found] == [True] * noted


@pytest.mark.parametrize(
    ("flag", "noted"), [("--ipv6", False), ("--ipv6=true", False), ("--ipv6=1", False), ("--ipv6=false", True)]
)
def test_an_engine_that_a_flag_gives_ipv6_is_not_told(tmp_path: Path, flag: str, noted: bool) -> None:
    files = {"/proc/net/route": IPV4, "/proc/net/ipv6_route": IPV6, "/proc/net/if_inet6": ""}
    assert ["IPv6 alone" in line for line in told(tmp_path, files, flags=(flag,))] == [True] * noted
