"""Validate names that Docker reads: images, registries and mirrors.

Sources: distribution/reference, and moby's registry/config.go.
"""

import ipaddress
import re
from urllib.parse import urlsplit

_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]{{1,5}})?"
_PART = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
IMAGE = re.compile(
    rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)
REGISTRY = re.compile(_HOST)
LONGEST = 255  # characters in an image's name, without tag and digest


def image(text: str) -> str:
    """Return why Docker would reject an image's name, or an empty text if it is valid."""
    if IMAGE.fullmatch(text) and len(text.partition("@")[0]) <= LONGEST + 129:
        return ""
    if text.endswith((":", "@", "/")):
        return f"`{text}` ends with `{text[-1]}`"
    if "://" in text:
        return f"`{text}` is an address, not an image"
    return f"`{text}` has upper-case letters" if text != text.lower() else f"`{text}` is not the name of an image"


def registry(text: str) -> str:
    """Return why a text is not a registry's host and port, or an empty text if it is valid."""
    if "://" in text:
        return f"`{text}` must not begin with {text.partition('://')[0]}://"
    if "/" in text:
        return f"`{text}` must be a host and a port, without a path"
    return "" if REGISTRY.fullmatch(text) else f"`{text}` is not a host and a port"


def insecure(text: str) -> str:
    """Return why Docker would reject an entry of insecure-registries, or an empty text if it is valid.

    An entry is a registry or a network.
    """
    if "/" in text and "://" not in text:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            return registry(text)
        return ""
    return registry(text)


def mirror(text: str) -> str:
    """Return why Docker would reject an entry of registry-mirrors, or an empty text if it is valid."""
    try:
        found = urlsplit(text)
        port_is_right = found.port is None or found.port > 0
    except ValueError:
        return f"`{text}` is not an address"
    if found.scheme not in ("http", "https"):
        return f"`{text}` must begin with https:// or http://"
    if not found.hostname or not port_is_right:
        return f"`{text}` has no host"
    return f"`{text}` must not have a query or a fragment" if found.query or found.fragment else ""
