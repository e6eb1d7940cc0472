"""Emulators: for each wanted platform that the CPU does not run, a QEMU that works in containers, after a reboot too.

Registered is not working: a program of each platform is run. systemd-binfmt is only ever given one file, for without
one it flushes everybody's entries.
"""

from collections.abc import Iterator

from provisioner import binfmt, elf, platforms
from provisioner.desired import Desired
from provisioner.facts import BINFMT, Facts
from provisioner.model import Change, Difference, Held, Ran, Reader, Run, State, Step, Tell, Value, WriteFile
from provisioner.platforms import Platform

NAME = "emulators"
MOUNTED = "binfmt_misc"
FOLDERS = ("/etc/binfmt.d", "/run/binfmt.d", "/usr/local/lib/binfmt.d", "/usr/lib/binfmt.d")
APPLIERS = ("/usr/lib/systemd/systemd-binfmt", "/lib/systemd/systemd-binfmt")
PROGRAMS = ("/usr/bin/{}-static", "/usr/bin/{}")  # Debian 12 and before, Fedora; Debian 13 and later
HEAD = 4096  # bytes: an ELF header and its program headers


def want(desired: Desired, facts: Facts) -> State:
    """Each foreign platform runs, now and after the next boot."""
    rows = [p for p in map(platforms.of, desired.platforms) if p.name not in facts.native and not p.build_only]
    wanted: dict[str, Value] = {MOUNTED: "mounted"} if rows else {}
    for row in rows:
        wanted |= {row.name: "runs", at_boot(row): "registered"}
    return wanted


def at_boot(platform: Platform) -> str:
    """The key that says whether a platform is registered when the host boots."""
    return f"{platform.name} at boot"


def have(host: Reader, facts: Facts, want: State) -> State:
    """What the kernel's table, a run of each platform's probe, and the files read at boot say."""
    found: dict[str, Value] = {MOUNTED: "mounted" if facts.mounted else "not mounted"}
    rules = tuple(_boot_rules(host)) if want else ()
    rows = [platforms.of(k) for k in want if k.startswith("linux/") and not k.endswith(" at boot")]
    programs = [elf.program(row.architecture) for row in rows]
    bare = host.uid == 0  # in an empty root directory, as in a container; nobody else may do that
    for row, header, ran in zip(rows, programs, host.runs(programs, bare=bare), strict=True):
        found[row.name] = _truth(host, facts, row, header, ran)
        ours = [r for _, r in rules if binfmt.serves(r.magic, r.mask, r.offset, header)]
        found[at_boot(row)] = _boot_truth(ours)
    return found


def change(host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> Change:
    """Write our own file for a platform, and register that file alone."""
    keys = {d.key for d in differences}
    edits: list[Step] = []
    held: list[Held] = []
    if MOUNTED in keys:
        edits.append(Run(("systemctl", "start", "proc-sys-fs-binfmt_misc.mount")))
    for row in map(platforms.of, desired.platforms):
        wrong = keys & {row.name, at_boot(row)}
        if not wrong:
            continue
        done = _restore(host, row, wrong) or _register(host, facts, desired, row, wrong)
        if isinstance(done, Held):
            held += [done._replace(key=key) for key in sorted(wrong)]
        else:
            edits += done
    return Change(NAME, differences, tuple(edits), held=tuple(held))


def conf(row: Platform) -> str:
    """The file that registers a platform at boot."""
    return f"/etc/binfmt.d/provisioner-{row.name.removeprefix('linux/').replace('/', '-')}.conf"


def _truth(host: Reader, facts: Facts, row: Platform, header: bytes, ran: Ran) -> str:
    """``runs``, or what is wrong."""
    serving = {n: e for n, e in facts.entries.items() if binfmt.serves(e.magic, e.mask, e.offset, header)}
    enabled = {n: e for n, e in serving.items() if e.enabled}
    if not enabled:
        return "disabled" if serving else "not registered"
    if not _right(ran, row) and not _right(host.runs([header])[0], row):
        return f"broken: {ran.error or f'its probe ended with status {ran.status}'}"
    for name, entry in enabled.items():
        if "F" not in entry.flags:
            return f"runs on the host only: {name} has no F flag"
        if _dynamic(host, entry.interpreter):
            return f"runs on the host only: {entry.interpreter} is dynamically linked"
    return "runs" if _right(ran, row) else f"runs on the host only: {ran.error}"


def _right(ran: Ran, row: Platform) -> bool:
    """Whether a probe did all that it does; QEMU 10 for ppc64le says something of its own before it."""
    return ran.status == 0 and ran.stdout.splitlines()[-1:] == [row.architecture]


def _boot_truth(rules: list[binfmt.Rule]) -> str:
    if not rules:
        return "not registered"
    return "registered" if any("F" in r.flags for r in rules) else "registered without the F flag"


def _boot_rules(host: Reader) -> Iterator[tuple[str, binfmt.Rule]]:
    """Each rule that is read at boot, with its file: of two files of one name the first folder's counts."""
    seen: set[str] = set()
    for folder in FOLDERS:
        for name in host.names(folder):
            if name.endswith(".conf") and name not in seen:
                seen.add(name)
                text = host.read(f"{folder}/{name}") or ""
                yield from ((f"{folder}/{name}", rule) for rule in binfmt.parse_rules(text))


def _restore(host: Reader, row: Platform, wrong: set[str]) -> list[Step]:
    """Where only the kernel's entry is gone, register the file that stands there for it."""
    if wrong != {row.name}:
        return []
    header = elf.program(row.architecture)
    for path, rule in _boot_rules(host):
        fits = binfmt.serves(rule.magic, rule.mask, rule.offset, header) and "F" in rule.flags
        if fits and _unfit(host, rule.interpreter) is None and host.stat(f"{BINFMT}/{rule.name}") is None:
            return [_apply(host, path, rule.name)]
    return []


def _register(host: Reader, facts: Facts, desired: Desired, row: Platform, wrong: set[str]) -> list[Step] | Held:
    """Our own file for a platform, registered now where the kernel does not run it yet."""
    path, name = conf(row), str(row.emulator)
    there = facts.entries.get(name)
    if row.name in wrong and there is not None and host.stat(path) is None:
        hint = f"remove it (echo -1 > {BINFMT}/{name}) or whatever registers it, then apply again"
        return Held("", f"the entry {name} is somebody else's ({there.interpreter}), and does not work", hint)
    program, reason = _find(host, desired, row)
    if program is None:
        where = desired.emulators.directory or "the distribution's packages"
        hint = f"install it: apt-get install qemu-user-static (qemu-user from Debian 13 on); looked in {where}"
        return Held("", f"{row.name}: {reason}", hint, fatal=True)
    flags = "OCF" if desired.emulators.credentials else "F"
    line = binfmt.registration_line(row, program, flags)
    steps: list[Step] = [WriteFile(path, f"# {row.name}, by provisioner\n{line}\n")]
    return [*steps, _apply(host, path, name)] if row.name in wrong else steps


def _apply(host: Reader, path: str, entry: str) -> Run:
    """Give systemd-binfmt one file, which flushes nothing."""
    applier = next((a for a in APPLIERS if host.program(a)), APPLIERS[0])
    return Run((applier, path), undo=(Tell(f"{BINFMT}/{entry}", "-1"),))


def _find(host: Reader, desired: Desired, row: Platform) -> tuple[str | None, str]:
    """A static QEMU for a platform, and otherwise why there is none."""
    folder = desired.emulators.directory
    templates: tuple[str, ...] = (f"{folder}/{{}}", f"{folder}/{{}}-static") if folder else ()
    if desired.emulators.source != "directory":
        templates += PROGRAMS
    reasons = []
    for path in (t.format(row.emulator) for t in templates):
        reason = _unfit(host, path)
        if reason is None:
            return path, ""
        if host.stat(path) is not None:
            reasons.append(reason)
    return None, reasons[0] if reasons else f"there is no static {row.emulator} on this host"


def _unfit(host: Reader, path: str) -> str | None:
    """Why a program cannot be an interpreter; None: it can."""
    found = host.stat(path)
    if found is None or found.directory:
        return f"{path} is gone"
    if not found.mode & 0o111:
        return f"{path} is not executable"
    if found.uid not in (0, host.uid) or found.mode & 0o022:
        return f"{path} can be changed by others than root"
    head = host.head(path, HEAD)
    if head is None or elf.machine(head) is None:
        return f"{path} is no program"
    if elf.needs_interpreter(head):
        return f"{path} is dynamically linked, so it fails in containers"
    return None


def _dynamic(host: Reader, path: str) -> bool:
    """Whether a registered interpreter is known to need a loader that no foreign container has."""
    head = host.head(path, HEAD)
    return head is not None and elf.needs_interpreter(head) is True
