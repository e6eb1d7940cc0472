"""The step that boots the builder. If the image on the host is broken, the step pulls it again and retries."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.errors import CommandError
from provisioner.model import Reader
from provisioner.steps import Say, Step

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
class Boot(Step):
    """Boot the builder with ``argv``, as ``user``. ``undo`` holds the steps that undo it, in order.

    ``afresh`` holds the commands that remove the image and pull it again. They run if the boot fails with a message
    that points to a broken image. The engine refuses to remove an image that a running container uses.
    ``lenient`` ignores the exit status, which is not reliable then. The builder is checked afterwards.
    """

    argv: tuple[str, ...]
    undo: tuple[Step, ...] = ()
    timeout: int = 60
    user: str = ""
    lenient: bool = False
    afresh: tuple[tuple[str, ...], ...] = ()

    def do(self, system: "System", say: Say) -> None:
        if self.lenient:
            system.ask(*self.argv, timeout=self.timeout, user=self.user)
            return
        try:
            self._boot(system, say)
        except CommandError as e:
            if not self.afresh or not any(words in e.message.lower() for words in BROKEN):
                raise
            say(f"builder: the image is broken, so it is pulled again ({e.message})")
            for argv in self.afresh:
                system.run(argv, self.timeout)
            system.run(self.argv, self.timeout, user=self.user)

    def _boot(self, system: "System", say: Say) -> None:
        """Boot, and wait for a container of this name that passes by itself."""
        for seconds in WAITS:
            try:
                system.run(self.argv, self.timeout, user=self.user)
            except CommandError as e:
                if not any(words in e.message.lower() for words in PASSING):
                    raise
                say(f"builder: {e.message}; it is tried again in {seconds:.0f} s")
                system.pause(seconds)
            else:
                return
        system.run(self.argv, self.timeout, user=self.user)

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        return self.undo

    def sentence(self) -> str:
        return f"run {' '.join(self.argv)}{f' as {self.user}' if self.user else ''}"
