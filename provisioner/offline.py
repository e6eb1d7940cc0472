"""An image that does not run yet, below a root of its own: files only, no engine, nothing is started.

The engine's version comes from the program in the image. Emulators and the builder need a running host: the image makes
itself ready by ``provisioner-apply.service`` when it first boots.
"""

import re
from collections.abc import Callable

from provisioner import __version__, engine, facts, journal, plan, registries, service
from provisioner.acts import Plan
from provisioner.apply import Outcome, make_change
from provisioner.desired import Desired
from provisioner.errors import Exit, NoEngineError, ProvisionerError, RolledBackError
from provisioner.facts import Facts
from provisioner.journal import Journal
from provisioner.model import Reader
from provisioner.resources import daemon, image_store
from provisioner.session import must_be_root
from provisioner.steps import execute
from provisioner.system import System

RESOURCES = (daemon.NAME, image_store.NAME)
UNITS = (
    "/usr/lib/systemd/system/docker.service",
    "/lib/systemd/system/docker.service",
    "/etc/systemd/system/docker.service",
)
DROP_INS = "/etc/systemd/system/docker.service.d"
DEFAULTS = "/etc/default/docker"
DATA = "/var/lib/docker"
# Distributions' names of the engine, where its program cannot be run here.
PACKAGE = re.compile(r"^Package: (?:docker\.io|docker-ce|moby-engine)\n(?:.+\n)*?Version: (?:\d+:)?(\S+)", re.MULTILINE)


def apply(system: System, wanted: Desired, root: str, say: Callable[[str], None]) -> Outcome:
    """Set in the image what its first boot will find. RolledBackError: it failed, the image is as it was."""
    must_be_root(system)
    wanted = wanted._replace(only=RESOURCES)
    with system.lock(journal.LOCK):
        found = gather(system, root)
        made = _files(plan.make(system, found, wanted))
        if not any(c.edits for c in made.changes):
            return Outcome(Exit.HELD if made else Exit.OK, made, made)
        book = Journal(system, (journal.numbers(system) or (0,))[-1] + 1)
        book.begin(__version__, wanted, plan.compare(system, found, wanted).differences)
        try:
            for change in made.changes:
                make_change(system, book, change.resource, change.edits, (), say)
            left = _files(plan.make(system, gather(system, root), wanted))
            if any(c.edits for c in left.changes):
                raise ProvisionerError(
                    f"{root}: applied, yet still not as wanted", hint="see `provisioner plan --root`"
                )
        except BaseException as e:
            for step in journal.read(system, book.number).undo:
                execute(step, system, say)
            book.end("rolled back")
            raise RolledBackError(f"{e}; rolled back, the image is as it was") from e
        book.end("held" if left else "converged")
        return Outcome(Exit.HELD if left else Exit.OK, made, left, book.number)


def gather(host: Reader, root: str) -> Facts:
    """What the image will be when it runs. NoEngineError: there is no engine in it."""
    text = version(host, root)
    number = engine.version(text)
    new = number is None or number >= (24,)
    flags = _flags(host)
    path = facts.config_file(flags)
    info = {"ServerVersion": text, "Driver": "overlayfs" if new else "overlay2", "DockerRootDir": DATA}
    where = engine.Endpoint("default", f"unix://{engine.SOCKET}", root)
    found = engine.engine({**info, "DriverStatus": [engine.PAIR] if new else []}, where)._replace(shown={})
    return Facts(
        endpoint=where,
        engine=found,
        socket=engine.SOCKET,
        flags=flags,
        daemon_json=path,
        prior=facts.prior(host, found),
        native=(),
        entries={},
        mounted=False,
        owned=facts.owned(host, path),
        registries=registries.Registries(),
    )


def version(host: Reader, root: str) -> str:
    """The version of the engine in an image, as it says itself, else as its package says."""
    outside = System()
    for program in ("/usr/bin/dockerd", "/usr/sbin/dockerd"):
        if host.stat(program):
            said = re.search(r"version ([^\s,]+)", outside.ask("chroot", root, program, "--version").stdout)
            if said:
                return said.group(1)
    if found := PACKAGE.search(host.read("/var/lib/dpkg/status") or ""):
        return found.group(1)
    raise NoEngineError(f"{root}: there is no Docker engine in this image", hint="install docker.io or docker-ce in it")


def _flags(host: Reader) -> tuple[str, ...]:
    """What the unit in the image gives the daemon; where containerd will listen is nothing to look for now."""
    drop_ins = (f"{DROP_INS}/{n}" for n in host.names(DROP_INS) if n.endswith(".conf"))
    texts = (host.read(path) or "" for path in (*UNITS, *drop_ins))
    lines = [line for text in texts for line in re.findall(r"(?m)^ExecStart=(.+)$", text)]
    argv = service.expanded(lines[-1], host.read(DEFAULTS) or "") if lines else ()
    return tuple(service.without(list(argv[1:]), "--containerd"))


def _files(made: Plan) -> Plan:
    """A plan's edits alone: a restart that nobody makes is not owed by what does not run."""
    owed = service.OWED
    changes = [c._replace(held=tuple(h for h in c.held if h.hint != owed), settle=()) for c in made.changes]
    return made._replace(changes=tuple(c for c in changes if c.edits or c.held))
