"""An image that does not run yet, below a root of its own: files only, no engine, nothing is started.

The engine's version comes from the program in the image. A builder needs a running host: the image makes itself ready
by ``provisioner-apply.service`` when it first boots.
"""

import os
import re
from collections.abc import Callable

from provisioner import __version__
from provisioner.builder import resource as builder_resource
from provisioner.config import load as configurations
from provisioner.config.desired import Desired
from provisioner.daemon import resource as daemon_resource
from provisioner.daemon import service
from provisioner.emulators import emulated
from provisioner.engine import endpoints, facts, info, registries
from provisioner.engine.facts import Facts
from provisioner.engine.kinds import Site
from provisioner.errors import Exit, NoEngineError, ProvisionerError, RollbackFailedError, RolledBackError, UsageError
from provisioner.host import System
from provisioner.image import emulators
from provisioner.image_store import resource as image_store_resource
from provisioner.model import Reader
from provisioner.platforms import elf, machine, table
from provisioner.runs import journal, plan, receipts
from provisioner.runs.apply import Outcome, make_change
from provisioner.runs.journal import Journal
from provisioner.runs.rollback import attempt
from provisioner.runs.session import must_be_root
from provisioner.steps import Change, Plan

RESOURCES = (daemon_resource.NAME, image_store_resource.NAME)
HERE = endpoints.Endpoint("default", f"unix://{endpoints.SOCKET}", "--root")
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


def load(root: str, config: str | None) -> tuple[System, Desired]:
    """The image, and what is wanted of it: by a file of this machine's, or by the configuration that is in it.

    UsageError: there is no such folder, or it is the host itself, where a file alone would do half of it.
    """
    image = System(os.path.abspath(root))  # programs are started in another folder than ours
    if not image.root:
        raise UsageError(f"--root {root}: that is this host, and it runs", hint="leave --root away")
    folder = System().stat(image.root)
    if folder is None or not folder.directory:
        raise UsageError(f"--root {root}: there is no such folder", hint="name the folder that is the image's /")
    image.image = True
    return image, configurations.load(System() if config else image, config).desired


def look(host: Reader, wanted: Desired, root: str, say: Callable[[str], None]) -> Plan:
    """What apply would set in the image; what only a running host can have is said."""
    chosen = wanted.only or (*RESOURCES, emulated.NAME, builder_resource.NAME)
    engines = tuple(name for name in RESOURCES if name in chosen)
    changes: tuple[Change, ...] = ()
    if engines:
        wanted = wanted._replace(only=engines)
        changes = _files(plan.make(host, gather(host, root), wanted)).changes
    if emulated.NAME in chosen:
        prepared = emulators.prepare(host, bare(host), wanted)
        changes = (*changes, *((prepared.change,) if prepared.change else ()))
        for note in prepared.notes:
            say(f"note: {note}")
    if builder_resource.NAME in chosen:
        say(f"note: the builder needs a running engine; {emulators.LATER}")
    return Plan(changes)


def apply(system: System, wanted: Desired, root: str, say: Callable[[str], None]) -> Outcome:
    """Set in the image what its first boot will find. RolledBackError: it failed, the image is as it was."""
    must_be_root(system)
    with system.lock(journal.lock(system)):
        if cut := journal.cut_off(system):
            say(f"the apply of {cut.time} (receipt {cut.number}) was cut off: undoing it first")
            _undo(system, cut.number, say)
        made = look(system, wanted, root, say)
        if not any(c.edits for c in made.changes):
            return Outcome(Exit.BLOCKED if made else Exit.OK, made, made)
        book = Journal(system, (receipts.numbers(system) or (0,))[-1] + 1)
        book.begin(__version__, wanted, made.differences)
        try:
            for change in made.changes:
                make_change(system, book, change, say)
            left = look(system, wanted, root, lambda _: None)
            if any(c.edits for c in left.changes):
                raise ProvisionerError(
                    f"{root}: applied, yet still not as wanted", hint="see `provisioner plan --root`"
                )
        except BaseException as e:
            _undo(system, book.number, say)
            raise RolledBackError(f"{e}; rolled back, the image is as it was") from e
        book.end("held" if left else "converged")
        return Outcome(Exit.BLOCKED if left else Exit.OK, made, left, book.number)


def _undo(system: System, number: int, say: Callable[[str], None]) -> None:
    """Put a run's files back. RollbackFailedError: not all of them."""
    notes = [note for step in journal.read(system, number).undo if (note := attempt(step, system, say))]
    Journal(system, number).end(receipts.FAILED if notes else "rolled back")
    if notes:
        raise RollbackFailedError(f"files could not be put back: {'; '.join(notes)}", hint="put them right by hand")


def gather(host: Reader, root: str) -> Facts:
    """What the image will be when it runs. NoEngineError: there is no engine in it."""
    text = version(host, root)
    number = info.version(text)
    new = number is None or number >= (24,)
    flags = _flags(host)
    answer = {"ServerVersion": text, "Driver": "overlayfs" if new else "overlay2", "DockerRootDir": DATA}
    found = info.engine({**answer, "DriverStatus": [info.PAIR] if new else []}, HERE)._replace(shown={})
    path = facts.config_file(flags, Site())
    prior, owned = facts.prior(host, found), facts.owned(host, path)
    return bare(host)._replace(engine=found, flags=flags, daemon_json=path, prior=prior, owned=owned)


def bare(host: Reader) -> Facts:
    """What the image will be when it runs, but for its engine."""
    return Facts(
        endpoint=HERE,
        engine=info.NONE,
        socket=endpoints.SOCKET,
        flags=(),
        daemon_json=Site().files[0][0],
        prior=False,
        native=table.native(_machine(host)),
        entries={},
        mounted=False,
        ours=machine.ours(host),
        registries=registries.Registries(),
    )


def _machine(host: Reader) -> str:
    """What ``uname -m`` will say, from a program of the image's; the machine that we are on where none says it."""
    heads = (host.head(path, 20) for path in ("/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/lib/systemd/systemd"))
    built = (elf.machine(head) for head in heads if head)
    return next((m for a in built if a and (m := table.machine(a))), host.machine)


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
    lines = [line for text in texts for line in re.findall(r"(?m)^ExecStart=(.+)$", text.replace("\\\n", " "))]
    argv = service.expanded(lines[-1], host.read(DEFAULTS) or "") if lines else ()
    return tuple(service.without(list(argv[1:]), "--containerd"))


def _files(made: Plan) -> Plan:
    """A plan's edits alone: a restart that nobody makes is not owed by what does not run."""
    changes = [
        c._replace(blocked=tuple(b for b in c.blocked if b.obstacle != service.OWED), settle=(), trial=())
        for c in made.changes
    ]
    return made._replace(changes=tuple(c for c in changes if c.edits or c.blocked))
