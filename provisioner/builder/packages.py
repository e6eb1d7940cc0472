"""The packages of docker's command line and buildx, by package manager and by the origin of this host's engine."""

from provisioner.model import Reader
from provisioner.steps import packages
from provisioner.steps.packages import Install

DOCKERS_OWN = {"docker": "docker-ce-cli", "buildx": "docker-buildx-plugin"}
NAMES = {
    "apt-get": {"docker": "docker-cli", "buildx": "docker-buildx"},
    "dnf": {"docker": "docker-cli", "buildx": "docker-buildx"},
    "zypper": {"docker": "docker", "buildx": "docker-buildx"},
    "apk": {"docker": "docker-cli", "buildx": "docker-cli-buildx"},
    "pacman": {"docker": "docker", "buildx": "docker-buildx"},
}
# A distribution has the package from this release on. Where nothing else tells, its number does.
SINCE = {"docker-cli": ("debian", 13), "docker-buildx": ("debian", 13)}
NEEDS = {"docker": ("docker", "buildx"), "buildx": ("buildx",)}  # without docker, buildx alone is useless


def install(host: Reader, missing: str, *, allowed: bool) -> Install:
    """Return how to install ``docker`` or ``buildx`` here."""
    manager = packages.manager(host)
    if manager is None:
        return Install(f"install {missing} by hand: no package manager that provisioner knows is on this host")
    known = DOCKERS_OWN if _dockers_own(host) else NAMES[manager.program]
    names = tuple(known[part] for part in NEEDS[missing] if part == missing or not _there(host, part))
    command = manager.hint(*names)
    if not allowed:
        return Install(f"{command} (packages: never keeps provisioner from that)")
    if damaged := [name for name in names if packages.installed(host, name)]:  # an undo would remove what was there
        return Install(f"{' '.join(damaged)} is installed, and {missing} does not run: reinstall it")
    if not all(_may_be_offered(host, name) for name in names):
        return Install(f"this distribution has no package {' '.join(names)}: see docs.docker.com/engine/install")
    return Install(command, (manager.step(*names),))


def _there(host: Reader, part: str) -> bool:
    folders = ("/usr/libexec/docker", "/usr/lib/docker", "/usr/local/libexec/docker", "/usr/local/lib/docker")
    return part == "buildx" and any(host.stat(f"{folder}/cli-plugins/docker-buildx") for folder in folders)


def _may_be_offered(host: Reader, name: str) -> bool:
    """Return whether an attempt to install a package makes sense: True also if only the attempt will tell."""
    known = packages.offered(host, name)
    return known if known is not None else packages.since(host, *SINCE.get(name, ("", 0))) is not False


def _dockers_own(host: Reader) -> bool:
    """Return whether the engine came from Docker's own packages."""
    return packages.installed(host, "docker-ce")
