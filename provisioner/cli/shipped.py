"""Install and remove the files of a pip or one-file installation that packages and `make install` bring otherwise.

A wheel and the one-file program carry units, the catalog, manual pages and completions in ``provisioner/shipped``,
laid out as below a prefix. They are installed to /usr/local. A list of the written files is stored with them, so
that all of them can be removed.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable

from provisioner.cli.conversation import say
from provisioner.errors import DeniedError, ProvisionerError
from provisioner.host import System
from provisioner.model import Reader

PREFIX = "/usr/local"
PROGRAM = f"{PREFIX}/bin/provisioner"
LIST = f"{PREFIX}/lib/provisioner/set-up"
CONFIGURATION = "/etc/provisioner"
HIDDEN = ("/home/", "/root/", "/run/", "/tmp/", "/var/tmp/")  # noqa: S108  # the sandboxes of the units hide these folders
LAUNCHER = '#!/bin/sh\nexec "{program}" "$@"\n'
AT_BOOT = ("provisioner-recover.service", "provisioner-recovered.service")
TIMER = "provisioner-check.timer"


def put(host: System, program: str) -> tuple[str, ...]:
    """Write every file, and enable the unit that undoes an interrupted apply at boot.

    Returns: the paths that were written.
    """
    fit(host, program)
    contents = read(program)
    if not contents:
        hint = "a distribution's package and `make install` bring the units by themselves"
        raise ProvisionerError("this installation carries no units to set up", hint=hint)
    made: list[str] = []
    for old in _listed(host):
        if not old.endswith("/") and old not in contents:
            host.remove(old)
    for folder in (CONFIGURATION, *_folders(contents)):
        _make(host, folder, made)
    for path, content in contents.items():
        _make(host, path.rpartition("/")[0], made)
        host.install(path, content, 0o755 if path == PROGRAM else 0o644)
        made.append(path)
    _make(host, LIST.rpartition("/")[0], made)
    kept = [name for name in _listed(host) if name.endswith("/") and name not in made]
    host.write(LIST, "".join(f"{name}\n" for name in (*kept, *made)), 0o644)
    _tell(host, "enable", *AT_BOOT)
    return tuple(name for name in made if not name.endswith("/"))


def take(host: System) -> bool:
    """Remove every file that ``put`` wrote, and its folders that are empty. Returns False if nothing is installed."""
    names = _listed(host)
    if not names:
        return False
    _order(host, "disable", "--now", *AT_BOOT, TIMER)
    for name in (*(n for n in names if not n.endswith("/")), LIST):
        host.remove(name)
    _tell(host)
    for name in sorted((n for n in names if n.endswith("/")), key=len, reverse=True):
        host.remove_directory(name.rstrip("/"))
    return True


def fit(host: Reader, program: str) -> None:
    """Check that root's units may run a program.

    Raises:
        DeniedError: the units cannot see the program, or other users than root can change it.
    """
    if program.startswith(HIDDEN):
        hint = "install it into a folder of root's: python3 -m venv /opt/provisioner, or pipx install --global"
        raise DeniedError(f"{program}: systemd's units cannot run a program there", hint=hint)
    place = program
    while place:
        there = host.stat(place)
        if there is None or there.uid != 0 or there.mode & 0o022:
            hint = f"give it to root and close it: chown root {place}; chmod go-w {place}"
            raise DeniedError(f"{place}: others than root can change it, and root would run {program}", hint=hint)
        place = place.rpartition("/")[0]


def read(program: str) -> dict[str, bytes]:
    """Return the content of each file to write, by path."""
    found = {}
    for name, content in _shipped(files("provisioner") / "shipped", ""):
        content = content.replace(b"@PREFIX@/bin/provisioner", program.encode())
        found[f"{PREFIX}/{name}"] = content.replace(b"@PREFIX@", PREFIX.encode())
    if found and program not in (PROGRAM, "/usr/bin/provisioner"):
        found[PROGRAM] = LAUNCHER.format(program=program).encode()
    return found


def _shipped(folder: Traversable, name: str) -> list[tuple[str, bytes]]:
    if not folder.is_dir():
        return []
    found = []
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        below = f"{name}/{entry.name}".lstrip("/")
        found += _shipped(entry, below) if entry.is_dir() else [(below, entry.read_bytes())]
    return found


def _folders(contents: dict[str, bytes]) -> list[str]:
    """Return the folders that the units write to. tmpfiles.d creates them at each boot."""
    lines = contents[f"{PREFIX}/lib/tmpfiles.d/provisioner.conf"].decode().splitlines()
    return [line.split()[1] for line in lines if line.startswith("d ")]


def _make(host: System, folder: str, made: list[str]) -> None:
    """Make a folder and its parents, and add the new ones to ``made``."""
    if folder and host.stat(folder) is None:
        _make(host, folder.rpartition("/")[0], made)
        host.make_directory(folder, 0o700 if folder.startswith("/root/") else 0o755)
        made.append(f"{folder}/")


def _listed(host: Reader) -> list[str]:
    return (host.read(LIST) or "").splitlines()


def _tell(host: System, *order: str) -> None:
    """Make the journal and systemd read the changed files."""
    if host.stat("/run/systemd/system") and (journalctl := host.program("journalctl")):
        host.run((journalctl, "--update-catalog"), 60)
    _order(host, "daemon-reload")
    if order:
        _order(host, *order)


def _order(host: System, *words: str) -> None:
    """Run systemctl. Does nothing on a host without systemd."""
    systemctl = host.program("systemctl")
    if host.stat("/run/systemd/system") and systemctl:
        ran = host.ask(systemctl, "--quiet", *words, timeout=60)
        if ran.status:
            say(f"systemctl {' '.join(words)}: {ran.error.strip()}")
