"""Find the version of an image's engine in the package database or in the program's own bytes. Nothing is run."""

import re
import sqlite3
import struct
from collections.abc import Callable, Iterator

from provisioner.errors import ProvisionerError
from provisioner.model import Reader

PACKAGES = ("docker.io", "docker-ce", "moby-engine", "docker-engine", "docker")
PROGRAMS = ("/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd", "/opt/bin/dockerd")
RPM = ("/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/rpm/rpmdb.sqlite")
_NAME, _VERSION = 1000, 1001  # tags of an RPM header
# The linker flags of Docker's own builds. Go stores them in the program.
_LINKED = re.compile(rb"dockerversion\.Version=([0-9][\w.+~-]{0,60})")


def version(host: Reader) -> str | None:
    """Return the version of the engine in an image, or None if none is recorded."""
    return next((found for look in LOOKS if (found := look(host))), None)


def _dpkg(host: Reader) -> str | None:
    texts = [host.read("/var/lib/dpkg/status") or ""]
    texts += [host.read(f"/var/lib/dpkg/status.d/{n}") or "" for n in host.names("/var/lib/dpkg/status.d")]
    for text in texts:
        for stanza in text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in stanza.split("\n") if ": " in line and line[0] not in " \t")
            if fields.get("Package") in PACKAGES and fields.get("Status", "installed").split()[-1:] == ["installed"]:
                return _upstream(fields.get("Version", ""))
    return None


def _apk(host: Reader) -> str | None:
    for stanza in (host.read("/lib/apk/db/installed") or "").split("\n\n"):
        fields = dict(line.split(":", 1) for line in stanza.split("\n") if ":" in line)
        if fields.get("P") in PACKAGES:
            return _upstream(fields.get("V", ""))
    return None


def _pacman(host: Reader) -> str | None:
    for name in host.names("/var/lib/pacman/local"):
        package, *rest = name.rsplit("-", 2)
        if package in PACKAGES and rest:
            return _upstream(rest[0])
    return None


def _rpm(host: Reader) -> str | None:
    """Read RPM's database from memory, because SQLite would create files of its own next to it."""
    data = next((d for path in RPM if (d := host.head(path, -1))), None)
    if data is None:
        return None
    database = sqlite3.connect(":memory:")
    try:
        database.deserialize(data)
        database.execute("PRAGMA trusted_schema = OFF")
        rows: Iterator[tuple[bytes]] = database.execute("SELECT blob FROM Packages")
        return next((_upstream(v) for (blob,) in rows if (v := _header(blob).get(_VERSION)) and _ours(blob)), None)
    except (sqlite3.Error, struct.error, TypeError, ValueError):
        return None
    finally:
        database.close()


def _ours(blob: bytes) -> bool:
    return _header(blob).get(_NAME) in PACKAGES


def _header(blob: bytes) -> dict[int, str]:
    """Return name and version in an RPM header: an index of tag, type, offset and count, followed by the strings."""
    count, _ = struct.unpack_from(">II", blob)
    found = {}
    for index in range(min(count, 1000)):
        tag, _, offset, _ = struct.unpack_from(">IIII", blob, 8 + 16 * index)
        if tag in (_NAME, _VERSION):
            start = 8 + 16 * count + offset
            found[tag] = blob[start : blob.index(b"\0", start)].decode("utf-8", "replace")
    return found


def _program(host: Reader) -> str | None:
    for path in PROGRAMS:
        try:
            data = host.head(path, -1) or b""
        except ProvisionerError:
            continue
        if found := _LINKED.search(data):
            return _upstream(found.group(1).decode())
    return None


def _upstream(text: str) -> str | None:
    """Return a package's version without its epoch."""
    return text.rpartition(":")[2].strip() or None


LOOKS: tuple[Callable[[Reader], str | None], ...] = (_dpkg, _apk, _rpm, _pacman, _program)
