"""The step that boots the builder. If the image on the host is broken, the step pulls it again and retries."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from provisioner.builder import commands
from provisioner.errors import CommandError
from provisioner.model import Reader
from provisioner.steps import UNTOLD, Say, Slow, Step
from provisioner.steps.programs import Run

if TYPE_CHECKING:
    from provisioner.host import System

# Messages about an image whose files a power cut has emptied, while the engine's records still list them. The last
# four are all that buildx says where the container has ended at once. Which one depends on the moment of its call.
BROKEN = (
    *("exec format error", "no such image", "unexpected eof", "input/output error"),
    *("is restarting, wait until", "is not running", "cannot exec in a stopped state"),
    "unable to upgrade to tcp, received 409",
)
# Messages about a container of this name that is about to go, or that a build has just begun to boot.
PASSING = ("is already in use by container", "is already in progress", "is marked for removal")
WAITS = (1.0, 2.0, 4.0, 8.0, 15.0)  # seconds before each further attempt


@dataclass(frozen=True, slots=True)
class Boot(Slow):
    """Boot the builder with ``argv``, as ``user``. ``undo`` holds the steps that undo it, in order.

    ``afresh`` holds the commands that remove the image and pull it again. They run if the boot fails with a message
    that points to a broken image. The engine refuses to remove an image that a running container uses.
    ``lenient`` ignores the exit status, which is not reliable then. The builder is checked afterwards.
    ``alone``: this buildx locks its files while it boots, so no other call of it runs meanwhile.
    """

    argv: tuple[str, ...]
    undo: tuple[Step, ...] = ()
    timeout: int = 60
    user: str = ""
    lenient: bool = False
    afresh: tuple[tuple[str, ...], ...] = ()
    alone: bool = field(default=False, metadata=UNTOLD)

    @contextmanager
    def meanwhile(self, system: "System", say: Say) -> Iterator[Callable[[], None] | None]:
        with ExitStack() as stack:
            try:
                wait = stack.enter_context(system.meanwhile(self.argv, self.timeout, user=self.user))
            except CommandError:
                if not self.lenient:
                    raise
                yield None
            else:
                yield partial(self._end, system, say, wait)

    def _end(self, system: "System", say: Say, wait: Callable[[], str]) -> None:
        try:
            self._waited(system, say, wait)
        except CommandError as e:
            if self.lenient:
                return
            if not self.afresh or not any(words in e.message.lower() for words in BROKEN):
                raise
            say(f"builder: the image is broken, so it is pulled again ({e.message})")
            for argv in self.afresh:
                system.run(argv, self.timeout)
            system.run(self.argv, self.timeout, user=self.user)

    def _waited(self, system: "System", say: Say, wait: Callable[[], str]) -> None:
        """Wait for the end of the boot, and boot again while a container of this name is about to go."""
        attempt = wait
        for seconds in WAITS:
            try:
                attempt()
            except CommandError as e:
                if not any(words in e.message.lower() for words in PASSING):
                    raise
                say(f"builder: {e.message}; it is tried again in {seconds:.0f} s")
                system.pause(seconds)
                attempt = partial(system.run, self.argv, self.timeout, user=self.user)
            else:
                return
        attempt()

    def apart(self, step: Step) -> bool:
        return not self.alone and isinstance(step, Run) and commands.selects(step.argv)

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        return self.undo

    def sentence(self) -> str:
        return f"run {' '.join(self.argv)}{f' as {self.user}' if self.user else ''}"
