"""The step that runs a program."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner import secrets
from provisioner.model import Reader
from provisioner.steps import Say, Step

if TYPE_CHECKING:
    from provisioner.host import System


@dataclass(frozen=True, slots=True)
class Run(Step):
    """Run a program. ``undo`` lists the steps that undo its effect, in order. ``timeout`` is in seconds.

    It runs as ``user``, or as the current user if that is empty. The switch to the user happens before any of that
    user's configuration is read.
    ``lenient`` ignores the exit status, because it says too little. A later look at the host shows the result.
    """

    argv: tuple[str, ...]
    undo: tuple[Step, ...] = ()
    timeout: int = 60
    user: str = ""
    lenient: bool = False

    def do(self, system: "System", say: Say) -> None:
        if self.lenient:
            system.ask(*self.argv, timeout=self.timeout, user=self.user)
        else:
            system.run(self.argv, self.timeout, user=self.user)

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        return self.undo

    def sentence(self) -> str:
        return f"run {' '.join(map(secrets.word, self.argv))}{f' as {self.user}' if self.user else ''}"
