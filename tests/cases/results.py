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
    "blocked": None,
}
HELD: dict[str, Any] = {
    "resource": "image store",
    "key": "in effect",
    "have": "overlay2",
    "want": "containerd",
    "cause": "intended",
    "since": None,
    "restarts": True,
    "blocked": {
        "code": "images-hidden",
        "message": "the switch would hide 3 images",
        "hint": "save them",
        "numbers": {"images": 3},
    },
}
PLATFORM: dict[str, Any] = {
    "platform": "linux/s390x",
    "runs": "emulated",
    "by": None,
    "built_on": None,
    "emulator": {
        "interpreter": "/usr/local/lib/provisioner/qemu/qemu-v10.0.4/qemu-s390x",
        "source": "image",
        "tag": "qemu-v10.0.4",
        "version": "10.0.4",
        "ours": True,
        "flags": "POCF",
    },
}
# linux/arm64 is built on another host of the fleet.
ON_A_NODE: dict[str, Any] = {**PLATFORM, "platform": "linux/arm64", "built_on": "native-arm-1"}
OWN: dict[str, Any] = {**PLATFORM, "platform": "linux/amd64", "runs": "native", "emulator": None}
ERROR: dict[str, Any] = {
    "code": "engine-stopped",
    "message": "Docker is not running (nothing listens on /var/run/docker.sock)",
    "hint": "start it with `systemctl start docker`",
    "rolled_back": None,
    "since": "2020-11-23T08:00:00Z",
}
BUILT_BY: dict[str, Any] = {
    "name": "container-builder",
    "driver": "docker-container",
    "nodes": [
        {
            "name": "container-builder0",
            "endpoint": "unix:///var/run/docker.sock",
            "platforms": [],
            "buildkit": "v0.34.2",
        }
    ],
}
BUILT_BY_TWO: dict[str, Any] = {
    **BUILT_BY,
    "nodes": [
        *BUILT_BY["nodes"],
        {"name": "native-arm-1", "endpoint": "ssh://native-arm-1", "platforms": ["linux/arm64"], "buildkit": "v0.34.2"},
    ],
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
        "schema_version": 2,
        "command": "check",
        "host": {"name": name, "id": f"id of {name}", "machine": "x86_64"},
        "engine": {
            "endpoint": "unix:///var/run/docker.sock",
            "kind": "engine",
            "version": "28.5.2",
            "image_store": "containerd",
        },
        "agent": {"version": "0.1.0"},
        "configuration": {"path": None, "sha256": None},
        "status": (
            ("blocked" if all(d["blocked"] for d in differences) else "drifted")
            if differences
            else ("unknown" if unknown else "in-sync")
        ),
        "exit_status": 2 if differences else 1 if unknown else 0,
        "error": None,
        "time": time,
        "differences": list(differences),
        "unknown": list(unknown),
        "platforms": [PLATFORM],
        "builder": BUILT_BY,
        "as_wanted": [{"resource": "emulators", "key": "linux/s390x", "want": "runs"}],
        "apply": [],
        "notes": [],
        "repair": [],
        "hold": None,
        "interrupted": None,
        "duration_seconds": 0.031,
        **more,
    }


def failed(name: str = "build-1", **more: Any) -> dict[str, Any]:
    """The result of a check that could not look."""
    nothing: dict[str, Any] = {
        "engine": None,
        "configuration": None,
        "platforms": [],
        "builder": None,
        "as_wanted": [],
        "last_known": None,
    }
    return result(name=name, **{**nothing, "status": "failed", "exit_status": 69, "error": ERROR, **more})


def version_1(found: dict[str, Any]) -> dict[str, Any]:
    """The same result as an agent of version 1 wrote it."""
    rows = [
        {
            **{key: value for key, value in row.items() if key != "blocked"},
            "held": row["blocked"] and {"reason": row["blocked"]["message"], "hint": row["blocked"]["hint"]},
        }
        for row in found["differences"]
    ]
    gone = ("error", "exit_status", "platforms", "builder")
    kept = {key: value for key, value in found.items() if key not in gone}
    return {**kept, "schema_version": 1, "status": found["exit_status"], "differences": rows}
