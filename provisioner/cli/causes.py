"""Find out which possible cause of an error applies to this host."""

import functools
import re
from collections.abc import Callable, Mapping

from provisioner.checks import failure, qemu
from provisioner.checks.failure import Failure
from provisioner.cli.cures import Cause, Error
from provisioner.config.desired import Desired
from provisioner.emulators import keys
from provisioner.engine import facts, stores, target
from provisioner.engine.facts import Facts
from provisioner.errors import ConfigError, ProvisionerError
from provisioner.host import System
from provisioner.model import Difference
from provisioner.platforms import machine, table
from provisioner.runs import compare

ROOM = 1 << 30  # bytes; with less free space, builds soon fail
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

    def differs(self, resource: str) -> tuple[Difference, ...]:
        """Return what differs from the configuration for a resource, or nothing if that is unknown."""
        seen = self.emulation if resource == "emulators" else None if self.silent else self.facts
        if not isinstance(seen, Facts):
            return ()
        host, wanted = target.with_engine(self.host, self.wanted, seen)
        try:
            found = compare.drift(host, seen, wanted._replace(only=(resource,)))
        except ProvisionerError:
            return ()
        return tuple(d for _, d in found)


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


def _disk_full(scene: Scene) -> bool:
    root = scene.facts.engine.root if isinstance(scene.facts, Facts) else "/var/lib/docker"
    return scene.host.free(root) < ROOM


TESTS: Mapping[str, Callable[[Scene], bool]] = {
    "engine-down": lambda scene: scene.silent is not None and scene.silent.code in failure.NO_ENGINE,
    "no-emulator": _no_emulator,
    "not-configured": _not_configured,
    "classic-store": _classic_store,
    "builder-differs": lambda scene: bool(scene.differs("builder")),
    "disk-full": _disk_full,
    "known-qemu": lambda scene: scene.emulation is not None and bool(qemu.warnings(scene.host, scene.emulation)),
}


def wanted_of(load: Callable[[], Desired]) -> Desired:
    """Load the configuration. If it is invalid, return the defaults, so that an error can still be explained."""
    try:
        return load()
    except (ConfigError, OSError):
        return Desired()
