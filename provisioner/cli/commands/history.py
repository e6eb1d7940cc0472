"""``provisioner history``: list applies, and what one of them changed."""

from typing import Any

from provisioner.cli import answers, past, screen
from provisioner.cli.commands import Answer
from provisioner.cli.options import Arguments
from provisioner.errors import DeniedError, Exit, UsageError
from provisioner.host import System
from provisioner.text.terminal import columns

SIDES = (("was", "have"), ("wanted", "want"))


def run(host: System, args: Arguments) -> Answer:
    """List all entries, or show one."""
    mine = host if host.uid == 0 else host.personal()
    found = past.entries(mine)
    if found is None:
        raise DeniedError("only root may read the history of this host", hint="run it with sudo")
    if args.entry is not None:
        found = [entry for entry in found if entry["number"] == args.entry]
        if not found:
            raise UsageError(f"the history has no entry {args.entry}", hint="`provisioner history` lists all of them")
    if args.format == "json":
        return Answer(answers.document(host, "history", "ok", Exit.OK, entries=found), Exit.OK)
    return Answer(_one(found[0]) if args.entry is not None else _all(found), Exit.OK)


def _all(found: list[dict[str, Any]]) -> str:
    """Return one line per entry, newest first."""
    if not found:
        return "no apply has changed this host"
    rows = [("N", "WHEN", "OUTCOME", "CHANGED")]
    for entry in found:
        changed = dict.fromkeys(d["resource"] for d in entry["changed"])
        what = (
            entry["problem"] or f"{', '.join(changed)} ({len(entry['changed'])})" if changed else entry["problem"] or ""
        )
        rows.append((str(entry["number"]), entry["time"] or "", entry["outcome"], what))
    return columns(rows, screen.width())


def _one(entry: dict[str, Any]) -> str:
    """Describe what one entry changed, and what undoes it."""
    lines = [f"entry {entry['number']} of {entry['time'] or 'an unknown time'}: {entry['outcome']}"]
    if entry["problem"]:
        lines.append(entry["problem"])
    if entry["changed"]:
        lines.append("before it:")
        rows = [
            (f"  {d['resource']}: {d['key']}", *(f"{word} {past.value(d['key'], d[side])}" for word, side in SIDES))
            for d in entry["changed"]
        ]
        lines.append(columns(rows, screen.width()))
    if entry["undo"]:
        lines.append("what undoes it:")
        lines += [f"  - {step['does']}" for step in entry["undo"]]
    return "\n".join(lines)
