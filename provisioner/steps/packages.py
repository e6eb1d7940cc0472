"""The package managers that provisioner knows: how each installs and removes, and which one this host has."""

from typing import NamedTuple

from provisioner.model import Reader
from provisioner.steps import Step
from provisioner.steps.programs import Run

SECONDS = 900  # seconds for one command, which may download over a slow line


class Manager(NamedTuple):
    """A package manager. The host has it if ``program`` exists.

    ``refresh`` runs before an install. It is empty if the manager refreshes its lists on its own.
    """

    program: str
    install: tuple[str, ...]
    remove: tuple[str, ...]
    refresh: tuple[str, ...] = ()

    def hint(self, *packages: str) -> str:
        """Return the command that a person would type."""
        return " ".join((*self.install, *packages))

    def steps(self, *packages: str) -> tuple[Step, ...]:
        """Return the steps that install packages. Their undo removes the packages."""
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
    """Return this host's package manager, or None if provisioner does not know one here."""
    return next((row for row in MANAGERS if host.program(row.program)), None)


def release(host: Reader) -> dict[str, str]:
    """Return the fields of /etc/os-release."""
    lines = (line.partition("=") for line in (host.read("/etc/os-release") or "").splitlines())
    return {key: value.strip("\"'") for key, _, value in lines}


def installed(host: Reader, package: str) -> bool:
    """Return whether the host has a package, by dpkg's files or rpm's answer. False if neither knows it."""
    if any(host.stat(f"/var/lib/dpkg/info/{name}.list") for name in (package, f"{package}:{_dpkg(host)}")):
        return True
    return host.program("rpm") is not None and host.ask("rpm", "--query", package).status == 0


def _dpkg(host: Reader) -> str:
    """Return dpkg's name of this CPU, for packages of which a host may have one for each architecture."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(host.machine, host.machine)


def candidate(host: Reader, package: str) -> str | None:
    """Return the version that apt would install. Run no program if the host is a mounted image.

    Returns: an empty string if apt knows no version, or None if that is unknown.
    """
    if host.asleep or host.program("apt-cache") is None:
        return None
    lines = host.ask("apt-cache", "policy", package).stdout.splitlines()
    found = [line.partition(":")[2].strip() for line in lines if line.strip().startswith("Candidate:")]
    lists = [n for n in host.names("/var/lib/apt/lists") if "_" in n]
    return (found[0] if found and found[0] != "(none)" else "") if lists or found else None
