"""Check results to render, made by hand."""

from typing import Any

DRIFT: dict[str, Any] = {
    "resource": "emulators",
    "key": "linux/arm64",
    "have": "not registered",
    "want": "runs",
    "cause": "corrective",
    "since": "2020-11-20T08:00:00Z",
    "restarts": False,
    "held": None,
}
HELD: dict[str, Any] = {
    "resource": "image store",
    "key": "in effect",
    "have": "overlay2",
    "want": "containerd",
    "cause": "intended",
    "since": None,
    "restarts": True,
    "held": {"reason": "the switch would hide 3 images", "hint": "save them"},
}
UNKNOWN: dict[str, Any] = {
    "resource": "builder",
    "key": "registered",
    "want": "docker-container",
    "reason": "/root/.docker: this user may not read it",
}


def result(
    *differences: dict[str, Any],
    unknown: tuple[dict[str, Any], ...] = (),
    name: str = "build-1",
    time: str = "2020-11-23T10:00:00Z",
    **more: Any,
) -> dict[str, Any]:
    """One host's result, as the schema has it."""
    return {
        "schema_version": 1,
        "command": "check",
        "host": {"name": name, "id": f"id of {name}", "machine": "x86_64"},
        "engine": {
            "endpoint": "unix:///var/run/docker.sock",
            "flavour": "engine",
            "version": "28.5.2",
            "image_store": "containerd",
        },
        "agent": {"version": "0.1.0"},
        "configuration": {"path": None, "sha256": None},
        "status": 2 if differences else 1 if unknown else 0,
        "time": time,
        "differences": list(differences),
        "unknown": list(unknown),
        "as_wanted": [{"resource": "emulators", "key": "linux/s390x", "want": "runs"}],
        "apply": [],
        "notes": [],
        "repair": [],
        "hold": None,
        "interrupted": None,
        "duration_seconds": 0.031,
        **more,
    }
