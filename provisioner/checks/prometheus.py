"""A check's result as metrics for node_exporter's textfile collector.

Times are absolute, not ages, so that an alert can detect a check that stopped running. Labels use only the four
resources, the configured platforms and fixed words, never a host name, a message or a value.
"""

import calendar
import time
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from provisioner.steps import RESTARTS

RESOURCES = ("daemon", "image store", "emulators", "builder")
STATUSES = ("in-sync", "drifted", "blocked", "unknown", "interrupted")


def render(result: dict[str, Any]) -> str:
    """Return the metrics in exposition format, without timestamps. The collector rejects files that contain them."""
    registry = CollectorRegistry(auto_describe=False)

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"provisioner_{name}", text, labels, registry=registry)

    error = result["error"]
    gauge("check_timestamp_seconds", "When the last check began, in seconds since 1970.").set(_seconds(result["time"]))
    gauge("check_success", "1 if the last check could look at the host; 0 if it failed.").set(not error)
    failing = gauge("check_failing_since_timestamp_seconds", "Since when checks have failed; 0: the last one did not.")
    failing.set(_seconds(error["since"]) if error else 0)
    reason = gauge("check_failure", "1 for the reason why the last check failed.", "reason")
    if error:
        reason.labels(error["code"]).set(1)
    gauge("check_duration_seconds", "How long the last check took.").set(result["duration_seconds"])
    gauge("apply_interrupted", "1 while an apply that was cut off waits to be undone.").set(bool(result["interrupted"]))
    until = _seconds(result["hold"]["until"]) if result["hold"] else 0
    gauge("hold_until_timestamp_seconds", "Until when applies are held on this host; 0: they are not.").set(until)
    agent = result["agent"]["version"]
    if error:  # results of an earlier check may no longer be true
        gauge("info", "What runs on this host; always 1.", "agent_version").labels(agent).set(1)
        return generate_latest(registry).decode().rstrip("\n")
    _seen(result, gauge)
    engine = result["engine"]
    info = gauge("info", "What runs on this host; always 1.", "agent_version", "engine_version", "image_store")
    info.labels(agent, engine["version"], engine["image_store"]).set(1)
    return generate_latest(registry).decode().rstrip("\n")


def _seen(result: dict[str, Any], gauge: Callable[..., Gauge]) -> None:
    """Add the metrics of a check that was able to run."""
    status = gauge("check_status", "1 for the status of the last check.", "status")
    for word in STATUSES:
        status.labels(word).set(result["status"] == word)
    drifted = gauge("drifted_keys", "Keys that are not as the configuration wants them.", "resource")
    blocked = gauge("blocked_keys", "Drifted keys about which nothing can be done now.", "resource")
    unknown = gauge("unknown_keys", "Keys that the check could not see; apply: what it would do.", "resource")
    since = gauge(
        "drift_since_timestamp_seconds", "When the oldest drift was first seen; 0: there is none.", "resource"
    )
    restart = gauge("restart_required", "1 if an apply has to restart the Docker daemon.", "resource")
    owed = gauge("restart_owed", "1 while a change waits for a restart that is not allowed now.", "resource")
    for name in RESOURCES:
        label = name.replace(" ", "_")
        wrong = [d for d in result["differences"] if d["resource"] == name]
        drifted.labels(label).set(len(wrong))
        blocked.labels(label).set(sum(1 for d in wrong if d["blocked"]))
        unknown.labels(label).set(sum(1 for u in result["unknown"] if u["resource"] == name))
        since.labels(label).set(min((_seconds(d["since"]) for d in wrong if d["since"]), default=0))
        restart.labels(label).set(any(d["restarts"] for d in wrong))
        owed.labels(label).set(any(d["blocked"]["code"] in RESTARTS for d in wrong if d["blocked"]))
    unknown.labels("apply").set(sum(1 for u in result["unknown"] if u["resource"] == "apply"))
    ready = gauge(
        "platform_ready", "1 if programs of the platform run under emulation, now and in containers.", "platform"
    )
    for row in (*result["as_wanted"], *result["differences"]):
        if row["resource"] == "emulators" and row["want"] == "runs":
            ready.labels(row["key"]).set(row.get("have", "runs") == "runs")
    runs = {row["platform"]: row for row in result["platforms"]}
    where = ("platform", "runs", "source", "qemu_version", "built_on")
    info = gauge("platform_info", "How a platform runs; always 1.", *where)
    for name, row in runs.items():
        emulator = row["emulator"] or {}
        told = (emulator.get("source") or "", emulator.get("version") or "", row["built_on"] or "")
        info.labels(name, row["runs"], *told).set(1)
    if builder := result["builder"]:
        nodes = gauge("builder_info", "A node of the builder; always 1.", "node", "driver", "buildkit_version")
        for node in builder["nodes"]:
            nodes.labels(node["name"], builder["driver"], node["buildkit"] or "").set(1)


def _seconds(moment: str) -> float:
    return float(calendar.timegm(time.strptime(moment, "%Y-%m-%dT%H:%M:%SZ")))
