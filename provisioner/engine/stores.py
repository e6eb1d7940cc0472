"""The image store that an engine uses, and the one that it would fall back to."""

from provisioner.errors import DeniedError
from provisioner.model import Reader
from provisioner.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.engine.info import Engine

GRAPH_DRIVERS = frozenset(("overlay2", "fuse-overlayfs", "btrfs", "zfs", "vfs", "aufs", "devicemapper", "overlay"))
PRIOR = ("overlay2", "fuse-overlayfs", "btrfs", "zfs")  # moby's daemon/graphdriver, which ignores vfs here


def store(found: "Engine") -> str:
    """Return the active image store: ``containerd``, else the graph driver's name.

    Engines 24 to 28 may report the pair in DriverStatus although the store does not work. This happens if a graph
    driver is set explicitly together with the feature; every run then fails. ``btrfs`` and ``zfs`` also name
    snapshotters, and Engine 29 checks that they exist.
    """
    twins = ("btrfs", "zfs") if found.version is not None and found.version >= (29,) else ()
    broken = found.driver in GRAPH_DRIVERS and found.driver not in twins
    return "containerd" if found.containerd and not broken else found.driver


def prior(host: Reader, found: "Engine") -> bool:
    """Whether Engine 29 or later, without a key set, would fall back to a graph driver that this host once used."""
    try:
        return any(host.names(f"{found.root}/{driver}") for driver in PRIOR)
    except DeniedError:
        return False  # unknown, so a missing key is not judged
