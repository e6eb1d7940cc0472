"""A check's result as metrics for node_exporter's textfile collector.

Times are times, not ages, so that an alert can tell a check that no longer runs. Labels are the four resources and the
configured platforms: never a host's name, a message or a value.
"""

import calendar
import time
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest

RESOURCES = ("daemon", "image store", "emulators", "builder")


def render(result: dict[str, Any]) -> str:
    """The exposition format. Without timestamps: the collector refuses a file that has any."""
    registry = CollectorRegistry(auto_describe=False)

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"provisioner_{name}", text, labels, registry=registry)

    gauge("check_timestamp_seconds", "When the last check ended, in seconds since 1970.").set(_seconds(result["time"]))
    gauge("check_duration_seconds", "How long the last check took.").set(result["duration_seconds"])
    gauge("apply_interrupted", "1 while an apply that was cut off waits to be undone.").set(bool(result["interrupted"]))
    until = _seconds(result["hold"]["until"]) if result["hold"] else 0
    gauge("hold_until_timestamp_seconds", "Until when applies are held on this host; 0: they are not.").set(until)
    drifted = gauge("drifted_keys", "Keys that are not as the configuration wants them.", "resource")
    held = gauge("held_keys", "Drifted keys that policy or the host forbids to mend now.", "resource")
    unknown = gauge("unknown_keys", "Keys that the check was not allowed to see.", "resource")
    since = gauge(
        "drift_since_timestamp_seconds", "When the oldest drift was first seen; 0: there is none.", "resource"
    )
    restart = gauge("restart_required", "1 if mending the drift restarts the Docker daemon.", "resource")
    for name in RESOURCES:
        label = name.replace(" ", "_")
        wrong = [d for d in result["differences"] if d["resource"] == name]
        drifted.labels(label).set(len(wrong))
        held.labels(label).set(sum(1 for d in wrong if d["held"]))
        unknown.labels(label).set(sum(1 for u in result["unknown"] if u["resource"] == name))
        since.labels(label).set(min((_seconds(d["since"]) for d in wrong if d["since"]), default=0))
        restart.labels(label).set(any(d["restarts"] for d in wrong))
    ready = gauge(
        "platform_ready", "1 if programs of the platform run under emulation, now and in containers.", "platform"
    )
    for row in (*result["as_wanted"], *result["differences"]):
        if row["resource"] == "emulators" and row["want"] == "runs":
            ready.labels(row["key"]).set(row.get("have", "runs") == "runs")
    engine, agent = result["engine"], result["agent"]
    info = gauge("info", "What runs on this host; always 1.", "agent_version", "engine_version", "image_store")
    info.labels(agent["version"], engine["version"], engine["image_store"]).set(1)
    return generate_latest(registry).decode().rstrip("\n")


def _seconds(moment: str) -> float:
    return float(calendar.timegm(time.strptime(moment, "%Y-%m-%dT%H:%M:%SZ")))
