"""A host whose kernel has pages of memory of a given size."""

import struct
from pathlib import Path

from provisioner.host import System


def host(top: Path, size: int) -> System:
    """Return a host whose kernel tells programs this size of a page."""
    vector = top / "proc/self/auxv"
    vector.parent.mkdir(parents=True)
    vector.write_bytes(struct.pack("@8L", 16, 0x178BFBFF, 6, size, 17, 100, 0, 0))
    return System(str(top), {})
