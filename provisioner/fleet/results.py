"""One host's result as a report needs it: read from JSON that is not trusted, and shared by hosts that are alike.

Input that is not a check result becomes a problem with a kind and a place.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

from provisioner import secrets
from provisioner.emulators import faults
from provisioner.emulators.labels import Emulator, Label
from provisioner.fleet.builds import EMULATED, NOBODY, NODE, Build

VERSIONS = (1, 2)  # of results that can be read

TRUNCATED = "no whole JSON"
FOREIGN = "JSON, but no check result"
OLDER = "of an older version"
NEWER = "of a newer version: report it with a newer provisioner"
MALFORMED = "a check result that is not as its schema has it"


FIELDS = ("interpreter", "source", "tag", "version", "flags")  # of an emulator


class Finding(NamedTuple):
    """A deviation that many hosts can share. ``state`` is drift, blocked, unknown or failed."""

    state: str
    resource: str
    key: str
    have: str
    want: str
    cause: str
    restarts: bool
    why: str
    hint: str = ""


class Likeness(NamedTuple):
    """The part of a host's last result that many hosts share. The values of ``since`` are seconds since 1970."""

    engine: str
    store: str
    agent: str
    findings: tuple[Finding, ...]
    since: tuple[int, ...]
    hold: str
    interrupted: bool
    machine: str = ""
    qemu: str = ""
    buildkit: str = ""
    runs: str = ""
    warnings: tuple[str, ...] = ()
    builds: tuple[Build, ...] = ()


class Host(NamedTuple):
    """One host's last result. ``time`` is in seconds since 1970. Hosts are ordered by their names.

    A fleet has a million of them, most of which differ in these three values alone.
    """

    name: str
    id: str
    time: int
    like: Likeness


class Problem(NamedTuple):
    """Input that is not a result: the kind of problem, and where it is."""

    kind: str
    place: str


# Hosts differ in how many images would be hidden. Numbers are replaced, so that these hosts share one cause.
_NUMBER = re.compile(r"\b\d+\b")
SOME = "some"
# Where ssh says whom it could not reach, so that a thousand hosts without a network share one cause.
_PEER = re.compile(
    r"(?<=connect to host )\S+|(?<=resolve hostname )[^\s:]+|(?<=@)[^\s:]+(?=: )|(?<= closed by )\S+(?= port )"
)
PEER = "the host"
_known: dict[Any, Any] = {}


def result(text: bytes, place: str) -> Host | Problem:
    """Read one document. ``place`` says where it is."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return Problem(TRUNCATED, place)
    if not isinstance(found, dict) or found.get("command") != "check":
        return Problem(FOREIGN, place)
    version = found.get("schema_version")
    if not isinstance(version, int):
        return Problem(MALFORMED, place)
    if version not in VERSIONS:
        return Problem(NEWER if version > VERSIONS[-1] else OLDER, place)
    try:
        return _host(found)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return Problem(MALFORMED, place)


def _host(found: dict[str, Any]) -> Host:
    rows = [*map(_difference, found["differences"]), *map(_unknown, found["unknown"])]
    if error := found.get("error"):
        rows.append(_failure(error))
    engine = found["engine"] or {"version": "", "image_store": ""}
    runs, warnings, builds = _told(found.get("platforms") or [], found.get("builder"))
    like = Likeness(
        engine=_text(engine["version"]),
        store=_text(engine["image_store"]),
        agent=_text(found["agent"]["version"]),
        findings=tuple(finding for finding, _ in rows),
        since=tuple(since for _, since in rows),
        hold=_hold(found["hold"]),
        interrupted=found["interrupted"] is not None,
        machine=_text(found["host"].get("machine") or ""),
        qemu=_emulators(found.get("platforms") or []),
        buildkit=_buildkit(found.get("builder")),
        runs=runs,
        warnings=warnings,
        builds=builds,
    )
    if like not in _known:
        like = Likeness(*map(_shared, like))
    return host(found["host"]["name"], found["host"]["id"] or "", seconds(found["time"]), _shared(like))


def host(name: Any, identity: Any, time: int, like: Likeness) -> Host:
    """Return a host's result. ``like`` is shared with others already."""
    return Host(_name(name), _text(identity), _shared(time), like)


def _hold(hold: dict[str, Any] | None) -> str:
    return secrets.text(f"until {hold['until']}: {hold['reason']}") if hold else ""


def _emulators(platforms: list[dict[str, Any]]) -> str:
    """Return the versions of QEMU, or their sources, as a short text."""
    found = [p["emulator"] for p in platforms if p.get("emulator")]
    return ", ".join(sorted({_text(e["version"] or e["tag"] or e["source"]) for e in found}))


def _buildkit(builder: dict[str, Any] | None) -> str:
    """Return the versions of BuildKit on the nodes of a builder as a short text."""
    nodes = (builder or {}).get("nodes") or []
    return ", ".join(sorted({_text(node["buildkit"]) for node in nodes if node["buildkit"]}))


_Told = tuple[str, tuple[str, ...], tuple[Build, ...]]


def _told(platforms: list[dict[str, Any]], builder: dict[str, Any] | None) -> _Told:
    """Return ``_runs``, made once for hosts that are alike."""
    key = ("runs", repr(platforms), repr(builder))
    found: _Told | None = _known.get(key)
    return found or _kept(key, _runs(platforms, builder))


def _runs(platforms: list[dict[str, Any]], builder: dict[str, Any] | None) -> _Told:
    """Return how each platform runs and which nodes the builder has, as lines of text.

    The warnings among them follow, and who builds each platform.
    """
    lines, warnings, endpoints = list[str](), list[str](), dict[str, str]()
    for row in platforms:
        sentence, warned = _platform(row)
        lines += [sentence, *(f"warning: {words}" for words in warned)]
        warnings += warned
    for node in (builder or {}).get("nodes") or []:
        name, buildkit = secrets.text(_text(node["name"])), _text(node["buildkit"] or "not known")
        endpoints[name] = secrets.text(_text(node["endpoint"] or ""))
        lines.append(f"node {name}: BuildKit {buildkit} at {endpoints[name] or 'a cluster'}")
    return "\n".join(lines), tuple(warnings), tuple(_build(row, endpoints) for row in platforms)


def _build(row: dict[str, Any], endpoints: dict[str, str]) -> Build:
    """Return who builds the platform of a row."""
    name, how, node = _text(row["platform"]), _text(row["runs"]), _node(row)
    if node:
        return Build(name, NODE, node, endpoints.get(node, ""))
    nobody = how == EMULATED and not row.get("by") and not row.get("emulator")
    return Build(name, NOBODY if nobody else how)


def _node(row: dict[str, Any]) -> str:
    """Return the node that builds a platform. Older agents name one without a name by its address."""
    return secrets.text(_text(row.get("built_on") or ""))


def _platform(row: dict[str, Any]) -> tuple[str, list[str]]:
    """Return how a platform runs, and a warning for each known fault of its QEMU."""
    name, emulator = _text(row["platform"]), row.get("emulator")
    told = None
    if emulator:
        path, source, tag, version, flags = (_text(emulator[f] or "") for f in FIELDS)
        told = Emulator(path, source, tag, version, bool(emulator["ours"]), flags)
    label = Label(name, _text(row["runs"]), _text(row.get("by") or ""), _node(row), told)
    found = faults.faults(told, name.partition("/")[2].partition("/")[0]) if told else ()
    return f"{name}: {label.sentence}", [f"QEMU {told.version} for {name} {f.words}" for f in found if told]


def _difference(d: dict[str, Any]) -> tuple[Finding, int]:
    blocked = d["blocked"] if "blocked" in d else d["held"]  # version 1 calls it held
    finding = Finding(
        state="blocked" if blocked else "drift",
        resource=_text(d["resource"]),
        key=_text(d["key"]),
        have=_value(d["key"], d["have"]),
        want=_value(d["key"], d["want"]),
        cause=_text(d["cause"] or ""),
        restarts=bool(d["restarts"]),
        why=_reason(blocked) if blocked else "",
        hint=secrets.text(_text(blocked["hint"])) if blocked else "",
    )
    return _shared(finding), seconds(d["since"]) if d["since"] else 0


def _reason(blocked: dict[str, Any]) -> str:
    """Return why something is blocked, without numbers that differ between hosts."""
    said = secrets.text(_text(blocked["message"] if "message" in blocked else blocked["reason"]))
    if "numbers" not in blocked:
        return _NUMBER.sub(SOME, said)
    numbers = {str(n) for n in blocked["numbers"].values()}
    return _NUMBER.sub(lambda m: SOME if m.group() in numbers else m.group(), said)


def _unknown(u: dict[str, Any]) -> tuple[Finding, int]:
    want = "" if u["want"] is None else _value(u["key"], u["want"])
    reason = secrets.text(_text(u["reason"]))
    return _shared(Finding("unknown", _text(u["resource"]), _text(u["key"]), "", want, "", False, reason)), 0


def _failure(error: dict[str, Any]) -> tuple[Finding, int]:
    """Convert a failed check to a finding. Hosts share its code, and its reason without their own address."""
    why, hint = _PEER.sub(PEER, secrets.text(_text(error["message"]))), secrets.text(_text(error["hint"] or ""))
    finding = Finding("failed", "check", _text(error["code"]), "", "", "", False, why, hint)
    return _shared(finding), seconds(error["since"]) if error.get("since") else 0


def _shared(value: Any) -> Any:
    """Return one shared object for equal values, to save memory. The hosts of a fleet differ little."""
    return _kept(value, value)


def _kept(key: Any, value: Any) -> Any:
    if len(_known) > 1 << 16:  # the hosts have little in common
        _known.clear()
    return _known.setdefault(key, value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _name(value: Any) -> str:
    """Return a host's name. Raises ValueError if it is empty."""
    if not (name := _text(value).strip()):
        raise ValueError(value)
    return name


def _value(key: str, value: Any) -> str:
    if isinstance(value, dict | list | float):
        raise TypeError(value)
    return (
        "missing" if value is None else str(secrets.value(key, str(value).lower() if value in (True, False) else value))
    )


def seconds(moment: Any) -> int:
    """Convert a time to seconds since 1970.

    Raises:
        ValueError, OverflowError: it is not a time, or UTC has no date for it.
    """
    found = datetime.fromisoformat(_text(moment))
    return int((found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)).timestamp())
