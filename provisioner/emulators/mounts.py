"""Read which mount a path is on from /proc/PID/mountinfo."""

from provisioner.model import Reader
from provisioner.typed import NamedTuple


class Mount(NamedTuple):
    """A line of /proc/PID/mountinfo."""

    point: str
    kind: str
    options: tuple[str, ...]


def mount(host: Reader, path: str, process: str = "self") -> Mount:
    """Return the mount that a path is on: the longest mount point above it, and the last mount there."""
    found = Mount("/", "", ())
    for line in (host.read(f"/proc/{process}/mountinfo") or "").splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()[:1]
        if len(fields) > 5 and kind:
            point = _plain(fields[4])
            inside = path == point or path.startswith(f"{point.rstrip('/')}/")
            if inside and len(point) >= len(found.point):
                found = Mount(point, kind[0], tuple(fields[5].split(",")))
    return found


def _plain(point: str) -> str:
    """Decode a mount point: the kernel writes space, tab, newline and backslash in octal."""
    if "\\" not in point:
        return point
    import re

    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), point)
