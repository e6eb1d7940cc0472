"""What every run that changes the host needs: root, and signals that become exceptions."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from provisioner.errors import DeniedError, ProvisionerError
from provisioner.system import System

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asked us to stop."""


def must_be_root(system: System) -> None:
    """DeniedError for anybody else."""
    if system.uid != 0:
        raise DeniedError("only root can change this host", hint="run it with sudo")


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn the first signal that asks us to stop into an exception; later ones wait for the undo."""

    def interrupt(number: int, _: FrameType | None) -> None:
        raise Interrupted(f"interrupted by {signal.Signals(number).name}")

    old = {s: signal.signal(s, interrupt) for s in SIGNALS}
    try:
        yield
    except Interrupted as e:
        raise ProvisionerError(f"{e}; nothing was changed", hint="run the same command again") from None
    finally:
        for s, handler in old.items():
            signal.signal(s, handler)


@contextmanager
def uninterruptible() -> Iterator[None]:
    """Let no signal in while the block runs: an undo has to come to its end."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
