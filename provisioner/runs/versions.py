"""The versions of QEMU and BuildKit, as an apply has asked for them. A check only reads what was kept.

A version counts while the file that said it is there (its inode), and while the builder's image has the same name.
"""

from collections.abc import Mapping

from provisioner.builder import limits
from provisioner.config import drivers
from provisioner.config.desired import Desired
from provisioner.engine.facts import Facts
from provisioner.errors import ProvisionerError
from provisioner.host import System
from provisioner.model import Reader
from provisioner.text import plain_json
from provisioner.typed import Any, NamedTuple


class Versions(NamedTuple):
    """QEMU's version by the path of its program, and BuildKit's by the name of its node."""

    qemu: Mapping[str, str]
    buildkit: Mapping[str, str]


def path(host: Reader) -> str:
    """Return the file that keeps the versions."""
    return limits.kept(host)


def read(host: Reader, wanted: Desired) -> Versions:
    """Return the versions that were kept and still count. None of them if this user may not read the file."""
    try:
        found = plain_json.loads(host.read(path(host)) or "{}")
        qemu = {p: str(row["version"]) for p, row in found["qemu"].items() if _inode(host, p) == row["inode"]}
        same = found["image"] == drivers.image(wanted.builder.driver_options)
        return Versions(qemu, {n: str(v) for n, v in found["buildkit"].items()} if same else {})
    except (ProvisionerError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return Versions({}, {})


def keep(system: System, facts: Facts, wanted: Desired) -> None:
    """Ask each emulator and each node for its version, and keep the answers."""
    from provisioner.builder import version
    from provisioner.emulators import faults, labels

    told = faults.asked(system, labels.labels(facts, wanted))
    emulators = [label.emulator for label in told if label.emulator and label.emulator.version]
    kept: dict[str, Any] = {
        "qemu": {e.interpreter: {"inode": _inode(system, e.interpreter), "version": e.version} for e in emulators},
        "image": drivers.image(wanted.builder.driver_options),
        "buildkit": version.said(system, facts, wanted.builder) or dict(read(system, wanted).buildkit),
    }
    text = plain_json.dumps(kept) + "\n"
    if text != system.read(path(system)):
        system.write(path(system), text, 0o600)


def _inode(host: Reader, file: str) -> int:
    there = host.stat(file)
    return there.inode[1] if there else 0
