"""Interpret steps: what each does to the host, and what undoes it. The inverse of a step is a step."""

from collections.abc import Callable
from typing import assert_never

from provisioner.daemon import desktop, service
from provisioner.emulators import copy_out
from provisioner.host import System
from provisioner.image_store import migration
from provisioner.model import Reader
from provisioner.platforms import binfmt
from provisioner.proof import local, trial
from provisioner.steps import (
    ClearTrial,
    CompareImages,
    CopyImage,
    CopyOut,
    Discard,
    MakeDirectory,
    Register,
    Reload,
    RemoveDirectory,
    RemoveFile,
    Restart,
    Run,
    SetLeaf,
    SetOwner,
    Start,
    Step,
    Stop,
    TryStore,
    Unregister,
    WriteFile,
)
from provisioner.text import json_edit, json_read

Say = Callable[[str], None]


def inverse(step: Step, host: Reader) -> tuple[Step, ...]:
    """The steps that undo ``step``, as the host stands now."""
    match step:
        case MakeDirectory(path):
            return () if host.stat(path) else (RemoveDirectory(path),)
        case RemoveDirectory(path):
            there = host.stat(path)
            return (MakeDirectory(path, there.mode),) if there else ()
        case WriteFile(path, user=user) | RemoveFile(path, user=user):
            old, there = host.read(path, user=user), host.status(path) if user else host.stat(path)
            if old is None or there is None:
                return (RemoveFile(path, user),)
            return (WriteFile(path, old, there.mode, user),)
        case SetLeaf(path, keys):
            old = host.read(path)
            value = json_read.leaf(json_read.load(old or "", path), keys)
            return (SetLeaf(path, keys, value, _with_leaf(step, old), old),)
        case Register(path, unless_there=unless_there):
            return () if unless_there else (_as_registered(host, path) or Unregister(path),)
        case Unregister(path):
            entry = _as_registered(host, path)
            return (entry,) if entry else ()
        case CopyOut():
            return copy_out.inverse(step, host)
        case Run(undo=undo):
            return undo
        case SetOwner(paths):
            owners = ((p, host.status(p)) for p in paths)
            return tuple(SetOwner((p,), s.uid, s.gid) for p, s in owners if s is not None)
        case TryStore(socket):
            return (ClearTrial(socket),)
        case Stop(unit, socket):
            return (Start(unit, socket),)
        case Start(unit, socket):
            return (Stop(unit, socket),)
        case CopyImage() | CompareImages() | Restart() | Reload() | Discard() | ClearTrial():
            return ()
        case _:
            assert_never(step)


def execute(step: Step, system: System, say: Say = lambda _: None) -> tuple[str, ...]:
    """Make one step; the containers that a restart has not brought back. CommandError, OSError: it was not made."""
    match step:
        case MakeDirectory(path, mode):
            system.make_directory(path, mode)
        case RemoveDirectory(path):
            system.remove_directory(path)
        case WriteFile(path, text, mode, user):
            system.write(path, text, mode, user)
        case RemoveFile(path, user):
            system.remove(path, user)
        case SetLeaf(path):
            new = _with_leaf(step, system.read(path))
            system.remove(path) if new is None else system.write(path, new, 0o644)
        case Register():
            _register(system, step)
        case Unregister(path):
            if system.stat(path):
                system.tell(path, "-1")
        case CopyOut():
            copy_out.copy_out(system, step)
        case Discard():
            copy_out.discard(system, step)
        case Run(argv, timeout=timeout, user=user, lenient=True):
            system.ask(*argv, timeout=timeout, user=user)
        case Run(argv, timeout=timeout, user=user):
            system.run(argv, timeout, user=user)
        case SetOwner(paths, uid, gid):
            system.set_owner(paths, uid, gid)
        case Stop():
            desktop.stop(system, step)
        case Start():
            desktop.start(system, step)
        case CopyImage():
            migration.copy(system, step, say)
        case CompareImages():
            migration.compare(system, step)
        case TryStore():
            trial.run(system, step)
        case ClearTrial(socket):
            local.clean(system, socket)
        case Restart():
            return service.restart(system, step, say)
        case Reload():
            service.reload(system, step)
        case _:
            assert_never(step)
    return ()


def _register(system: System, step: Register) -> None:
    """Register an entry with the kernel, which takes no two of one name."""
    there = system.stat(step.path) is not None
    if there and step.unless_there:
        return
    if there:
        system.tell(step.path, "-1")
    system.tell(f"{step.path.rpartition('/')[0]}/register", step.line)
    if not step.enabled:
        system.tell(step.path, "0")


def _as_registered(host: Reader, path: str) -> Register | None:
    """The step that registers an entry as it is now; None: there is none."""
    text = host.read(path)
    if text is None:
        return None
    entry = binfmt.parse_entry(text)
    return Register(path, binfmt.line(path.rpartition("/")[2], entry), entry.enabled)


def _with_leaf(step: SetLeaf, text: str | None) -> str | None:
    """What a file becomes by a SetLeaf, given what it is."""
    if text in (step.before, step.after):
        return step.after
    if text is None and step.value is None:
        return None
    json_read.load(text or "", step.path)  # somebody changed it meanwhile, and may have broken it
    if step.value is None:
        return json_edit.drop(text or "{}", step.keys)
    return json_edit.put(text or "", step.keys, step.value)
