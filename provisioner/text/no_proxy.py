"""Which hosts are reached without a proxy, as docker and BuildKit decide it.

Source: golang.org/x/net/http/httpproxy, which reads ``NO_PROXY`` for both.
"""

import ipaddress


def direct(where: str, no_proxy: str) -> bool:
    """Return whether ``no_proxy`` names HOST or HOST:PORT. This host itself is always reached directly."""
    name, port = _split(where.lower())
    address = _address(name)
    if name == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_names(rule, name, port, address) for rule in no_proxy.lower().replace(",", " ").split())


def _names(rule: str, name: str, port: str, address: "ipaddress.IPv4Address | ipaddress.IPv6Address | None") -> bool:
    if rule == "*":
        return True
    if "/" in rule:
        try:
            return address is not None and address in ipaddress.ip_network(rule, strict=False)
        except ValueError:
            return False
    host, wanted = _split(rule)
    if wanted and wanted != port:
        return False
    if _address(host) is not None or address is not None:
        return _address(host) == address
    host = host.removeprefix("*")
    return name.endswith(host) if host.startswith(".") else name == host or name.endswith(f".{host}")


def _split(where: str) -> tuple[str, str]:
    """Split HOST:PORT. An IPv6 address with a port is in brackets."""
    if where.startswith("["):
        name, _, rest = where[1:].partition("]")
        return name, rest.removeprefix(":")
    name, _, port = where.rpartition(":") if where.count(":") == 1 else (where, "", "")
    return name, port


def _address(name: str) -> "ipaddress.IPv4Address | ipaddress.IPv6Address | None":
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
