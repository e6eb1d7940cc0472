"""BuildKit's image: whether the engine has it, where it can come from, and the step that brings it.

A switch of the image store hides the image that an engine has. The engine is therefore asked beforehand whether a
registry has it, with the login that the pull will use. To pull it into the old store first would prove more, but it
would move 100 MB twice, and leave one copy out of sight. If no registry has the image and this engine does, it is
copied into the new store instead, as a migration copies images.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.builder import credentials, node_engines
from provisioner.builder.commands import PULL, runner
from provisioner.builder.set_aside import Box
from provisioner.builder.wanted import Wanted
from provisioner.config import drivers
from provisioner.daemon import containerd
from provisioner.emulators import copied
from provisioner.engine.facts import Facts
from provisioner.errors import NoEngineError
from provisioner.image_store import ctr, migration, room
from provisioner.image_store.copy_images import CopyImage
from provisioner.model import Reader
from provisioner.steps import Obstacle, Say, Slow, Step
from provisioner.steps.programs import Run

if TYPE_CHECKING:
    from provisioner.host import System

BUSY = "registry-busy"
# What an engine says of a registry that will answer later, in small letters. A limit of pulls lasts for hours.
PASSING = (
    *("502 bad gateway", "503 service unavailable", "504 gateway time", "429 too many requests"),
    *("connection reset by peer", "tls handshake timeout"),
)


def missing(host: Reader, facts: Facts, box: Box) -> bool:
    """Return whether the engine will lack the image of a container that must be made."""
    if not box.made or box.place.way:
        return False
    return facts.hidden or not node_engines.image(host, facts, box.place, drivers.image(box.place.node.options))


@dataclass(frozen=True, slots=True)
class Pull(Slow):
    """Pull an image as ``user``, unless the engine at ``socket`` has it by then. ``timeout`` is in seconds."""

    image: str
    socket: str
    timeout: int = PULL
    user: str = ""

    @contextmanager
    def meanwhile(self, system: "System", say: Say) -> Iterator[Callable[[], str] | None]:
        if self._there(system):
            yield None
            return
        with system.meanwhile(("docker", "pull", self.image), self.timeout, user=self.user) as wait:
            yield wait

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        if self._there(host):
            return ()
        return (Run(("docker", "image", "rm", self.image), lenient=True),)  # another builder may use it by then

    def recorded(self) -> Run:
        return Run(("docker", "pull", self.image), timeout=self.timeout, user=self.user)

    def sentence(self) -> str:
        return f"run docker pull {self.image}{f' as {self.user}' if self.user else ''}, unless the engine has it"

    def _there(self, host: Reader) -> bool:
        try:
            return host.get(self.socket, drivers.inspect_image(self.image)) is not None
        except NoEngineError:  # a broken store gives an error for an image that it lists; the pull tells more
            return False


def pull(host: Reader, facts: Facts, box: Box, user: str, *, packages: bool) -> Iterator[Pull]:
    """Pull the image in a separate step, because buildx reports a failed pull with a misleading cause.

    A switch of the store hides images, but the other store may have this one from earlier.
    """
    if missing(host, facts, box) and not carried(host, facts, box, user, packages=packages):
        yield Pull(drivers.image(box.place.node.options), facts.socket, user=runner(user))


def carried(host: Reader, facts: Facts, box: Box, user: str, *, packages: bool) -> tuple[Step, ...]:
    """Return the step that copies the image into the new store, if the switch hides it and no registry has it.

    ``packages`` allows a step before it that installs ctr.
    """
    image = drivers.image(box.place.node.options)
    if not facts.hidden or not missing(host, facts, box) or _refused(host, facts, image, user) is None:
        return ()
    found = host.get(facts.socket, drivers.inspect_image(image))
    if found is None or migration.impossible(host, facts, packages=packages):
        return ()
    if room.no_room(host, facts, int(found.get("Size") or 0)):
        return ()
    first = ctr.missing(host, allowed=packages)
    return (
        *first,
        CopyImage((image,), int(found.get("Size") or 0), facts.socket, containerd.address(host, facts)),
    )


def unavailable(host: Reader, facts: Facts, want: Wanted, box: Box) -> Obstacle | None:
    """Return why a container's image can be had neither from a registry nor from the store in use."""
    image, user = drivers.image(box.place.node.options), want.builder.users[0]
    if not facts.kind.registries or not missing(host, facts, box):
        return None
    if (said := _refused(host, facts, image, user)) is None or carried(host, facts, box, user, packages=want.packages):
        return None
    hidden = node_engines.image(host, facts, box.place, image)
    where = ", and the switch of the image store hides the one that is here" if hidden else ""
    if any(words in said.lower() for words in PASSING):
        message = f"a registry cannot answer now about {image}{said}"
        return Obstacle(BUSY, message, "apply again later: an apply asks for two minutes before it gives up")
    hint = "let the engine reach a registry or a mirror that has it, or name another: builder.driver_options.image"
    return Obstacle("no-image", f"no registry that the engine reaches has {image}{where}{said}", hint)


def _refused(host: Reader, facts: Facts, image: str, user: str) -> str | None:
    """Return what the engine says about an image that no registry gives it, or None if one does."""
    return copied.refused(host, facts.socket, image, credentials.header(host, host.account(user), image))


def helper(host: Reader, facts: Facts, want: Wanted, box: Box) -> Obstacle | None:
    """Return the obstacle: a pull by the user who boots the builder needs a credential helper that does not work."""
    account = host.account(want.builder.users[0])
    if account is None or not box.made:
        return None
    where = credentials.registry(drivers.image(box.place.node.options))
    program = credentials.helper(credentials.configuration(host, account), where)
    if not program or credentials.environment(host, account, where):
        return None
    path = credentials.path(host, account)
    if not host.program(program):
        message = f"{path} names the credential helper {program}, which is not where root's programs are"
        hint = f"install it, link it into /usr/local/bin, or take it out of {path}"
        return Obstacle("no-credential-helper", f"{message}: each pull fails", hint)
    asks = missing(host, facts, box) and credentials.since(host, credentials.FAILS)
    problem = credentials.asked(host, account, program, where).problem if asks else ""
    if not problem:
        return None
    message = f"the credential helper {program} fails for {account.name}, and so does each pull: {problem}"
    hint = f"see what `echo {where} | {program} get` says, or take it out of {path}"
    return Obstacle("credential-helper-fails", message, hint)
