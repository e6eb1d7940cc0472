"""Plan and apply changes to an image below ``--root``. Only files change: no engine is asked and nothing is started.

The engine's version comes from the program in the image. A builder needs a running host, so the image sets it up with
``provisioner-apply.service`` when it first boots.
"""

import os

from provisioner import __version__
from provisioner.builder import resource as builder_resource
from provisioner.config import load as configurations
from provisioner.config.desired import Desired
from provisioner.daemon import managers
from provisioner.daemon import resource as daemon_resource
from provisioner.emulators import keys
from provisioner.engine.facts import Facts
from provisioner.errors import Exit, ProvisionerError, RollbackFailedError, RolledBackError, UsageError
from provisioner.host import System
from provisioner.host.image import Image
from provisioner.image import candidate, emulators, engine
from provisioner.image_store import resource as image_store_resource
from provisioner.model import Reader
from provisioner.runs import journal, make, plan, receipts
from provisioner.runs.apply import Outcome
from provisioner.runs.journal import Journal
from provisioner.runs.kinds import FILES
from provisioner.runs.session import interruptible, must_be_root, uninterruptible
from provisioner.runs.undo import put_back
from provisioner.steps import Change, Plan, Say
from provisioner.steps.files import SetLeaf

RESOURCES = (daemon_resource.NAME, image_store_resource.NAME)


def load(root: str, config: str | None) -> tuple[System, Desired]:
    """Open the image and load its configuration, from a file on this machine or from the image itself.

    Raises: UsageError if the folder does not exist, or if it is the running host, where changing only files is not
    enough.
    """
    where = os.path.abspath(root)
    try:
        image = Image(where)
    except OSError:
        raise UsageError(
            f"--root {root}: there is no such folder", hint="name the folder that is the image's /"
        ) from None
    if image.running():
        raise UsageError(f"--root {root}: that is this host, and it runs", hint="leave --root away")
    return image, configurations.load(System() if config else image, config).desired


def look(host: Reader, wanted: Desired, root: str, say: Say) -> Plan:
    """Return what apply would change in the image. Report, through ``say``, what only a running host can do."""
    chosen = wanted.only or (*RESOURCES, keys.NAME, builder_resource.NAME)
    engines = tuple(name for name in RESOURCES if name in chosen)
    changes: tuple[Change, ...] = ()
    if engines:
        wanted = wanted._replace(only=engines)
        seen = engine.gather(host, root)
        changes = tuple(_judged(c, seen) for c in _files(plan.make(host, seen, wanted)).changes)
    if keys.NAME in chosen:
        prepared = emulators.prepare(host, engine.bare(host), wanted)
        changes = (*changes, *((prepared.change,) if prepared.change else ()))
        for note in prepared.notes:
            say(f"note: {note}")
    if builder_resource.NAME in chosen:
        say(f"note: the builder needs a running engine; {emulators.LATER}")
    return Plan(changes)


def _judged(change: Change, seen: Facts) -> Change:
    """Return a change, blocked if the image's engine would not start with the new daemon.json."""
    texts = [s.after for s in change.edits if isinstance(s, SetLeaf) and s.path == seen.daemon_json]
    found = candidate.judge(texts[-1] or "", seen.daemon_json, seen.flags, seen.engine.version) if texts else []
    if not found:
        return change
    keys = [d.key for d in change.differences]
    return change._replace(edits=(), blocked=tuple(b for obstacle in found for b in obstacle.blocks(*keys)))


def apply(system: System, wanted: Desired, root: str, say: Say) -> Outcome:
    """Apply the configuration to the image, for its first boot.

    Raises: RolledBackError if the apply failed and the image is in its previous state.
    """
    must_be_root(system)
    with system.lock(journal.lock(system)), interruptible():
        if cut := journal.cut_off(system):
            say(f"the apply of {cut.time} (receipt {cut.number}) was cut off: undoing it first")
            _undo(system, cut.number, say)
        made = look(system, wanted, root, say)
        if not made.acts:
            return Outcome(Exit.BLOCKED if made else Exit.OK, made, made)
        return _act(system, wanted, root, made, say)


def _act(system: System, wanted: Desired, root: str, made: Plan, say: Say) -> Outcome:
    """Run the steps of a plan and look again. Undo all of them on any error or signal."""
    book = Journal(system, journal.following(system))
    book.begin(__version__, wanted, made.differences)
    try:
        for change in made.changes:
            make.change(system, book, change, say)
        left = look(system, wanted, root, lambda _: None)
        if left.acts:
            raise ProvisionerError(
                f"{root}: the change was made, but it did not take effect", hint="see `provisioner plan --root`"
            )
        with uninterruptible(last=True):
            book.end("held" if left else "converged")
    except BaseException as e:
        with uninterruptible():
            _undo(system, book.number, say)
            raise RolledBackError(f"{e}; rolled back, the image is as it was") from e
    return Outcome(Exit.BLOCKED if left else Exit.OK, made, left, book.number)


def _undo(system: System, number: int, say: Say) -> None:
    """Restore a run's files and nothing else, because another user could have written the history entry.

    Raises: RollbackFailedError if some files could not be restored.
    """
    with uninterruptible():
        receipt = journal.read(system, number)
        if not all(isinstance(step, FILES) and not getattr(step, "user", "") for step in receipt.undo):
            reason = f"receipt {number} of this image is of a running host, and is not obeyed here"
            hint = f"boot the image and run `provisioner recover` there, or remove {receipts.folder(system)} from it"
            raise ProvisionerError(reason, hint=hint)
        notes = put_back(system, receipt, say).errors
        Journal(system, number).end(receipts.FAILED if notes else "rolled back")
    if notes:
        raise RollbackFailedError(f"files could not be put back: {'; '.join(notes)}", hint="put them back yourself")


def _files(made: Plan) -> Plan:
    """Return a plan with its file edits only. An image that is not running does not need a restart."""
    changes = [
        c._replace(blocked=tuple(b for b in c.blocked if b.obstacle != managers.OWED), restart=None, trial=())
        for c in made.changes
    ]
    return made._replace(changes=tuple(c for c in changes if c.edits or c.blocked))
