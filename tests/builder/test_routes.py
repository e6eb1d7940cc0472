"""A bridge whose addresses are those of another network of the host is told, from the kernel's own table."""

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.builder import places, routes, store
from provisioner.builder.places import Place
from provisioner.engine import info
from provisioner.host import System
from tests.builder.test_obstacles import SOCKET, WHERE, facts, put
from tests.helpers.recorded import Refused, engine

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
OWN = Place(store.Node("b0", WHERE.host))


def table(*lines: tuple[str, str], far: tuple[tuple[str, str], ...] = ()) -> str:
    """Return /proc/net/route of devices, each with a network such as 172.17.0.0/16. ``far`` are behind a gateway."""
    rows = []
    for device, network in (*lines, *far):
        address, _, bits = network.partition("/")
        mask = (0xFFFFFFFF ^ (0xFFFFFFFF >> int(bits))).to_bytes(4, "big")
        numbers = [bytes(map(int, address.split("."))), mask]
        where, size = (f"{int.from_bytes(n, 'little'):08X}" for n in numbers)
        gateway = "0100000A" if (device, network) in far else "00000000"
        rows.append(f"{device}\t{where}\t{gateway}\t0001\t0\t0\t0\t{size}\t0\t0\t0\n")
    return HEAD + "".join(rows)


BRIDGE = ("docker0", "172.17.0.0/16")
CASES: dict[str, tuple[tuple[str, str], str]] = {
    "the same": (("eth1", "172.17.0.0/16"), "172.17.0.0/16 through eth1"),
    "a part": (("eth1", "172.17.4.0/24"), "172.17.4.0/24 through eth1"),
    "a machine": (("wg0", "172.17.4.9/32"), "172.17.4.9/32 through wg0"),
    "the whole": (("tun0", "172.16.0.0/12"), "172.16.0.0/12 through tun0"),
    "beside it": (("eth1", "172.18.0.0/16"), ""),
    "the default": (("eth0", "0.0.0.0/0"), ""),
    "half of everything, as a VPN's default": (("tun0", "128.0.0.0/1"), ""),
    "the bridge itself": (("docker0", "172.17.9.0/24"), ""),
}


@pytest.mark.parametrize("name", CASES)
def test_a_network_that_the_bridge_hides_from_the_builder_is_told(tmp_path: Path, name: str) -> None:
    other, words = CASES[name]
    put(tmp_path, "/proc/net/route", table(("eth0", "10.0.0.0/24"), BRIDGE, other))
    told = routes.note(System(str(tmp_path), {}), facts(), OWN)
    assert bool(told) is bool(words)
    assert words in told
    assert not told or "docker0 has the addresses 172.17.0.0/16" in told


@pytest.mark.parametrize(
    "line",
    [
        "*\t000010AC\t00000000\t0201\t0\t0\t0\t0000F0FF\t0\t0\t0",  # unreachable 172.16.0.0/12
        "eth1\tzz0011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
        "eth1\t000011AC\t00000000\t0001\t0\t0\t0\tFFFFFFFFFF\t0\t0\t0",
        "eth1\t000011AC",
    ],
    ids=["unreachable", "no number", "too wide", "cut off"],
)
def test_a_line_that_reaches_no_network_is_no_clash(tmp_path: Path, line: str) -> None:
    put(tmp_path, "/proc/net/route", f"{table(BRIDGE)}{line}\n")
    assert not routes.note(System(str(tmp_path), {}), facts(), OWN)


@pytest.mark.parametrize("how", ["flag", "file"])
def test_a_bridge_of_another_name_is_the_one_that_counts(tmp_path: Path, how: str) -> None:
    put(tmp_path, "/proc/net/route", table(("br7", "10.7.0.0/16"), ("eth1", "10.7.1.0/24"), BRIDGE))
    host = System(str(tmp_path), {})
    assert not routes.note(host, facts(), OWN)
    seen = facts()
    if how == "file":
        put(tmp_path, "/etc/docker/daemon.json", '{"bridge": "br7"}')
    else:
        seen = seen._replace(flags=("--bridge=br7",))
    assert "br7 has the addresses 10.7.0.0/16" in routes.note(host, seen, OWN)


@pytest.mark.parametrize("option", ["host", "none", "container:c", "no name/at all"])
def test_a_builder_that_is_not_on_the_bridge_is_not_told(tmp_path: Path, option: str) -> None:
    put(tmp_path, "/proc/net/route", table(BRIDGE, ("eth1", "172.17.4.0/24")))
    host = System(str(tmp_path), {})
    assert not routes.note(host, facts(), Place(store.Node("b0", WHERE.host, options={"network": option})))
    assert not routes.note(host, facts(), places.elsewhere(store.Node("b1", "ssh://arm"), "root"))


@pytest.mark.parametrize("more", [{"SecurityOptions": ["name=rootless"]}, {"OperatingSystem": "Docker Desktop"}])
def test_an_engine_with_a_network_of_its_own_is_not_judged_by_this_host_s_routes(
    tmp_path: Path, more: dict[str, object]
) -> None:
    put(tmp_path, "/proc/net/route", table(BRIDGE, ("eth1", "172.17.4.0/24")))
    found = info.engine({"ServerVersion": "28.5.2", **more}, WHERE)
    assert not routes.note(System(str(tmp_path), {}), facts()._replace(engine=found), OWN)


FAR = ("eth0", "10.20.0.0/16")
CONFIGURED: dict[str, tuple[dict[str, Any], str]] = {
    "bip": ({"bip": "10.20.1.1/24"}, "daemon.json gives docker0 the addresses 10.20.1.0/24"),
    "fixed-cidr": ({"fixed-cidr": "10.20.1.0/25"}, "daemon.json gives docker0 the addresses 10.20.1.0/25"),
    "pools": (
        {"default-address-pools": [{"base": "10.30.0.0/16", "size": 24}, {"base": "10.0.0.0/8", "size": 24}]},
        "new networks of Docker get the addresses 10.0.0.0/8",
    ),
    "elsewhere": ({"bip": "192.168.240.1/24", "default-address-pools": [{"base": "10.30.0.0/16", "size": 24}]}, ""),
    "broken": ({"bip": "10.20.1", "fixed-cidr": 7, "default-address-pools": [5, {"base": "10.20.0.0/99"}, {}]}, ""),
    "IPv6": ({"fixed-cidr": "fd00::/64"}, ""),
}


@pytest.mark.parametrize("where", ["file", "planned", "flags"])
@pytest.mark.parametrize("name", CONFIGURED)
def test_configured_ranges_are_compared_before_docker_uses_them(tmp_path: Path, name: str, where: str) -> None:
    settings, words = CONFIGURED[name]
    put(tmp_path, "/proc/net/route", table(BRIDGE, far=(FAR,)))
    seen = facts()
    if where == "file":
        put(tmp_path, "/etc/docker/daemon.json", json.dumps(settings))
    elif where == "planned":
        seen = seen._replace(planned=json.dumps(settings))
    else:
        rows = [p for p in settings.get("default-address-pools", ()) if p and p != 5]
        given = (f"--{key}={value}" for key, value in settings.items() if key != "default-address-pools")
        seen = seen._replace(flags=(*given, *(f"--default-address-pool=base={p['base']},size=24" for p in rows)))
        words = words.replace("daemon.json", f"--{name}")
    told = routes.note(System(str(tmp_path), {}), seen, OWN)
    assert bool(told) is bool(words)
    assert words in told
    cure = told.rpartition(": ")[2]  # dockerd refuses a setting that a flag has, too
    assert not told or ("daemon." in cure) is (where != "flags")
    assert not told or ("in the unit" in cure) is (where == "flags")


def test_a_plan_that_moves_the_bridge_away_says_no_clash(tmp_path: Path) -> None:
    put(tmp_path, "/proc/net/route", table(BRIDGE, ("eth1", "172.17.4.0/24")))
    host = System(str(tmp_path), {})
    assert routes.note(host, facts(), OWN)
    assert not routes.note(host, facts()._replace(planned='{"bip": "192.168.240.1/24"}'), OWN)


def test_docker_s_own_networks_in_a_pool_are_no_clash(tmp_path: Path) -> None:
    put(tmp_path, "/proc/net/route", table(BRIDGE, ("br-1234", "10.20.1.0/24"), ("eth1", "10.20.9.0/24")))
    put(tmp_path, "/etc/docker/daemon.json", json.dumps(CONFIGURED["pools"][0]))
    assert not routes.note(System(str(tmp_path), {}), facts(), OWN)


@pytest.mark.parametrize(
    ("options", "device"), [({}, "br-0123456789ab"), ({"com.docker.network.bridge.name": "corp"}, "corp")]
)
def test_a_builder_on_a_network_of_somebody_s_is_told_of_that_network_s_clash(
    tmp_path: Path, options: dict[str, str], device: str
) -> None:
    put(tmp_path, "/proc/net/route", table(BRIDGE, (device, "10.20.0.0/16"), far=(("eth0", "10.20.5.0/24"),)))
    network = {
        "Id": "0123456789abcdef",
        "Driver": "bridge",
        "Options": options,
        "IPAM": {"Config": [{"Subnet": "10.20.0.0/16"}, {"Subnet": "fd00::/64"}]},
    }
    place = Place(store.Node("b0", WHERE.host, options={"network": "corp"}))
    with engine(tmp_path / SOCKET[1:], {"/networks/corp": network}):
        told = routes.note(System(str(tmp_path), {}), facts(), place)
    assert "the network corp has the addresses 10.20.0.0/16, and this host reaches 10.20.5.0/24" in told


@pytest.mark.parametrize(
    "answer",
    [
        Refused(b"driver failed"),
        [],
        {"Driver": "bridge", "Options": 5, "IPAM": []},
        {"Driver": "bridge", "IPAM": {"Config": [7]}},
    ],
)
def test_an_engine_that_tells_nothing_of_a_network_ends_no_check(tmp_path: Path, answer: object) -> None:
    """The note is not worth it: the container is looked at all the same."""
    place = Place(store.Node("b0", WHERE.host, options={"network": "corp"}))
    put(tmp_path, "/proc/net/route", table(BRIDGE))
    with engine(tmp_path / SOCKET[1:], {"/networks/corp": answer}):
        assert routes.note(System(str(tmp_path), {}), facts(), place) == ""


@pytest.mark.parametrize("flag", ["--bip", "--fixed-cidr"])
def test_a_bridge_that_a_flag_has_given_its_range_is_cured_in_the_unit(tmp_path: Path, flag: str) -> None:
    put(tmp_path, "/proc/net/route", table(("docker0", "10.20.1.0/24"), ("eth1", "10.20.0.0/16")))
    told = routes.note(System(str(tmp_path), {}), facts()._replace(flags=(flag, "10.20.1.1/24")), OWN)
    assert told.startswith("docker0 has the addresses 10.20.1.0/24")
    assert f": change {flag} in the unit to a range" in told
