"""Helpers for every run that changes the host: permission checks, and signals that become exceptions."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from provisioner.config.desired import Desired
from provisioner.engine import addresses, endpoints, facts
from provisioner.errors import BusyError, DeniedError, NoEngineError, ProvisionerError
from provisioner.host import System
from provisioner.runs import receipts

ROOTS, SUDO = "only root can change this host", "run it with sudo"
SIGNALS = tuple(s for s in signal.Signals if s.name in ("SIGINT", "SIGTERM", "SIGHUP"))  # Windows has no SIGHUP


class Interrupted(BaseException):
    """A signal asked us to stop. ``after`` says what was done by then."""

    after = "nothing was changed"


def must_be_root(system: System) -> None:
    """Raise DeniedError unless the user is root."""
    if system.uid != 0:
        raise DeniedError(ROOTS, hint=SUDO)


def entitled(system: System, wanted: Desired) -> System:
    """Return the host with the state directory of the user who may change the engine.

    Root may change root's engine. A user may change their own rootless engine.

    Raises: DeniedError if this user may do neither.
    """
    if system.uid == 0:
        return system
    try:
        owner = facts.gather(system, wanted, quick=True).kind.owner
    except (DeniedError, NoEngineError):
        if receipts.unended(system.personal()) is not None:
            return system.personal()  # the interrupted run left the engine stopped, so it does not answer
        if endpoints.endpoint(system, wanted.engine).host not in addresses.LOCAL:
            raise
        owner = "root"
    if owner == "root":
        raise DeniedError(ROOTS, hint=SUDO)
    return system.personal()


def prover(system: System, wanted: Desired) -> System:
    """Return the host for a proof: as for an apply, or as a user who may talk to root's engine.

    Such a user has data folders of their own, and does not see the host's lock. So nobody proves while root's run goes
    on.

    Raises: BusyError if it does.
    """
    try:
        return entitled(system, wanted)
    except DeniedError:
        facts.gather(system, wanted, quick=True)  # raises DeniedError if this user may not talk to the engine
    if receipts.running(system):
        raise BusyError("root's provisioner is changing this host", hint="wait until it has ended, then run this again")
    return system.personal()


def own(system: System) -> System:
    """Return the host with this user's own receipts.

    Raises: DeniedError if the user is not root and has no receipts.
    """
    if system.uid == 0:
        return system
    mine = system.personal()
    if not receipts.numbers(mine):
        raise DeniedError(ROOTS, hint=SUDO)
    return mine


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn the first signal that asks us to stop into an exception. Ignore later signals during the cleanup.

    An ignored signal stays ignored, for example when nohup(1) started us.
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
    """Block signals while the block runs, so that an undo can finish.

    A signal that arrives meanwhile is delivered at the end and stops what would follow. With ``last``, or if the block
    fails, the signal is dropped, so that the result of the block is reported.
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
