"""The networks that this host reaches, from the kernel's table of routes (IPv4)."""

import sys
from collections.abc import Iterator

from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.typed import NamedTuple

REJECT = 0x200  # RTF_REJECT: `ip route add unreachable`, whose device is `*`


class Route(NamedTuple):
    """A line of /proc/net/route: the network as a number, the bits of its prefix, and the device.

    ``far``: the network is behind another machine. Docker avoids the others when it chooses a range.
    """

    network: int
    bits: int
    device: str
    far: bool = False

    @property
    def whole(self) -> "Route":
        """The network of an address in it."""
        return self._replace(network=self.network & _mask(self.bits))

    def holds(self, other: "Route") -> bool:
        """Whether the other network is a part of this one, or the same."""
        return self.bits <= other.bits and self.network == other.network & _mask(self.bits)

    @property
    def words(self) -> str:
        """The network as a person writes it."""
        return f"{'.'.join(str(self.network >> shift & 255) for shift in (24, 16, 8, 0))}/{self.bits}"


def routes(host: Reader) -> Iterator[Route]:
    """Yield the routes of the main table, without the default route. The kernel writes numbers in its byte order."""
    try:
        lines = (host.read("/proc/net/route") or "").splitlines()[1:]
    except ProvisionerError:
        return
    for words in (line.split() for line in lines):
        try:
            device, network, gateway, flags, _, _, _, mask, *_ = words
            route = Route(_number(network), _number(mask).bit_count(), device, _number(gateway) != 0)
            reached = not int(flags, 16) & REJECT
        except (ValueError, OverflowError):
            continue  # not a line of the kernel's
        if route.bits and reached:
            yield route


def _number(text: str) -> int:
    return int.from_bytes(int(text, 16).to_bytes(4, sys.byteorder), "big")


def _mask(bits: int) -> int:
    return 0xFFFFFFFF ^ (0xFFFFFFFF >> bits)
