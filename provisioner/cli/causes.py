"""Find out which possible cause of an error applies to this host."""

import functools
import re
from collections.abc import Callable, Mapping

from provisioner.builder import credentials, plugin
from provisioner.builder import keys as builder_keys
from provisioner.builder.wanted import Wanted
from provisioner.checks import failure
from provisioner.checks.failure import Failure
from provisioner.cli.cures import Cause, Error
from provisioner.config.desired import Desired
from provisioner.emulators import faults, keys, labels
from provisioner.engine import addresses, facts, people, stores, target
from provisioner.engine.facts import Facts
from provisioner.engine.registries import Registries
from provisioner.errors import ConfigError, ProvisionerError
from provisioner.host import System
from provisioner.model import Difference
from provisioner.platforms import machine, pages, table
from provisioner.runs import compare

ROOM = 1 << 30  # bytes; with less free space, builds soon fail
SOCKET = addresses.SOCKET
REGISTRY = re.compile(r"https?://([\w.:\[\]-]+)/v2|lookup ([\w.-]+)")
PLATFORM = re.compile(r"\b(?:linux/)?(arm64(?:/v8)?|amd64|arm/v[567]|386|riscv64|ppc64le|s390x|mips64le|loong64)\b")


class Scene:
    """The facts about a host. Each is looked up at most once, and only if a test needs it."""

    def __init__(self, host: System, wanted: Desired, line: str) -> None:
        self.host = host
        self.wanted = wanted
        self.line = line

    @functools.cached_property
    def silent(self) -> Failure | None:
        """Why the engine does not answer, or None if it answers."""
        return self.facts if isinstance(self.facts, Failure) else None

    @functools.cached_property
    def facts(self) -> Facts | Failure:
        """The facts about the host, or why they cannot be gathered."""
        try:
            return facts.gather(self.host, self.wanted, far=False)
        except ProvisionerError as e:
            return failure.of(e, self.host)

    @functools.cached_property
    def emulation(self) -> Facts | None:
        """The facts about emulators, gathered without the engine."""
        try:
            return facts.gather(self.host, self.wanted._replace(only=("emulators",)))
        except ProvisionerError:
            return None

    @functools.cached_property
    def platform(self) -> str | None:
        """The platform that the error mentions."""
        found = PLATFORM.search(self.line)
        return table.normalise(found.group(1)) if found else None

    @property
    def registry(self) -> str:
        """The registry that the error mentions, with its port, or an empty text."""
        found = REGISTRY.search(self.line)
        return next(filter(None, found.groups())) if found else ""

    @property
    def person(self) -> str:
        """The user who asks: before sudo or its like, if root was asked to."""
        return (people.asker(self.host) if self.host.uid == 0 else None) or self.host.user

    @property
    def group(self) -> str:
        """The group of Docker's socket, or docker if that is unknown."""
        found = people.group(self.host, SOCKET)
        return "docker" if found in ("root", "0") else found

    def filled(self, cure: str) -> str:
        """Return a cure with the names of this host and of the error in place of the general ones."""
        names = {"REGISTRY": self.registry, "USER": self.person, "GROUP": self.group}
        for name, value in names.items():
            cure = cure.replace(name, value) if value else cure
        return cure

    def looked(self, resource: str) -> compare.Seen:
        """Return the wanted and the actual state of a resource, or nothing if that is unknown."""
        seen = self.emulation if resource == "emulators" else None if self.silent else self.facts
        if not isinstance(seen, Facts):
            return ()
        host, wanted = target.with_engine(self.host, self.wanted, seen)
        try:
            return compare.look(host, seen, wanted._replace(only=(resource,)))
        except ProvisionerError:
            return ()

    def differs(self, resource: str) -> tuple[Difference, ...]:
        """Return what differs from the configuration for a resource, or nothing if that is unknown."""
        return tuple(d for _, d in compare.drifted(self.looked(resource)))


def real(error: Error, scene: Scene) -> Cause:
    """Return the first cause whose test succeeds on the host, or the last cause if none does."""
    return next((c for c in error.causes if not c.test or TESTS[c.test](scene)), error.causes[-1])


def _no_emulator(scene: Scene) -> bool:
    """Test whether a wanted emulator is missing or broken.

    If the error names a platform, only the emulator of that platform counts.
    """
    broken = {d.key for d in scene.differs("emulators")}
    if scene.platform is None:
        return bool(broken)
    named = (keys.TABLE, *(keys.Key(scene.platform, aspect) for aspect in keys.ASPECTS))
    return any(keys.words(key) in broken for key in named)


def _not_configured(scene: Scene) -> bool:
    """Test that the error's platform is not configured, and that neither the CPU nor any other emulator runs it."""
    if scene.platform is None or scene.emulation is None or scene.platform in scene.wanted.platforms:
        return False
    row = table.of(scene.platform)
    return scene.platform not in scene.emulation.native and row.emulator not in machine.look(scene.host).entries


def _classic_store(scene: Scene) -> bool:
    return isinstance(scene.facts, Facts) and stores.store(scene.facts.engine) != "containerd"


def _builder_lacks(scene: Scene, word: str) -> bool:
    """Test whether a difference of the builder is about certificates, registries or proxies.

    Only the part and its name count. A node or a user may be called ``proxy``.
    """
    for _, want, have in scene.looked("builder"):
        differing = {d.key for d in compare.differences(want, have)}
        fields = want.fields if isinstance(want, Wanted) else {}
        if any(word in f"{key.part} {key.name}" for key in fields if builder_keys.words(key) in differing):
            return True
    return False


def _graph_driver(scene: Scene) -> bool:
    """Test whether the daemon is told to use a graph driver, which it then also reports as its store."""
    if not isinstance(scene.facts, Facts):
        return False
    try:
        text = scene.host.read(scene.facts.daemon_json) or ""
    except ProvisionerError:
        text = ""
    return '"storage-driver"' in text or any(flag.startswith("--storage-driver") for flag in scene.facts.flags)


def _no_access(scene: Scene) -> bool:
    account, there = scene.host.account(scene.person), scene.host.stat(SOCKET)
    return account is not None and there is not None and account.uid != 0 and not people.may(there, account)


def _registries(scene: Scene) -> Registries:
    return scene.facts.registries if isinstance(scene.facts, Facts) else Registries()


def _resolves(scene: Scene) -> bool:
    return bool(scene.registry) and scene.host.ask("getent", "hosts", scene.registry.partition(":")[0]).status == 0


def _no_login(scene: Scene) -> bool:
    account = scene.host.account(scene.person)
    found = credentials.configuration(scene.host, account) if account else {}
    return not any(found.get(key) for key in ("auths", "credsStore", "credHelpers"))


def _disk_full(scene: Scene) -> bool:
    root = scene.facts.engine.root if isinstance(scene.facts, Facts) else "/var/lib/docker"
    return scene.host.free(root) < ROOM


def _known_qemu(scene: Scene) -> bool:
    """Test whether the QEMU of the error's platform is known to break programs; of any platform if it names none."""
    if scene.emulation is None:
        return False
    platforms = (scene.platform,) if scene.platform else table.each_architecture()
    found = labels.labels(scene.emulation, Desired(platforms=platforms))
    return any(faults.warnings(faults.asked(scene.host, found), pages.size(scene.host)))


TESTS: Mapping[str, Callable[[Scene], bool]] = {
    "engine-down": lambda scene: scene.silent is not None and scene.silent.code in failure.NO_ENGINE,
    "no-emulator": _no_emulator,
    "not-configured": _not_configured,
    "classic-store": _classic_store,
    "builder-differs": lambda scene: bool(scene.differs("builder")),
    "builder-certificates": lambda scene: _builder_lacks(scene, "cert"),
    "builder-registries": lambda scene: _builder_lacks(scene, "registry"),
    "builder-proxies": lambda scene: _builder_lacks(scene, "proxy"),
    "disk-full": _disk_full,
    "graph-driver": _graph_driver,
    "no-certificate": lambda scene: scene.registry not in _registries(scene).certificates,
    "unlisted": lambda scene: scene.registry not in _registries(scene).insecure,
    "no-proxy": lambda scene: not scene.silent and not _registries(scene).proxies,
    "no-mirror": lambda scene: not _registries(scene).mirrors,
    "resolves": _resolves,
    "no-access": _no_access,
    "no-plugin": lambda scene: bool(plugin.asked(scene.host).missing),
    "api-pinned": lambda scene: bool(scene.host.environ.get("DOCKER_API_VERSION")),
    "no-login": _no_login,
    "known-qemu": _known_qemu,
    "large-pages": lambda scene: bool(pages.crash(scene.host, (scene.platform or "linux/arm/v7",))),
}


def wanted_of(load: Callable[[], Desired]) -> Desired:
    """Load the configuration. If it is invalid, return the defaults, so that an error can still be explained."""
    try:
        return load()
    except (ConfigError, OSError):
        return Desired()
