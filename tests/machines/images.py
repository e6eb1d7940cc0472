"""Disk images: copy them, stack them, and use them as QEMU block devices."""

import subprocess
from pathlib import Path


def copy(image: Path, into: Path) -> None:
    """Copy an image without its holes."""
    subprocess.run(("/bin/cp", "--sparse=always", "--reflink=auto", image, into), check=True)


def overlay(image: Path, into: Path, number: int) -> str:
    """Create an image for the changes to another image, and return its block device."""
    create = ("/usr/bin/qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(image), str(into))
    subprocess.run(create, check=True)
    return f"driver=qcow2,node-name=disk{number},discard=unmap,file.driver=file,file.filename={into},file.locking=off"


def plain(image: Path, number: int) -> str:
    """Return the block device of an image itself."""
    return f"driver=raw,node-name=disk{number},discard=unmap,file.driver=file,file.filename={image}"
