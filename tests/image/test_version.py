"""Find the engine's version in the records of each package manager, without running anything."""

import sqlite3
import struct
from pathlib import Path

import pytest

from provisioner.host.image import Image
from provisioner.image.version import version


def header(name: str, number: str) -> bytes:
    """Return an RPM header with a name and a version."""
    strings = f"{name}\0{number}\0".encode()
    index = struct.pack(">IIII", 1000, 6, 0, 1) + struct.pack(">IIII", 1001, 6, len(name) + 1, 1)
    return struct.pack(">II", 2, len(strings)) + index + strings


def rpm(*packages: tuple[str, str]) -> bytes:
    """Return an RPM database."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
    database.executemany("INSERT INTO Packages (blob) VALUES (?)", [(header(*p),) for p in packages])
    found = database.serialize()
    database.close()
    return found


ROOTS = {
    "dpkg": ("var/lib/dpkg/status", b"Package: docker.io\nStatus: install ok installed\nVersion: 28.5.2+dfsg4-1\n"),
    "dpkg with an epoch": ("var/lib/dpkg/status", b"Package: docker-ce\nVersion: 5:28.5.2+dfsg4-1\n"),
    "dpkg of a small image": ("var/lib/dpkg/status.d/docker", b"Package: docker.io\nVersion: 28.5.2+dfsg4-1\n"),
    "rpm": ("usr/lib/sysimage/rpm/rpmdb.sqlite", rpm(("bash", "5"), ("moby-engine", "28.5.2+dfsg4-1"))),
    "rpm, older": ("var/lib/rpm/rpmdb.sqlite", rpm(("docker-ce", "28.5.2+dfsg4-1"))),
    "apk": ("lib/apk/db/installed", b"P:musl\nV:1\n\nP:docker-engine\nV:28.5.2+dfsg4-1\n"),
    "pacman": ("var/lib/pacman/local/docker-1:28.5.2+dfsg4-1/desc", b""),
    "the program": ("usr/local/bin/dockerd", b'\x7fELF -ldflags="-X dockerversion.Version=28.5.2+dfsg4-1" '),
}
NONE = {
    "removed": ("var/lib/dpkg/status", b"Package: docker.io\nStatus: deinstall ok config-files\nVersion: 28\n"),
    "a broken database": ("var/lib/rpm/rpmdb.sqlite", b"SQLite format 3\0" + b"\xff" * 500),
    "a database of something else": ("var/lib/rpm/rpmdb.sqlite", b"x"),
    "a broken header": ("var/lib/rpm/rpmdb.sqlite", rpm(("docker-ce", "28")).replace(b"docker-ce\x0028\0", b"d" * 13)),
    "a script": ("usr/bin/dockerd", b"#!/bin/sh\necho Docker version 28.5.2\n"),
}


@pytest.mark.parametrize("name", ROOTS)
def test_the_version_is_what_the_image_records(tmp_path: Path, name: str) -> None:
    path, data = ROOTS[name]
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_bytes(data)
    found = version(Image(str(tmp_path), {}))
    assert found in ("28.5.2+dfsg4-1", "28.5.2+dfsg4")


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_record_is_none(tmp_path: Path, name: str) -> None:
    path, data = NONE[name]
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_bytes(data)
    assert version(Image(str(tmp_path), {})) is None
