"""What a check found, as JSON has it: what ``--format json`` prints, the timer keeps and ``report`` reads.

Described by result.schema.json. Secrets are hidden here, before anything is rendered.
"""

from provisioner import __version__, secrets
from provisioner.checks.record import SCHEMA_VERSION, Result
from provisioner.config.desired import Desired
from provisioner.config.load import Configuration
from provisioner.engine import stores
from provisioner.engine.facts import Facts
from provisioner.errors import Exit
from provisioner.host import System
from provisioner.model import NOTE, Reader, Unknown
from provisioner.runs import compare, freeze, receipts

RUNNING = "an apply is running: what is not as wanted now may be so at its end"


def found(host: System, facts: Facts, wanted: Desired, started: float, *, recording: bool = False) -> Result:
    """What there is to say about the host; ``started`` is ``host.clock()`` when the check began."""
    now = host.now()
    seen = compare.look(host, facts, wanted)
    wrong = compare.drifted(seen)
    drifted = tuple((r, d) for r, d in wrong if not isinstance(d.have, Unknown))
    differing = {(r, d.key) for r, d in wrong}
    cut = receipts.unended(host)
    running = cut is not None and receipts.running(host)
    held = freeze.read(host, now)
    result: Result = {
        "status": 0,
        "time": now,
        "differences": [],
        "unknown": [
            {"resource": r, "key": d.key, "want": d.want, "reason": str(d.have)}
            for r, d in wrong
            if isinstance(d.have, Unknown)
        ],
        "as_wanted": [
            {"resource": r, "key": k, "want": w}
            for r, want, _ in seen
            for k, w in want.items()
            if (r, k) not in differing
        ],
        "apply": [],
        "notes": [*([RUNNING] if running else []), *(str(have[NOTE]) for _, _, have in seen if have.get(NOTE))],
        "repair": list(wanted.repair),
        "hold": held and held._asdict(),
        "interrupted": None if running else cut,
    }
    if drifted:
        from provisioner.checks import explain  # what a host in sync has nothing of

        told = explain.told(host, facts, wanted, drifted, now, recording=recording)
        result |= {**told, "unknown": result["unknown"] + told["unknown"]}
    result["status"] = int(status(result))
    result["duration_seconds"] = round(host.clock() - started, 4)
    return secrets.everywhere(result) if wrong or held else _masked(result)


def status(result: Result) -> Exit:
    """Drift, else unknown, else in sync."""
    if result["differences"] or result["interrupted"]:
        return Exit.DRIFT
    return Exit.FAILED if result["unknown"] else Exit.OK


def identified(result: Result, host: Reader, facts: Facts, configuration: Configuration) -> Result:
    """A result with whose it is: host, engine, agent, configuration."""
    from hashlib import sha256  # 3 ms that an answer on a terminal need not pay

    text = configuration.text
    machine = (host.read("/etc/machine-id") or "").strip()
    return {
        "schema_version": SCHEMA_VERSION,
        "command": "check",
        "host": {
            "name": facts.engine.name,
            # systemd asks to show no machine id as it is
            "id": sha256(f"provisioner {machine}".encode()).hexdigest()[:32] if machine else None,
            "machine": host.machine,
        },
        "engine": {
            "endpoint": secrets.text(facts.endpoint.host),
            "flavour": facts.engine.kind,
            "version": facts.engine.version_text,
            "image_store": stores.store(facts.engine),
        },
        "agent": {"version": __version__},
        "configuration": {
            "path": configuration.path,
            "sha256": None if text is None else sha256(text.encode("utf-8", "surrogateescape")).hexdigest(),
        },
        **result,
    }


def _masked(result: Result) -> Result:
    """In sync: only what was wanted can hold a secret. All of it is looked through at once, which takes a tenth."""
    if secrets.suspicious("\n".join(f"{row['key']}\n{row['want']}" for row in result["as_wanted"])):
        result["as_wanted"] = secrets.everywhere(result["as_wanted"])
    return result
