"""What every run that changes the host needs: whose host it is, and signals that become exceptions."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from provisioner import engine, facts, receipts
from provisioner.desired import Desired
from provisioner.errors import DeniedError, NoEngineError, ProvisionerError
from provisioner.system import System

ROOTS, SUDO = "only root can change this host", "run it with sudo"
SIGNALS = tuple(s for s in signal.Signals if s.name in ("SIGINT", "SIGTERM", "SIGHUP"))  # Windows has no SIGHUP


class Interrupted(BaseException):
    """A signal asked us to stop."""


def must_be_root(system: System) -> None:
    """DeniedError for anybody else."""
    if system.uid != 0:
        raise DeniedError(ROOTS, hint=SUDO)


def entitled(system: System, wanted: Desired) -> System:
    """The host as we may change it for an engine: root for root's, a user for that user's own. DeniedError: neither."""
    if system.uid == 0:
        return system
    try:
        owner = facts.gather(system, wanted, quick=True).flavour.owner
    except (DeniedError, NoEngineError):
        if receipts.interrupted(system.personal()) is not None:
            return system.personal()  # it does not answer because it was left stopped
        if engine.endpoint(system, wanted.engine).host not in facts.LOCAL:
            raise
        owner = "root"
    if owner == "root":
        raise DeniedError(ROOTS, hint=SUDO)
    return system.personal()


def own(system: System) -> System:
    """The host with the receipts that are ours. DeniedError: we are not root, and have none."""
    if system.uid == 0:
        return system
    mine = system.personal()
    if not receipts.numbers(mine):
        raise DeniedError(ROOTS, hint=SUDO)
    return mine


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
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
