"""The package that has ctr, containerd's own client.

Some distributions have it in a package of its own, which is installed. Elsewhere it is part of containerd's package. To
install that could bring a second containerd, or remove the one that the engine uses, so a person is told the command.
"""

from provisioner.model import Reader
from provisioner.steps import Step, packages
from provisioner.steps.packages import Install

ALONE = {"zypper": "containerd-ctr", "apk": "containerd-ctr"}
DOCKERS_OWN = "containerd.io"  # it has ctr
AGAIN = {
    "apt-get": "apt-get install --reinstall",
    "dnf": "dnf reinstall",
    "zypper": "zypper install --force",
    "apk": "apk fix",
    "pacman": "pacman --sync",
}
BY_HAND = "put the ctr that belongs to this host's containerd into /usr/local/bin"


def install(host: Reader, *, allowed: bool) -> Install:
    """Return how to install ctr here."""
    manager = packages.manager(host)
    if manager is None:
        return Install(BY_HAND)
    package = ALONE.get(manager.program, "")
    holders = (package, DOCKERS_OWN) if package else (DOCKERS_OWN, "containerd")
    if damaged := next((name for name in holders if packages.installed(host, name)), ""):
        return Install(f"{AGAIN[manager.program]} {damaged}")
    if not package or packages.offered(host, package) is False:
        return Install(BY_HAND)
    if not allowed:
        return Install(f"{manager.hint(package)} (packages: never keeps provisioner from that)")
    return Install(manager.hint(package), (manager.step(package),))


def missing(host: Reader, *, allowed: bool) -> tuple[Step, ...]:
    """Return the steps that install ctr; none if it is there or cannot be installed."""
    return install(host, allowed=allowed).steps if host.program("ctr") is None else ()
