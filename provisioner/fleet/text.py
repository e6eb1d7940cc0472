"""A fleet in a terminal: how many, what, since when, where; and everything that was no result."""

from collections.abc import Iterator
from datetime import UTC, datetime

from provisioner.fleet.summary import Fleet
from provisioner.text.terminal import columns, printable

SHOWN = 20  # lines of a list; the JSON has all


def render(fleet: Fleet) -> str:
    """Lines of a bounded number."""
    return "\n".join(printable(line) for line in _lines(fleet))


def _lines(fleet: Fleet) -> Iterator[str]:
    states = fleet.states()
    counted = ", ".join(f"{n} {state}" for state, n in states.items() if n)
    yield f"{sum(states.values())} hosts: {counted}" if counted else "no hosts"
    findings = fleet.findings()
    if findings:
        rows = [("HOSTS", "STATE", "WHAT", "IS", "WANTED", "CAUSE", "SINCE", "RESTARTS DOCKER")]
        rows += [
            (
                str(n),
                f.state,
                f"{f.resource}: {f.key}",
                f.have,
                f.want,
                f.cause,
                moment(since),
                "yes" if f.restarts else "",
            )
            for f, n, since in findings[:SHOWN]
        ]
        yield from ("", *columns([tuple(map(printable, row)) for row in rows]).splitlines(), *_more(len(findings)))
    for state in ("drift", "held", "unknown", "silent"):
        names = [host.name for host in fleet.hosts if fleet.state(host) == state] if states[state] else []
        if names:
            yield from ("", f"{state}:", *(f"  {name}" for name in names[:SHOWN]), *_more(len(names)))
    for kind, count in fleet.problems.items():
        yield from ("", f"{count} × {kind}:", *(f"  {place}" for place in fleet.named[kind][:SHOWN]), *_more(count))


def _more(count: int) -> tuple[str, ...]:
    return (f"  … and {count - SHOWN} more",) if count > SHOWN else ()


def moment(seconds: int) -> str:
    """Seconds since 1970 as a person in UTC reads them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M") if seconds else ""
