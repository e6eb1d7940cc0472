"""Which image store an engine has in effect, and which one it would fall back to."""

from provisioner.errors import DeniedError
from provisioner.model import Reader
from provisioner.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from provisioner.engine.info import Engine

GRAPH_DRIVERS = frozenset(("overlay2", "fuse-overlayfs", "btrfs", "zfs", "vfs", "aufs", "devicemapper", "overlay"))
PRIOR = ("overlay2", "fuse-overlayfs", "btrfs", "zfs")  # moby's daemon/graphdriver; vfs does not count there


def store(found: "Engine") -> str:
    """The image store in effect: ``containerd``, else the graph driver's name.

    The pair in DriverStatus alone proves nothing on 24 to 28: an explicit graph driver beside the feature is reported
    with the pair, and then fails every run. btrfs and zfs are snapshotters' names, too; 29 checks that they exist.
    """
    twins = ("btrfs", "zfs") if found.version is not None and found.version >= (29,) else ()
    broken = found.driver in GRAPH_DRIVERS and found.driver not in twins
    return "containerd" if found.containerd and not broken else found.driver


def prior(host: Reader, found: "Engine") -> bool:
    """Whether an engine from 29 on would fall back to a graph driver that this host once used, were no key set."""
    try:
        return any(host.names(f"{found.root}/{driver}") for driver in PRIOR)
    except DeniedError:
        return False  # unknown; the key's presence is then not judged
