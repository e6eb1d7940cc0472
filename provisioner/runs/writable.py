"""Whether the files of a change can be written where they lie. It is asked before anything is done."""

import shlex

from provisioner.emulators.mounts import mount
from provisioner.model import Reader
from provisioner.steps import Change, Obstacle
from provisioner.steps.files import MakeDirectory, RemoveFile, SetLeaf, WriteFile

LINKS = 40  # as many as the kernel follows
# The resources whose file may lie elsewhere, where the unit may write if it is told. It never may install units.
MOVABLE = ("daemon", "image store")
UNIT = "PROVISIONER_UNIT"  # our units set it. What systemd sets for every unit is inherited by jobs and shells, too


def judged(host: Reader, made: Change) -> Change:
    """Return the change, blocked as a whole if one of root's files cannot be written."""
    steps = (s for s in made.edits if isinstance(s, WriteFile | RemoveFile | SetLeaf | MakeDirectory))
    ours = (s for s in steps if host.uid == 0 and not getattr(s, "user", ""))
    asked = dict.fromkeys((s.path, isinstance(s, RemoveFile)) for s in ours)
    found = next(filter(None, (_refused(host, made.resource, *one) for one in asked)), None)
    return made.stopped(found) if found else made


def _refused(host: Reader, resource: str, path: str, removed: bool) -> Obstacle | None:
    real = _resolved(host, path)
    there, found = mount(host, real), host.stat(real)
    if found is not None and found.directory:
        return None
    if there.kind and there.point == real:
        hint = f"change it where it is made, or mount its folder instead: findmnt {real}"
        return Obstacle("file-mounted", f"{path} is a mount of its own, and so cannot be replaced", hint)
    if "ro" in there.options:
        message = f"{path} is on {there.point}, which is mounted read-only"
        return Obstacle("read-only", message, _in_unit(host, resource) or _on_host(real))
    if found is not None and (why := host.unwritable(real)):
        return Obstacle("not-writable", f"{path}: {why}", f"see who protects it: lsattr {real}")
    folder = real.rpartition("/")[0] or "/"
    if removed:  # it needs no room
        kept = found is not None and host.barred(folder, "")
        hint = f"see who protects it: lsattr -d {shlex.quote(folder)}"
        return Obstacle("not-writable", f"{path}: no file can be removed from its folder", hint) if kept else None
    if why := host.unmakeable(real):
        name = shlex.quote(folder)
        hint = f"see `df -h {name}`, `df -i {name}` and `lsattr -d {name}`"
        return Obstacle("not-writable", f"{path}: no file can be made in its folder: {why}", hint)
    return None


def _on_host(real: str) -> str:
    return f"make that file system writable, or change the file where the host is made: findmnt --target {real}"


def _in_unit(host: Reader, resource: str) -> str:
    """Return what to do if one of our units runs this. Its sandbox shows the host's folders as read-only."""
    if UNIT not in host.environ:
        return ""
    by_hand = (
        f"run `sudo provisioner apply --only {resource.replace(' ', '-')}` once by hand: this unit may not write there"
    )
    drop_in = ", unless the drop-in elsewhere.conf lets it (see docs/checks.md)"
    return by_hand + (drop_in if resource in MOVABLE else "")


def _resolved(host: Reader, path: str) -> str:
    """Return where the last component of a path leads."""
    for _ in range(LINKS):
        target = host.link(path)
        if target is None:
            break
        path = target if target.startswith("/") else f"{path.rpartition('/')[0]}/{target}"
    return path
