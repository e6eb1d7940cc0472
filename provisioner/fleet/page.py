"""A fleet as one HTML page that needs no server and no network: style, script and data are inside.

The data is JSON in a block of its own and reaches the page as text only. The policy in the head lets nothing run but
our one script, which it names by its digest.
"""

import json
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import Any

from provisioner.fleet.read import Host
from provisioner.fleet.summary import STATES, Fleet
from provisioner.fleet.text import moment
from provisioner.text.terminal import printable

RESOURCES = ("daemon", "image store", "emulators", "builder")
PLACES = 200  # problems of a kind that the page names


def render(fleet: Fleet) -> str:
    """The page."""
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
    """What the page shows. Hosts are rows of numbers, because most of a large fleet is the same."""
    findings = fleet.findings()
    number = {f: i for i, (f, _, _) in enumerate(findings)}
    groups: dict[tuple[int, ...], int] = {}
    words: dict[str, int] = {}

    def row(host: Host) -> list[Any]:
        group = groups.setdefault(tuple(sorted(number[f] for f in host.findings)), len(groups))
        known = [s for s in host.since if s]
        labels = [words.setdefault(printable(w), len(words)) for w in (host.engine, host.store, host.agent, host.hold)]
        state = STATES.index(fleet.state(host))
        return [printable(host.name), state, group, host.time, min(known, default=0), int(host.interrupted), *labels]

    hosts = [row(host) for host in fleet.hosts]
    return {
        "now": fleet.now,
        "silentAfter": fleet.silent_after,
        "states": STATES,
        "resources": RESOURCES,
        "findings": [[*(printable(v) if isinstance(v, str) else v for v in f), n, since] for f, n, since in findings],
        "groups": list(groups),
        "words": list(words),
        "hosts": hosts,
        "problems": [
            [kind, count, [printable(p) for p in fleet.named[kind][:PLACES]]] for kind, count in fleet.problems.items()
        ],
    }


def _part(name: str) -> str:
    return files("provisioner.fleet").joinpath("page_parts", name).read_text("utf-8")


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
