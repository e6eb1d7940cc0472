"""The package managers that provisioner knows, what each says of a package, and the steps that install and remove."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from provisioner.errors import CommandError
from provisioner.model import Reader
from provisioner.steps import Say, Step
from provisioner.text.tolerant import number

if TYPE_CHECKING:
    from provisioner.host import System

SECONDS = 900  # seconds for one command, which may download over a slow line
LOCK = 300  # seconds to wait while another program, unattended-upgrades for example, holds the manager's lock
AGAIN = 5  # seconds between two attempts to get it
# What dpkg, pacman and apk say, which cannot wait on their own, or not for a removal.
LOCKED = ("lock was locked", "unable to lock database")


class Manager(NamedTuple):
    """A package manager. The host has it if ``program`` exists.

    ``remove`` refuses if other packages need the package. ``query`` succeeds if a package is installed. ``refresh``
    runs before an install; it is empty if the manager refreshes its lists on its own. ``setting`` goes in front of a
    command: it answers questions, waits for the lock, and restarts no service. ``search`` looks for a package in the
    lists that the host has in one of the folders ``lists``. It ends with ``absent`` if there is none.
    """

    program: str
    install: tuple[str, ...]
    remove: tuple[str, ...]
    query: tuple[str, ...]
    refresh: tuple[str, ...] = ()
    setting: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    absent: int = 0

    def hint(self, *packages: str) -> str:
        """Return the command that a person would type."""
        return " ".join((*self.install, *packages))

    def step(self, *packages: str) -> "InstallPackages":
        """Return the step that installs packages. Its undo removes those that were not there."""
        return InstallPackages(self.program, packages)


MANAGERS = (
    Manager(
        "apt-get",
        ("apt-get", "install", "--yes", "--no-install-recommends"),
        ("dpkg", "--remove"),
        ("dpkg-query", "--status"),
        ("apt-get", "update"),
        ("env", "DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_SUSPEND=1"),
    ),
    Manager(
        "dnf",
        ("dnf", "install", "--assumeyes", "--setopt=install_weak_deps=False"),
        ("rpm", "--erase"),
        ("rpm", "--query"),
        search=("dnf", "--cacheonly", "--quiet", "repoquery", "--available"),
        lists=("/var/cache/dnf", "/var/cache/libdnf5"),
    ),
    Manager(
        "zypper",
        ("zypper", "--non-interactive", "install", "--no-recommends"),
        ("rpm", "--erase"),
        ("rpm", "--query"),
        setting=("env", f"ZYPP_LOCK_TIMEOUT={LOCK}"),
        search=("zypper", "--no-refresh", "--non-interactive", "search", "--match-exact"),
        lists=("/var/cache/zypp/raw",),
        absent=104,
    ),
    Manager("apk", ("apk", "add"), ("apk", "del"), ("apk", "info", "--installed")),
    Manager(
        "pacman",
        ("pacman", "--sync", "--noconfirm", "--needed"),
        ("pacman", "--remove", "--noconfirm"),
        ("pacman", "--query"),
        search=("pacman", "--sync", "--info"),
        lists=("/var/lib/pacman/sync",),
        absent=1,
    ),
)
# Debian's names of the CPUs, by the output of ``uname -m``, where they differ. They are not Docker's names.
DPKG = {"x86_64": "amd64", "aarch64": "arm64", "i686": "i386", "armv7l": "armhf", "ppc64le": "ppc64el"}
WAITS = {"apt-get": ("--option", f"DPkg::Lock::Timeout={LOCK}"), "apk": ("--wait", str(LOCK))}


@dataclass(frozen=True, slots=True)
class InstallPackages(Step):
    """Install packages with the manager of this name."""

    manager: str
    packages: tuple[str, ...]

    def do(self, system: "System", say: Say) -> None:
        row = _row(self.manager)
        if row.refresh:  # one broken repository fails it, and the others may still have the package
            system.ask(*row.setting, *row.refresh, timeout=SECONDS)
        argv = (*row.setting, *row.install, *WAITS.get(row.program, ()), *self.packages)
        _run(system, row, argv, say)
        if not self.stands(system):
            hint = f"see what is broken: {row.hint(*self.packages)}"
            raise CommandError(
                f"{row.program} says that {' '.join(self.packages)} is installed, and it is not", hint=hint
            )

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        new = tuple(name for name in self.packages if not installed(host, name))
        return (RemovePackages(self.manager, new),) if new else ()

    def stands(self, host: Reader) -> bool:
        return all(installed(host, name) for name in self.packages)

    def sentence(self) -> str:
        return f"run {_row(self.manager).hint(*self.packages)}"


@dataclass(frozen=True, slots=True)
class RemovePackages(Step):
    """Remove packages with the manager of this name. A package that others need by now stays."""

    manager: str
    packages: tuple[str, ...]

    def do(self, system: "System", say: Say) -> None:
        if there := [name for name in self.packages if installed(system, name)]:
            row = _row(self.manager)
            _run(system, row, (*row.setting, *row.remove, *there), say)

    def stands(self, host: Reader) -> bool:
        return not any(installed(host, name) for name in self.packages)

    def sentence(self) -> str:
        return f"run {' '.join((*_row(self.manager).remove, *self.packages))}"


class Install(NamedTuple):
    """The steps that install a missing program, or why there are none. ``hint``: what a person would type."""

    hint: str
    steps: tuple[Step, ...] = ()


def _run(system: "System", row: Manager, argv: tuple[str, ...], say: Say) -> None:
    """Run a command. While another program holds the manager's lock, run it again until the time for that is over."""
    for waited in range(0, LOCK, AGAIN):
        try:
            system.run(argv, SECONDS)
        except CommandError as e:
            if not any(words in e.message.lower() for words in LOCKED):
                raise
            if not waited:
                say(f"another program holds the lock of {row.program}: waiting for up to {LOCK // 60} minutes")
            system.pause(AGAIN)
        else:
            return
    system.run(argv, SECONDS)


def _row(program: str) -> Manager:
    return next(row for row in MANAGERS if row.program == program)


def manager(host: Reader) -> Manager | None:
    """Return this host's package manager, or None if provisioner does not know one here."""
    return next((row for row in MANAGERS if host.program(row.program)), None)


def release(host: Reader) -> dict[str, str]:
    """Return the fields of /etc/os-release."""
    lines = (line.partition("=") for line in (host.read("/etc/os-release") or "").splitlines())
    return {key: value.strip("\"'") for key, _, value in lines}


def since(host: Reader, identity: str, first: int) -> bool | None:
    """Return whether this host has a release of a distribution from ``first`` on. None: it has another distribution.

    Testing has no number and counts as newer than all that have one.
    """
    fields = release(host)
    known = number(fields.get("VERSION_ID", "").partition(".")[0])
    return (known is None or known >= first) if fields.get("ID") == identity else None


def installed(host: Reader, package: str) -> bool:
    """Return whether the host has a package, by dpkg's files or its package manager's answer."""
    if any(host.stat(f"/var/lib/dpkg/info/{name}.list") for name in (package, f"{package}:{_dpkg(host)}")):
        return True
    asked = (row.query for row in MANAGERS if row.program != "apt-get" and host.program(row.query[0]))
    return any(host.ask(*query, package).status == 0 for query in dict.fromkeys(asked))


def offered(host: Reader, package: str) -> bool | None:
    """Return whether the package manager's lists have a package. None if they do not tell, and only an attempt will."""
    row = manager(host)
    if row is None or host.asleep:
        return None
    if row.program == "apt-get":
        known = candidate(host, package)
        return None if known is None else known != ""
    if not any(host.names(folder) for folder in row.lists):
        return None
    ran = host.ask(*row.search, package)
    if row.absent and ran.status == row.absent:
        return False
    return True if ran.status == 0 and ran.stdout.strip() else None  # dnf is as silent about lists that were cleaned


def _dpkg(host: Reader) -> str:
    """Return dpkg's name of this CPU, for packages of which a host may have one for each architecture."""
    return DPKG.get(host.machine, host.machine)


def candidate(host: Reader, package: str) -> str | None:
    """Return the version that apt would install. Run no program if the host is a mounted image.

    Returns: an empty string if apt knows no version, or None if that is unknown.
    """
    if host.asleep or host.program("apt-cache") is None:
        return None
    lines = host.ask("apt-cache", "policy", package).stdout.splitlines()
    found = [line.partition(":")[2].strip() for line in lines if line.strip().startswith("Candidate:")]
    lists = [n for n in host.names("/var/lib/apt/lists") if "_" in n]
    known = found[0] if found and found[0] != "(none)" else ""
    return known if lists or known else None  # without lists, apt knows names that other packages mention, and no more
