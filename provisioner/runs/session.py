"""What every run that changes the host needs: whose host it is, and signals that become exceptions."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from provisioner.config.desired import Desired
from provisioner.engine import addresses, endpoints, facts
from provisioner.errors import DeniedError, NoEngineError, ProvisionerError
from provisioner.host import System
from provisioner.runs import receipts

ROOTS, SUDO = "only root can change this host", "run it with sudo"
SIGNALS = tuple(s for s in signal.Signals if s.name in ("SIGINT", "SIGTERM", "SIGHUP"))  # Windows has no SIGHUP


class Interrupted(BaseException):
    """A signal asked us to stop; ``after`` says what had been done by then."""

    after = "nothing was changed"


def must_be_root(system: System) -> None:
    """DeniedError for anybody else."""
    if system.uid != 0:
        raise DeniedError(ROOTS, hint=SUDO)


def entitled(system: System, wanted: Desired) -> System:
    """The host as we may change it for an engine: root for root's, a user for that user's own. DeniedError: neither."""
    if system.uid == 0:
        return system
    try:
        owner = facts.gather(system, wanted, quick=True).kind.owner
    except (DeniedError, NoEngineError):
        if receipts.unended(system.personal()) is not None:
            return system.personal()  # it does not answer because it was left stopped
        if endpoints.endpoint(system, wanted.engine).host not in addresses.LOCAL:
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
    """Turn the first signal that asks us to stop into an exception; later ones must not stop what that one began.

    One that is ignored stays so: whoever started us with nohup(1) meant that.
    """
    asked = False

    def interrupt(number: int, _: FrameType | None) -> None:
        nonlocal asked
        if not asked:
            asked = True
            raise Interrupted(f"interrupted by {signal.Signals(number).name}")

    old = {s: signal.signal(s, interrupt) for s in SIGNALS if signal.getsignal(s) is not signal.SIG_IGN}
    try:
        yield
    except Interrupted as e:
        raise ProvisionerError(f"{e}; {e.after}", hint="run the same command again") from None
    finally:
        for s, handler in old.items():
            signal.signal(s, handler)


@contextmanager
def uninterruptible(*, last: bool = False) -> Iterator[None]:
    """Let no signal in while the block runs: an undo has to come to its end.

    One that came meanwhile is heard then, and stops what would follow. Nothing does where the block is the ``last``
    that is done, or has failed: how that ended is what there is to say.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    forget = True
    try:
        yield
        forget = last
    finally:
        while forget and signal.sigpending() & set(SIGNALS):
            signal.sigwait(SIGNALS)
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        except Interrupted as e:
            e.after = "what was undone stays undone"
            raise
