"""The package managers that we know: how each installs and removes, and which of them this host has."""

from typing import NamedTuple

from provisioner.model import Reader
from provisioner.steps import Step
from provisioner.steps.programs import Run

SECONDS = 900  # for one package manager over somebody's line


class Manager(NamedTuple):
    """A package manager; ``program`` gives it away. ``refresh`` is run first; empty: it sees to that itself."""

    program: str
    install: tuple[str, ...]
    remove: tuple[str, ...]
    refresh: tuple[str, ...] = ()

    def hint(self, *packages: str) -> str:
        """The command that a person would type."""
        return " ".join((*self.install, *packages))

    def steps(self, *packages: str) -> tuple[Step, ...]:
        """What installs packages; the undo removes them."""
        refresh = (Run(self.refresh, timeout=SECONDS),) if self.refresh else ()
        undo = Run((*self.remove, *packages), timeout=SECONDS)
        return (*refresh, Run((*self.install, *packages), undo=(undo,), timeout=SECONDS))


MANAGERS = (
    Manager(
        "apt-get",
        ("apt-get", "install", "--yes", "--no-install-recommends"),
        ("apt-get", "remove", "--yes"),
        ("apt-get", "update"),
    ),
    Manager(
        "dnf",
        ("dnf", "install", "--assumeyes", "--setopt=install_weak_deps=False"),
        ("dnf", "remove", "--assumeyes"),
    ),
    Manager(
        "zypper",
        ("zypper", "--non-interactive", "install", "--no-recommends"),
        ("zypper", "--non-interactive", "remove"),
    ),
    Manager("apk", ("apk", "add"), ("apk", "del")),
    Manager(
        "pacman",
        ("pacman", "--sync", "--noconfirm", "--needed"),
        ("pacman", "--remove", "--noconfirm"),
    ),
)


def manager(host: Reader) -> Manager | None:
    """This host's package manager; None: none that we know."""
    return next((row for row in MANAGERS if host.program(row.program)), None)


def release(host: Reader) -> dict[str, str]:
    """The fields of /etc/os-release."""
    lines = (line.partition("=") for line in (host.read("/etc/os-release") or "").splitlines())
    return {key: value.strip("\"'") for key, _, value in lines}


def candidate(host: Reader, package: str) -> str | None:
    """The version that apt would install; empty: none that it knows of; None: not known. Nothing of an image is run."""
    if host.asleep or host.program("apt-cache") is None:
        return None
    lines = host.ask("apt-cache", "policy", package).stdout.splitlines()
    found = [line.partition(":")[2].strip() for line in lines if line.strip().startswith("Candidate:")]
    lists = [n for n in host.names("/var/lib/apt/lists") if "_" in n]
    return (found[0] if found and found[0] != "(none)" else "") if lists or found else None
