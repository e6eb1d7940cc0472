"""Images of disks: copied, laid over each other, and as QEMU's block devices."""

import subprocess
from pathlib import Path


def copy(image: Path, into: Path) -> None:
    """Copy an image without its holes."""
    subprocess.run(("/bin/cp", "--sparse=always", "--reflink=auto", image, into), check=True)


def overlay(image: Path, into: Path, number: int) -> str:
    """A new image that holds what is changed of another; the block device of it."""
    create = ("/usr/bin/qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(image), str(into))
    subprocess.run(create, check=True)
    return f"driver=qcow2,node-name=disk{number},discard=unmap,file.driver=file,file.filename={into},file.locking=off"


def plain(image: Path, number: int) -> str:
    """The block device of an image as it is."""
    return f"driver=raw,node-name=disk{number},discard=unmap,file.driver=file,file.filename={image}"
