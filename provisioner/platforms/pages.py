"""The size of the kernel's pages of memory, and what a kernel with larger ones than 4 KB does not run.

A program that is made for pages of 4 KB has parts with different rights in one of the kernel's larger pages. The
kernel refuses it, or it is killed by a signal. Our test programs are made for every size. So is the C library of
Debian 13 for armhf, but not that of Debian 12. Sources: tests/machine/test_pages.py, raspberrypi/linux#5761,
raspberrypi/bookworm-feedback#120, alpinelinux/docker-alpine#342.
"""

import sys
from collections.abc import Collection

from provisioner.model import Reader

USUAL = 4096
VECTOR = "/proc/self/auxv"  # what the kernel tells each program: pairs of numbers
PAGE_SIZE = 6  # AT_PAGESZ
SMALL = ("linux/386", "linux/arm/")  # 32-bit programs may be made for 4 KB; all 64-bit ones allow for more
CRASH = "programs that were made for pages of 4 KB crash"


def size(host: Reader) -> int:
    """Return the size of a page in bytes, or 0 if it is unknown."""
    wide = 8 if sys.maxsize > 1 << 32 else 4
    data = host.head(VECTOR, 4096) or b""
    numbers = [int.from_bytes(data[at : at + wide], sys.byteorder) for at in range(0, len(data) - wide + 1, wide)]
    return dict(zip(numbers[::2], numbers[1::2], strict=False)).get(PAGE_SIZE, 0)


def crash(host: Reader, native: Collection[str]) -> tuple[str, ...]:
    """Return the native platforms whose programs crash if they were made for pages of 4 KB."""
    names = tuple(name for name in native if name.startswith(SMALL))
    return names if names and size(host) > USUAL else ()


def note(host: Reader, native: Collection[str]) -> str:
    """Return which native platforms run only a part of their programs, or an empty string."""
    names = crash(host, native)
    if not names:
        return ""
    cure = "boot a kernel with pages of 4 KB (Raspberry Pi 5: kernel=kernel8.img in config.txt)"
    return (
        f"this kernel has pages of {size(host) >> 10} KB: the test programs of {', '.join(names)} run, but {CRASH},"
        f" for example those of Debian 12: {cure}"
    )
