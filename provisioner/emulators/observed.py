"""Observe emulators: the kernel's table, a test program for each architecture, and the files read at boot.

A registered emulator may still not work. So a program of each platform runs, in an empty root directory if this user
may do that.
"""

from collections.abc import Mapping

from provisioner.emulators import boot, keys, modules
from provisioner.emulators.keys import Key
from provisioner.engine.facts import Facts
from provisioner.model import Ran, Reader, Unknown, Value
from provisioner.platforms import binfmt, elf, table
from provisioner.platforms.machine import BINFMT, VERSIONS
from provisioner.platforms.table import Platform
from provisioner.typed import NamedTuple

NOBODY = 65534  # who owns the files of users outside this namespace: /proc/sys/kernel/overflowuid


class Architecture(NamedTuple):
    """The state of an architecture, by aspect. It is the same for all platforms of the architecture."""

    runs: Value
    at_boot: str
    origin: Value
    credentials: Value


def state(host: Reader, facts: Facts, asked: Mapping[Key, Value]) -> dict[Key, Value]:
    """Return the value of every key of the platforms in ``asked``."""
    rows = [table.of(key.platform) for key in asked if key.platform and key.aspect == keys.RUNS]
    probes = {row.architecture: elf.program(row.architecture) for row in rows}
    rules, forbidden = (boot.rules(host), modules.forbidden(host)) if rows else ((), "")
    ran: dict[str, Ran] = {}
    if not facts.quick:
        ran = dict(zip(probes, host.runs(list(probes.values()), bare=host.uid == 0), strict=True))
    found: dict[Key, Value] = {}
    known: dict[str, Architecture] = {}
    for row in rows:
        if row.architecture not in known:
            probe = probes[row.architecture]
            rule = boot.serving(rules, probe)
            origin = asked.get(Key(row.name, keys.FROM))
            now = truth(host, facts, row, probe, ran.get(row.architecture))
            elsewhere = now == "runs" and (bool(facts.table_unseen) or _outside(host))
            at_boot = "registered" if elsewhere else _boot_truth(host, rule, forbidden)
            known[row.architecture] = Architecture(now, at_boot, *_kind(facts, row, rule, origin))
        aspects = (keys.RUNS, keys.AT_BOOT, keys.FROM, keys.CREDENTIALS)
        found |= {Key(row.name, a): v for a, v in zip(aspects, known[row.architecture], strict=True)}
    served = bool(known) and all(one.runs == "runs" for one in known.values())
    left = {key: _left(key) for key in asked if not key.platform and key != keys.TABLE}
    return {keys.TABLE: _table(host, facts, served=served), **found, **left}


def _left(key: Key) -> Value:
    """Return what a thing is that is no longer wanted (see unwanted.py)."""
    return "registered by provisioner" if key.aspect == keys.REGISTERED else "copied by provisioner"


def truth(host: Reader, facts: Facts, row: Platform, header: bytes, ran: Ran | None) -> Value:
    """Return ``runs``, or what is wrong.

    ``ran`` is the result of the test program. None means that no program ran, so only files are read.
    """
    if facts.table_unseen:
        if ran is not None and right(ran, row):
            return "runs"
        return "not registered, as far as this container may see" if host.uid == 0 else Unknown(facts.table_unseen)
    serving = {n: e for n, e in facts.entries.items() if binfmt.serves(e.magic, e.mask, e.offset, header)}
    enabled = {n: e for n, e in serving.items() if e.enabled}
    if not enabled:
        return _unserved(facts, row, serving)
    bare = ran is not None and host.uid == 0
    if ran is not None and not right(ran, row):
        on_host = host.runs([header])[0] if bare else ran
        if not right(on_host, row):
            return f"broken: {_failure(row, on_host, enabled)}"
        return f"runs on the host only: {_confined(host, enabled) or ran.error}"
    if not bare and (reason := _confined(host, enabled)):
        return f"runs on the host only: {reason}"
    return _stale(host, facts, row, ran) or "runs"


def right(ran: Ran, row: Platform) -> bool:
    """Return whether the test program did all its work. QEMU 10 for ppc64le prints a line of its own first."""
    return ran.status == 0 and ran.stdout.splitlines()[-1:] == [row.architecture]


def _outside(host: Reader) -> bool:
    """Return whether the table belongs to the machine around this container, which registers at boot.

    A user who has no number in this namespace has the kernel's number for nobody.
    """
    there = host.stat(BINFMT)
    return there is not None and there.uid == NOBODY


def _table(host: Reader, facts: Facts, *, served: bool) -> Value:
    """Return the state of the table.

    A table that this container cannot see counts as mounted if every platform in question runs.
    """
    if facts.table_unseen and not served:
        return "kept from this container" if host.uid == 0 else Unknown(facts.table_unseen)
    if facts.table_unseen:
        return "mounted"
    if not facts.mounted:
        return "not mounted"
    return "mounted" if (host.read(f"{BINFMT}/status") or "").strip() != "disabled" else "switched off"


def _kind(facts: Facts, row: Platform, rule: boot.Rule | None, wanted: Value) -> tuple[Value, Value]:
    """Return where the emulator comes from and whether it keeps set-user-id, by the entry or the rule that makes it."""
    entry: binfmt.Entry | binfmt.Rule | None = facts.entries.get(str(row.emulator)) or (rule.rule if rule else None)
    if entry is None:
        return None, None
    path = entry.interpreter
    origin = path.rpartition("/")[0]
    if path.startswith(f"{VERSIONS}/"):
        origin = f"image {path.removeprefix(VERSIONS).split('/')[1]}"
    elif origin != wanted and path.startswith(("/usr/bin/qemu-", "/usr/libexec/qemu-binfmt/")):
        origin = "package"
    return origin, "C" in entry.flags


def _unserved(facts: Facts, row: Platform, serving: dict[str, binfmt.Entry]) -> str:
    """Return why no entry serves a platform's programs."""
    if serving:
        return f"disabled: {', '.join(serving)}"
    if row.emulator in facts.entries:
        return f"not registered: {row.emulator} is there, with another magic"
    return "not registered"


def _failure(row: Platform, ran: Ran, enabled: dict[str, binfmt.Entry]) -> str:
    """Return why a test program fails even on the host.

    Its exit status is the number of arguments that the emulator added.
    """
    name, entry = next(iter(enabled.items()))
    said = ran.stdout.splitlines()[-1:] == [row.architecture]
    if said and ran.status == 1 and "P" in entry.flags:
        return f"{name} has the P flag, which {entry.interpreter} does not understand"
    if said and ran.status:
        return f"{name} has no P flag, which {entry.interpreter} takes for granted"
    if "mprotect" in ran.error and "Permission denied" in ran.error:
        return "SELinux forbids QEMU to run the code that it makes; on Debian: setsebool -P allow_execmem on"
    if ran.status == 0:
        return f"its probe said {ran.stdout[:40]!r}"
    return ran.error or f"its probe ended with status {ran.status}"


def _confined(host: Reader, enabled: dict[str, binfmt.Entry]) -> str | None:
    """Return why an entry does not work in containers, from what can be read; None if no reason is found."""
    for name, entry in enabled.items():
        if "F" not in entry.flags:
            return f"{name} has no F flag"
        head = host.head(entry.interpreter, elf.HEAD)
        if head is not None and elf.needs_interpreter(head):
            return f"{entry.interpreter} is dynamically linked"
    return None


def _stale(host: Reader, facts: Facts, row: Platform, ran: Ran | None) -> str | None:
    """Return how the file that our entry holds open differs from the one at its path; None if it is the same file."""
    entry = facts.entries.get(str(row.emulator))
    if row.architecture not in facts.ours or entry is None or "F" not in entry.flags:
        return None
    there = host.stat(entry.interpreter)
    if there is None:
        return f"runs, but {entry.interpreter} is gone since it was registered"
    if ran is not None and ran.inode is not None and ran.inode != there.inode:
        return f"runs an older file: {entry.interpreter} was replaced since it was registered"
    return None


def _boot_truth(host: Reader, placed: boot.Rule | None, forbidden: str) -> str:
    """Return ``registered``, or why a platform will not run after the next boot."""
    if placed is None:
        return "not registered"
    path, rule = placed
    if "F" not in rule.flags:
        return f"registered by {path} without the F flag"
    head = host.head(rule.interpreter, elf.HEAD)
    if head is None:
        return f"registered by {path} with {rule.interpreter}, which is gone"
    if elf.needs_interpreter(head):
        return f"registered by {path} with {rule.interpreter}, which is dynamically linked"
    if forbidden:
        return f"not registered: {forbidden}"
    if path.startswith(boot.SUPPORT):
        return "registered"
    reason = boot.lack(host, rule.interpreter)
    return f"not registered: {reason}" if reason else "registered"
