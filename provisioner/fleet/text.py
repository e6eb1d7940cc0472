"""A fleet as text for a terminal: missing and failed hosts first, then drift, its cause, its age and its hosts."""

from collections.abc import Iterator
from datetime import UTC, datetime

from provisioner.emulators import faults
from provisioner.fleet.builds import NODE
from provisioner.fleet.results import Finding, Host
from provisioner.fleet.summary import ABSENT, RANK, Fleet
from provisioner.text.terminal import columns, printable

SHOWN = 20  # lines of a list; the JSON document has all
LONGEST = 300  # characters of a value; longer ones are cut off
LINE = 78  # characters of a line of names


def render(fleet: Fleet) -> str:
    """Return a limited number of lines of limited width."""
    return "\n".join(printable(line) for line in _lines(fleet))


def _lines(fleet: Fleet) -> Iterator[str]:
    states = fleet.states()
    counts = {"missing": fleet.missing, **states}
    counted = ", ".join(f"{n} {state}" for state, n in counts.items() if n)
    total = sum(states.values())
    yield f"{total} host{'' if total == 1 else 's'}: {counted}" if counted else "no hosts"
    if fleet.missing:
        yield from ("", "missing (expected, and without any result):", *_names(fleet.named[ABSENT], fleet.missing))
    hosts: dict[Finding, list[str]] = {}
    for host in fleet.hosts:
        for finding in dict.fromkeys(host.like.findings):
            hosts.setdefault(finding, []).append(host.name)
    findings = sorted(fleet.findings(), key=lambda row: (RANK[row[0].state], -row[1], row[0]))
    for finding, count, since in findings[:SHOWN]:
        yield from ("", *_block(finding, count, since, hosts[finding]))
    yield from _more(len(findings))
    yield from _others(fleet)
    for kind, count in fleet.problems.items():
        if kind != ABSENT:
            yield from ("", f"{count} × {kind}:", *(f"  {_short(p)}" for p in fleet.named[kind][:SHOWN]), *_more(count))


def _block(finding: Finding, count: int, since: int, names: list[str]) -> Iterator[str]:
    """Describe a finding: what differs, on how many and which hosts, since when, why, and what to do."""
    what = _short(f"{finding.resource}: {finding.key}")
    yield f"{finding.state}: {what} on {count} host{'' if count == 1 else 's'}{_since(since)}"
    rows = []
    if finding.have or finding.want:
        rows.append(("now", _short(finding.have) or "unknown"))
        rows.append(("wanted", _short(finding.want)))
    if finding.cause:
        rows.append(("cause", CAUSES.get(finding.cause, finding.cause)))
    if finding.why:
        rows.append(("because", _short(finding.why)))
    rows.append(("to do", _short(finding.hint) or _remedy(finding)))
    yield from (f"  {line}" for line in columns(rows).splitlines())
    yield from _names(names, count)


CAUSES = {"corrective": "changed on the host", "intended": "new in the configuration"}


def _remedy(finding: Finding) -> str:
    if finding.state == "drift":
        return f"provisioner apply{' (restarts Docker)' if finding.restarts else ''}"
    return "run `provisioner check` on the host as root" if finding.state == "unknown" else "see the reason"


def _others(fleet: Fleet) -> Iterator[str]:
    """Return the states that are not findings: interrupted applies, silent hosts and holds."""
    cut = [h for h in fleet.hosts if fleet.state(h) == "cut off"]
    if cut:
        yield from ("", "cut off: an apply ended in the middle. To do: provisioner rollback", *_hosts(cut))
    silent = [h for h in fleet.hosts if fleet.state(h) == "silent"]
    if silent:
        yield from ("", "silent: the last result is old", *_hosts(silent, last=True))
    on_hold = [h for h in fleet.hosts if h.like.hold]
    for reason in dict.fromkeys(h.like.hold for h in on_hold):
        named = [h for h in on_hold if h.like.hold == reason]
        yield from ("", f"applies are held {_short(reason)}", *_hosts(named))
    warned: dict[str, list[Host]] = {}
    for host in fleet.hosts:
        for words in dict.fromkeys(host.like.warnings):
            warned.setdefault(words, []).append(host)
    for words, named in warned.items():
        yield from ("", f"{_short(f'warning: {words}')}. To do: {faults.cure()}", *_hosts(named))
    yield from _nodes(fleet)


def _nodes(fleet: Fleet) -> Iterator[str]:
    """Return what nodes build for other hosts. Most fleets have none."""
    found = [(build, count) for build, count in fleet.builds() if build.how == NODE]
    if found:
        rows = [(b.platform, b.place, f"for {n} host{'' if n == 1 else 's'}") for b, n in found[:SHOWN]]
        cells = [tuple(_short(printable(cell)) for cell in row) for row in rows]
        yield from ("", "built on nodes:", *(f"  {line}" for line in columns(cells).splitlines()))
        yield from _more(len(found))


def _hosts(hosts: list[Host], *, last: bool = False) -> Iterator[str]:
    if last:
        yield from (f"  {h.name}  last heard {moment(h.time)}" for h in hosts[:SHOWN])
        yield from _more(len(hosts))
        return
    yield from _names([h.name for h in hosts], len(hosts))


def _names(names: list[str], count: int) -> Iterator[str]:
    """Return names, several per line."""
    line = " "
    for name in names[:SHOWN]:
        if len(line) + len(name) > LINE and line.strip():
            yield line
            line = " "
        line += f" {name}"
    if line.strip():
        yield line
    yield from _more(count)


def _more(count: int) -> tuple[str, ...]:
    return (f"  … and {count - SHOWN} more",) if count > SHOWN else ()


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _since(seconds: int) -> str:
    return f" since {moment(seconds)}" if seconds else ""


def moment(seconds: int) -> str:
    """Format seconds since 1970 as a readable time in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M") if seconds else ""
