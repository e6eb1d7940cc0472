"""A fleet as one HTML page that needs no server or network. It contains its style, script and data.

The data is a separate block of JSON and is inserted into the page only as text. The content security policy allows
only our own script, identified by its digest.
"""

import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Any

from provisioner.fleet.read import Finding, Host
from provisioner.fleet.summary import ABSENT, RANK, STATES, Fleet
from provisioner.fleet.text import moment
from provisioner.text.terminal import printable

RESOURCES = ("daemon", "image store", "emulators", "builder")
PLACES = 200  # problems of each kind that the page lists


def render(fleet: Fleet) -> str:
    """Return the page."""
    script, style = _part("page.js"), _part("page.css")
    values = {
        "POLICY": f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; base-uri 'none'",
        "STYLE": style,
        "SCRIPT": script,
        "TIME": f"{moment(fleet.now)} UTC",
        "DATA": json.dumps(data(fleet), separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c"),
    }
    before, *parts = _part("page.html").split("@@")
    names, texts = parts[::2], parts[1::2]
    return "".join([before, *(values[n] + t for n, t in zip(names, texts, strict=True))])


def data(fleet: Fleet) -> dict[str, Any]:
    """Return the data of the page. Each host is a row of indexes, because most hosts of a large fleet are alike."""
    findings = fleet.findings()
    number = {f: i for i, (f, _, _) in enumerate(findings)}
    groups: dict[tuple[int, ...], int] = {}
    words: dict[str, int] = {}

    def row(host: Host) -> list[Any]:
        group = groups.setdefault(tuple(sorted(number[f] for f in host.findings)), len(groups))
        known = [s for s in host.since if s]
        labels = (host.engine, host.store, host.agent, host.hold, host.machine, host.qemu)
        numbers = [words.setdefault(printable(w), len(words)) for w in labels]
        state = STATES.index(fleet.state(host))
        return [printable(host.name), state, group, host.time, min(known, default=0), *numbers]

    hosts = [row(host) for host in fleet.hosts]
    return {
        "now": fleet.now,
        "silentAfter": fleet.silent_after,
        "states": STATES,
        "resources": RESOURCES,
        "findings": [[printable(v) if isinstance(v, str) else v for v in f] for f, _, _ in findings],
        "causes": _causes(findings, list(groups)),
        "missing": {"count": fleet.missing, "names": [printable(n) for n in fleet.named.get(ABSENT, ())]},
        "groups": list(groups),
        "words": list(words),
        "hosts": hosts,
        "problems": [
            [kind, count, [printable(p) for p in fleet.named[kind][:PLACES]]]
            for kind, count in fleet.problems.items()
            if kind != ABSENT
        ],
    }


def _causes(findings: Sequence[tuple[Finding, int, int]], groups: Sequence[tuple[int, ...]]) -> list[dict[str, Any]]:
    """Merge findings that the same hosts share into one cause, such as all platforms of a missing emulator."""
    members: dict[int, set[int]] = {}
    for number, group in enumerate(groups):
        for finding in group:
            members.setdefault(finding, set()).add(number)
    causes: dict[tuple[object, ...], list[int]] = {}
    for index, (f, _, _) in enumerate(findings):
        key = (f.state, f.resource, f.cause, f.why, frozenset(members.get(index, ())))
        causes.setdefault(key, []).append(index)
    found = [
        {
            "state": findings[indexes[0]][0].state,
            "findings": indexes,
            "hosts": findings[indexes[0]][1],
            "since": min((s for i in indexes if (s := findings[i][2])), default=0),
        }
        for indexes in causes.values()
    ]
    return sorted(found, key=lambda cause: RANK[str(cause["state"])])


def _part(name: str) -> str:
    return files("provisioner.fleet").joinpath("page_parts", name).read_text("utf-8")


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
