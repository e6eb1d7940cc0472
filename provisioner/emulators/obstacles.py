"""Reasons why emulators cannot be registered. What the kernel lacks is read from /proc, not guessed from an error."""

from provisioner.config.desired import Desired
from provisioner.emulators import keys, managers, modules, mounts
from provisioner.emulators.keys import Key
from provisioner.engine.facts import Facts
from provisioner.engine.info import version
from provisioner.model import Reader
from provisioner.platforms import binfmt
from provisioner.platforms.machine import BINFMT, EVERY_ID, chrooted
from provisioner.platforms.table import Platform
from provisioner.steps import Obstacle

F_FLAG = (4, 8)
OWN_TABLES = (6, 7)  # from this version on, a user namespace may have its own table


def namespaced(host: Reader) -> bool:
    """Return whether this is a user namespace.

    From Linux 6.7 on, it may have its own table, which is not visible outside.
    """
    return (host.read("/proc/self/uid_map") or " ".join(EVERY_ID)).split() != EVERY_ID


def obstacle(host: Reader, facts: Facts) -> Obstacle | None:
    """Return why no emulator can be registered here; None if nothing prevents it."""
    name = modules.release(host)
    number = version(name)
    if number is not None and number < F_FLAG:
        message = f"Linux {name} has no F flag (4.8 brought it), so no emulator would work in a container"
        return Obstacle("kernel-too-old", message, "upgrade the kernel")
    if number is not None and number < OWN_TABLES and namespaced(host):
        message = f"this is a user namespace, and before Linux 6.7 (here {name}) only the machine itself has emulators"
        return Obstacle("user-namespace", message, "run provisioner on the machine itself")
    if chrooted(host):
        message = "this is a chroot (process 1 has another root folder): emulators would be registered outside of it"
        hint = "outside of it: provisioner apply --root DIR; the emulators are registered when the image boots"
        return Obstacle("chroot", message, hint)
    if facts.table_unseen:
        message = "the manager of this container does not let it use binfmt_misc"
        return Obstacle("kept-from-container", message, managers.hint(host))
    if forbidden := _forbidden(host):
        return forbidden
    if not facts.mounted:
        return _missing(host, name) or _mount_refused(host)
    if "ro" in mounts.mount(host, BINFMT).options:
        hint = managers.hint(host, f"; else: mount -o remount,rw {BINFMT}")
        return Obstacle("read-only", f"{BINFMT} is mounted read-only", hint)
    if (host.read(f"{BINFMT}/status") or "").strip() == "disabled":
        message = f"binfmt_misc is switched off as a whole ({BINFMT}/status)"
        return Obstacle("switched-off", message, f"echo 1 > {BINFMT}/status")
    if host.uid == 0 and (why := host.unwritable(f"{BINFMT}/register")):
        message = f"root may not register emulators here: {BINFMT}/register: {why}"
        return Obstacle("register-refused", message, managers.hint(host))
    return None


def _mount_refused(host: Reader) -> Obstacle | None:
    """Return why the table may not be mounted. It is tried in a separate mount namespace, which ends at once."""
    if host.uid != 0 or not modules.known(host):
        return None
    ran = host.ask("unshare", "--mount", "mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT)
    if ran.status in (0, None) or not ran.error.startswith("mount"):  # our own sandbox has no namespaces to try
        return None
    words = ran.error.strip().splitlines()[-1:] or ["no reason given"]
    return Obstacle("mount-refused", f"root may not mount binfmt_misc here: {words[0]}", managers.hint(host))


def for_root(key: Key) -> Obstacle:
    """Return the obstacle for a user's engine, whose emulators only root can register.

    It is fatal unless only the next boot is affected: without a working emulator, no platform can be tested.
    """
    hint = "once, as root: sudo provisioner apply --only emulators; then run this again"
    message = "emulators are the machine's own, for root to register"
    return Obstacle("for-root", message, hint, fatal=key.aspect != keys.AT_BOOT)


def foreign_entry(row: Platform, entry: binfmt.Entry) -> Obstacle:
    """Return the obstacle: somebody else's entry with QEMU's name does not work."""
    hint = "set emulators.replace: true, or repair or remove what registers it; then apply again"
    message = f"{row.name}: the entry {row.emulator} ({entry.interpreter}) belongs to somebody else and does not work"
    return Obstacle("foreign-entry", message, hint)


def translator(row: Platform, name: str, interpreter: str) -> Obstacle:
    """Return the obstacle: another translator runs a platform's programs and would no longer get them."""
    message = (
        f"{row.name}: {name} ({interpreter}) runs these programs on this host, but not in containers; {row.emulator},"
        " registered after it, would get all of them"
    )
    return Obstacle("foreign-translator", message, "set emulators.replace: true if QEMU may have them")


def no_program(row: Platform, reason: str, desired: Desired) -> Obstacle:
    """Return the obstacle: no source has an emulator for a platform."""
    where = desired.emulators.directory or "the engine's images and the distribution's packages"
    hint = f"name an image, a package or a directory that has it (emulators.source); looked in {where}"
    return Obstacle("no-program", f"{row.name}: {reason}", hint)


def _missing(host: Reader, name: str) -> Obstacle | None:
    """Return why the table cannot be mounted at all; None if it can."""
    if modules.known(host) or modules.installed(host, name):
        return None
    message = f"Linux {name} has no binfmt_misc here, and no module of it is installed"
    hint = (
        f"install the modules that belong to it (Ubuntu: apt-get install linux-modules-extra-{name}; others: the"
        " distribution's ordinary kernel instead of a trimmed one), then apply again"
    )
    return Obstacle("no-module", message, hint)


def _forbidden(host: Reader) -> Obstacle | None:
    """Return who forbids the module. Somebody decided that, so it is not loaded by another way."""
    if not (reason := modules.forbidden(host)):
        return None
    message = f"the kernel module binfmt_misc may not be loaded here: {reason}"
    return Obstacle("module-forbidden", message, "remove that if this host may have emulators, then apply again")
