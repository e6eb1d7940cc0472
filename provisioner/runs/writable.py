"""Whether the files of a change can be written where they lie. It is asked before anything is done."""

from provisioner.emulators.mounts import mount
from provisioner.model import Reader
from provisioner.steps import Change, Obstacle
from provisioner.steps.files import MakeDirectory, RemoveFile, SetLeaf, WriteFile

LINKS = 40  # as many as the kernel follows


def judged(host: Reader, made: Change) -> Change:
    """Return the change, blocked as a whole if one of root's files cannot be written."""
    steps = (s for s in made.edits if isinstance(s, WriteFile | RemoveFile | SetLeaf | MakeDirectory))
    paths = dict.fromkeys(s.path for s in steps if not getattr(s, "user", "")) if host.uid == 0 else ()
    found = next(filter(None, (_refused(host, path) for path in paths)), None)
    return made.stopped(found) if found else made


def _refused(host: Reader, path: str) -> Obstacle | None:
    real = _resolved(host, path)
    there, found = mount(host, real), host.stat(real)
    if found is not None and found.directory:
        return None
    if there.kind and there.point == real:
        hint = f"change it where it is made, or mount its folder instead: findmnt {real}"
        return Obstacle("file-mounted", f"{path} is a mount of its own, and so cannot be replaced", hint)
    if "ro" in there.options:
        hint = (
            f"make that file system writable, or change the file where the host is made: findmnt --target {real};"
            " provisioner-apply.service: let it write there by the drop-in elsewhere.conf (see docs/checks.md)"
        )
        return Obstacle("read-only", f"{path} is on {there.point}, which is mounted read-only", hint)
    if found is not None and (why := host.unwritable(real)):
        return Obstacle("not-writable", f"{path}: {why}", f"see who protects it: lsattr {real}")
    return None


def _resolved(host: Reader, path: str) -> str:
    """Return where the last component of a path leads."""
    for _ in range(LINKS):
        target = host.link(path)
        if target is None:
            break
        path = target if target.startswith("/") else f"{path.rpartition('/')[0]}/{target}"
    return path
