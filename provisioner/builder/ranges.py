"""The addresses that networks of the engine have or will get, apart from those that the kernel's routes show."""

from collections.abc import Iterator, Mapping

from provisioner.builder.route_table import Route
from provisioner.engine import settings
from provisioner.engine.facts import Facts
from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.text import command_line, tolerant
from provisioner.typed import Any

BRIDGES = ("bip", "fixed-cidr")  # without bip, the bridge has the range of fixed-cidr
POOL = "--default-address-pool"


def parsed(text: Any, device: str = "") -> Route | None:
    """Return an IPv4 network such as ``10.1.2.3/16``. None if the text is anything else."""
    address, _, bits = text.partition("/") if isinstance(text, str) else ("", "", "")
    numbers = [tolerant.number(part) for part in (*address.split("."), bits)]
    known = [n for n in numbers if n is not None]
    if len(known) != len(numbers) or len(numbers) != 5 or max(known[:4]) > 255 or not 0 < known[4] <= 32:
        return None
    return Route(int.from_bytes(bytes(known[:4]), "big"), known[4], device).whole


def flag(facts: Facts) -> str:
    """Return the flag of the daemon that gives its bridge a range, or an empty string."""
    return next((f"--{name}" for name in BRIDGES if command_line.value(facts.flags, f"--{name}")), "")


def own(host: Reader, facts: Facts, bridge: str) -> Iterator[Route]:
    """Yield the range that daemon.json or a flag gives the engine's bridge."""
    found = settings.every(host, facts)
    for name in BRIDGES:
        if route := parsed(found.get(name) or command_line.value(facts.flags, f"--{name}"), bridge):
            yield route
            return


def pools(host: Reader, facts: Facts) -> Iterator[Route]:
    """Yield the ranges from which new networks get their addresses, if somebody has configured them."""
    found = settings.every(host, facts).get("default-address-pools")
    said = [pool.get("base") for pool in found if isinstance(pool, dict)] if isinstance(found, list) else []
    for flag in command_line.values(facts.flags, POOL):
        said += [word.partition("=")[2] for word in flag.split(",") if word.startswith("base=")]
    yield from (route for base in said if (route := parsed(base)))


def of_network(host: Reader, facts: Facts, name: str) -> Iterator[Route]:
    """Yield the ranges of a network of the engine that somebody has made, if the engine tells them."""
    named = name.isascii() and name.replace("-", "").replace("_", "").replace(".", "").isalnum()
    try:
        found = _object(host.get(facts.socket, f"/networks/{name}") if named and facts.socket else None)
    except ProvisionerError:  # a note is not worth the end of a check
        return
    if found.get("Driver") != "bridge":
        return
    own = f"br-{str(found.get('Id'))[:12]}"
    device = str(_object(found.get("Options")).get("com.docker.network.bridge.name") or own)
    rows = _object(found.get("IPAM")).get("Config")
    said = [_object(row).get("Subnet") for row in rows] if isinstance(rows, list) else []
    yield from (route for subnet in said if (route := parsed(subnet, device)))


def _object(found: Any) -> Mapping[str, Any]:
    """Return an object of an answer. Anything else counts as an empty one."""
    return found if isinstance(found, dict) else {}
