"""The hourly check's access to the engine: its unit joins the group docker, and a drop-in names any other group."""

from provisioner.daemon import managers
from provisioner.emulators.mounts import mount
from provisioner.engine import people
from provisioner.engine.facts import Facts
from provisioner.model import Reader
from provisioner.steps import Change, Step
from provisioner.steps.files import MakeDirectory, RemoveFile, WriteFile
from provisioner.steps.programs import Run

UNIT = "provisioner-check.service"
FOLDERS = ("/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
FOLDER = f"{FOLDERS[0]}/{UNIT}.d"
DROP_IN = f"{FOLDER}/10-group.conf"
USUAL = ("docker", "root")  # the unit's own group; and a socket of root's own, which no group opens
RELOAD = Run(("systemctl", "daemon-reload"))
FIRST = Run(RELOAD.argv, undo=(RELOAD,))  # undone last, when the file is as it was before
OURS = "# Written by provisioner: the engine's socket belongs to this group.\n"
TEXT = f"{OURS}[Service]\nGroup={{}}\n"


def change(host: Reader, facts: Facts) -> Change | None:
    """Return the change of the unit's group, or None if the group is right or is not ours to change.

    A file of that name that somebody else wrote stays as it is, and so does a folder that refuses files: the change
    comes after the restart of Docker, which it must not undo.
    """
    if host.uid != 0 or host.asleep or not facts.socket.startswith("/") or not managers.by_systemd(host):
        return None
    if not any(host.stat(f"{folder}/{UNIT}") for folder in FOLDERS) or "ro" in mount(host, FOLDERS[0]).options:
        return None
    group = people.group(host, facts.socket)
    text = None if group in USUAL else TEXT.format(group)
    there = host.read(DROP_IN)
    if there == text or not (there is None or there.startswith(OURS)):
        return None
    if host.unmakeable(DROP_IN) or host.unwritable(DROP_IN):
        return None
    steps: tuple[Step, ...] = (FIRST, RemoveFile(DROP_IN), RELOAD)
    if text is not None:
        made = () if host.stat(FOLDER) else (MakeDirectory(FOLDER),)
        steps = (FIRST, *made, WriteFile(DROP_IN, text), RELOAD)
    return Change("daemon", (), steps, notes=(f"the engine's socket belongs to {group}: the hourly check joins it",))
