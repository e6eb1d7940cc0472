"""A fleet as one HTML page that needs no server or network. It contains its style, script and data.

The data is a separate block of JSON and is inserted into the page only as text. The content security policy allows
only our own script, identified by its digest.
"""

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Any

from provisioner.emulators import faults
from provisioner.fleet.builds import Build
from provisioner.fleet.results import Finding, Host, Likeness
from provisioner.fleet.summary import ABSENT, RANK, STATES, Fleet
from provisioner.fleet.text import moment
from provisioner.text.terminal import printable

RESOURCES = ("daemon", "image store", "emulators", "builder")
TOGETHER = 10_000  # hosts that are written at a time
PLACES = 200  # problems of each kind that the page lists


def render(fleet: Fleet) -> str:
    """Return the page."""
    script, style = _part("page.js"), _part("page.css")
    values = {
        "POLICY": [
            f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; base-uri 'none'"
        ],
        "STYLE": [style],
        "SCRIPT": [script],
        "TIME": [f"{moment(fleet.now)} UTC"],
        "DATA": [text.replace("<", "\\u003c") for text in _json(fleet)],
    }
    before, *parts = _part("page.html").split("@@")
    names, texts = parts[::2], parts[1::2]
    return "".join([before, *(part for n, t in zip(names, texts, strict=True) for part in (*values[n], t))])


def _json(fleet: Fleet) -> Iterator[str]:
    """Yield the data as JSON, with some hosts at a time. The rows of a million hosts would take 160 MB."""
    table = Table(fleet)
    yield '{"hosts":['
    for at in range(0, len(fleet.hosts), TOGETHER):
        rows = [table.row(host) for host in fleet.hosts[at : at + TOGETHER]]
        yield "," * (at > 0) + _dumps(rows)[1:-1]
    yield f"],{_dumps(table.rest())[1:]}"


def _dumps(found: Any) -> str:
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False)


class Table:
    """The data of the page. Each host is a row of indexes, because most hosts of a large fleet are alike."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._findings = fleet.findings()
        self._number = {f: i for i, (f, _, _) in enumerate(self._findings)}
        self._groups: dict[tuple[int, ...], int] = {}
        self._words: dict[str, int] = {}
        self._warnings: dict[str, dict[int, None]] = {}  # each with the words of the hosts that it is for
        self._builds: dict[Build, dict[int, None]] = {}  # the same
        self._alike: dict[int, tuple[int, list[int]]] = {}  # by the identity of a likeness, which the hosts keep

    def row(self, host: Host) -> list[Any]:
        """Return the row of a host."""
        alike = self._alike.get(id(host.like)) or self._alike.setdefault(id(host.like), self._columns(host.like))
        group, columns = alike
        return [printable(host.name), STATES.index(self._fleet.state(host)), group, host.time, *columns]

    def _columns(self, like: Likeness) -> tuple[int, list[int]]:
        """Return the group of a likeness, since when it differs, and the numbers of its words."""
        group = self._groups.setdefault(tuple(sorted(self._number[f] for f in like.findings)), len(self._groups))
        labels = (like.engine, like.store, like.agent, like.hold, like.machine, like.qemu, like.buildkit, like.runs)
        numbers = [self._words.setdefault(printable(w, keep="\n"), len(self._words)) for w in labels]
        for warning in like.warnings:
            self._warnings.setdefault(printable(warning), {})[numbers[-1]] = None
        for build in like.builds:
            self._builds.setdefault(build, {})[numbers[-1]] = None
        return group, [min((s for s in like.since if s), default=0), *numbers]

    def rest(self) -> dict[str, Any]:
        """Return everything but the hosts, once each of them has a row."""
        fleet, findings = self._fleet, self._findings
        return {
            "now": fleet.now,
            "silentAfter": fleet.silent_after,
            "image": faults.GOOD,
            "states": STATES,
            "resources": RESOURCES,
            "findings": [[printable(v) if isinstance(v, str) else v for v in f] for f, _, _ in findings],
            "causes": _causes(findings, list(self._groups)),
            "missing": {"count": fleet.missing, "names": [printable(n) for n in fleet.named.get(ABSENT, ())]},
            "groups": list(self._groups),
            "words": list(self._words),
            "warnings": [[warning, list(words)] for warning, words in self._warnings.items()],
            "builds": [
                [printable(build.platform), printable(build.place), list(self._builds[build])]
                for build, _ in fleet.builds()
            ],
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
