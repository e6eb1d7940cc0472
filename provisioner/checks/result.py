"""A check's result as JSON: what ``--format json`` prints, the timer stores and ``report`` reads.

`schemas.py` describes it. Secrets are masked here, before any format is rendered.
"""

from collections.abc import Mapping

from provisioner import secrets
from provisioner.config.desired import Desired
from provisioner.config.load import Configuration
from provisioner.engine import stores
from provisioner.engine.facts import Facts
from provisioner.errors import Exit, ProvisionerError
from provisioner.host import System
from provisioner.model import NOTE, Reader, Unknown
from provisioner.runs import compare, freeze, receipts
from provisioner.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from provisioner.checks.failure import Failure
    from provisioner.checks.record import Result

RUNNING = "an apply is running: what differs now may be as wanted when it ends"
# Each status of a check and its exit status, worst first.
STATUSES = {
    "interrupted": Exit.DRIFT,
    "drifted": Exit.DRIFT,
    "blocked": Exit.DRIFT,
    "unknown": Exit.FAILED,
    "in-sync": Exit.OK,
}


def found(host: System, facts: Facts, wanted: Desired, started: float, *, recording: bool = False) -> "Result":
    """Check the host and return the result. ``started`` is ``host.clock()`` from the start of the check."""
    now = host.now()
    seen = compare.look(host, facts, wanted)
    wrong = compare.drifted(seen)
    drifted = tuple((r, d) for r, d in wrong if not isinstance(d.have, Unknown))
    differing = {(r, d.key) for r, d in wrong}
    cut = receipts.unended(host)
    running = cut is not None and receipts.running(host)
    held = freeze.read(host, now)
    result: Result = {
        "status": "in-sync",
        "exit_status": 0,
        "error": None,
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
        from provisioner.checks import explain  # not needed for a host that is in sync

        host.keep_answers()  # explaining plans each resource alone, too
        told = explain.told(host, facts, wanted, drifted, now, recording=recording)
        result |= {**told, "unknown": result["unknown"] + told["unknown"]}
    result["status"] = status(result)
    result["exit_status"] = int(STATUSES[result["status"]])
    result["duration_seconds"] = round(host.clock() - started, 4)
    return secrets.everywhere(result) if wrong or held else _masked(result)


def status(result: "Result") -> str:
    """Return the worst status that applies, one of STATUSES."""
    differences = result["differences"]
    if result["interrupted"]:
        return "interrupted"
    if differences:
        return "blocked" if all(d["blocked"] for d in differences) else "drifted"
    return "unknown" if result["unknown"] else "in-sync"


def identified(result: "Result", host: Reader, facts: Facts, wanted: Desired, configuration: Configuration) -> "Result":
    """Add the host, engine, agent, configuration, and how each platform runs to a result."""
    from provisioner.checks import identity, platforms
    from provisioner.emulators import labels
    from provisioner.runs import versions

    engine = {
        "endpoint": secrets.text(facts.endpoint.host),
        "kind": facts.engine.kind,
        "version": facts.engine.version_text,
        "image_store": stores.store(facts.engine),
    }
    head = identity.head(host, "check", facts.engine.name)
    known = versions.read(host, wanted)
    more = {
        "engine": engine,
        "configuration": _configuration(configuration),
        "platforms": platforms.rows(labels.labels(facts, wanted, known.qemu)),
        "builder": _builder(facts, wanted, known.buildkit),
    }
    return {**head, **more, **result}


def _builder(facts: Facts, wanted: Desired, versions: Mapping[str, str]) -> dict[str, Any]:
    """Describe the wanted builder and its nodes, each with BuildKit's version as the last apply saw it."""
    from provisioner.builder import wanted as asked

    found = asked.nodes(wanted.builder, facts)
    nodes = [
        {
            "name": node.name,
            "endpoint": secrets.text(node.endpoint) or None,
            "platforms": list(node.platforms),
            "buildkit": versions.get(node.name),
        }
        for node in found
    ]
    return {"name": wanted.builder.name, "driver": wanted.builder.driver, "nodes": nodes}


def failed(host: System, failure: "Failure", configuration: Configuration | None, started: float) -> "Result":
    """Return the result of a check that could not run. It keeps the findings of the last check that could."""
    from provisioner.checks import identity, record

    head = identity.head(host, "check")
    last = record.read(host)
    since = last["error"].get("since") if last.get("status") == "failed" else head["time"]
    known = {name: last.get(name) for name in ("time", "differences")} if last else None
    return {
        **head,
        "engine": None,
        "platforms": [],
        "builder": None,
        "configuration": _configuration(configuration) if configuration else None,
        "status": "failed",
        "exit_status": failure.exit_status,
        "error": {**secrets.everywhere(failure.as_json()), "since": since or head["time"]},
        "differences": [],
        "unknown": [],
        "as_wanted": [],
        "apply": [],
        "notes": [],
        "repair": [],
        "hold": _hold(host, head["time"]),
        "interrupted": receipts.interrupted(host),
        "last_known": last.get("last_known") if last.get("status") == "failed" else known,
        "duration_seconds": round(host.clock() - started, 4),
    }


def _hold(host: Reader, now: str) -> dict[str, Any] | None:
    try:
        found = freeze.read(host, now)
    except (ProvisionerError, OSError):
        return None
    return secrets.everywhere(found._asdict()) if found else None


def _configuration(found: Configuration) -> dict[str, Any]:
    """Identify the configuration. The digest shows whether two hosts have different configurations."""
    from hashlib import sha256

    digest = None if found.text is None else sha256(found.text.encode("utf-8", "surrogateescape")).hexdigest()
    return {"path": found.path, "sha256": digest}


def _masked(result: "Result") -> "Result":
    """Mask secrets in the result of a host in sync, where only wanted values can hold one.

    It tests all values at once first, which takes a tenth of the time.
    """
    if secrets.suspicious("\n".join(f"{row['key']}\n{row['want']}" for row in result["as_wanted"])):
        result["as_wanted"] = secrets.everywhere(result["as_wanted"])
    return result
