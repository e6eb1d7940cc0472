"""The output of ``detect`` as text: one line per fact, and a block for each list."""

from collections.abc import Iterator, Mapping
from typing import Any

from provisioner.checks.failure import Failure
from provisioner.cli import screen
from provisioner.text.terminal import columns

Rows = list[tuple[str, ...]]


def render(found: Mapping[str, Any], silent: Failure | None) -> str:
    """Render what ``detect`` found as text."""
    blocks = [columns([(f"{name}:", value) for name, value in _facts(found, silent)], screen.width())]
    within = max(0, screen.width() - 2)
    for title, rows in _lists(found):
        if rows:
            blocks.append("\n".join([f"{title}:", *(f"  {line}" for line in columns(rows, within).splitlines())]))
    blocks.append("\n".join(f"next: {line}" for line in found["next"]))
    return "\n\n".join(blocks)


def _facts(found: Mapping[str, Any], silent: Failure | None) -> Iterator[tuple[str, str]]:
    os, cpu, engine = found["os"], found["cpu"], found["engine"]
    yield "operating system", f"{os['name']}{', kernel ' + os['kernel'] if os['kernel'] else ''}"
    yield "CPU", f"{cpu['machine']}, runs {_list(cpu['native'])}"
    if cpu["note"]:
        yield "pages of memory", cpu["note"]
    yield "endpoint", f"{found['endpoint']['address']} (from {found['endpoint']['source']})"
    if found["before_sudo"]:
        yield "before sudo", found["before_sudo"]
    if engine is None:
        yield "engine", silent.message if silent else "none"
    else:
        yield from _engine(engine)
    programs = [f"{name} {version}" for name, version in found["programs"].items() if version]
    yield "programs", _list(programs)
    yield "package manager", found["package_manager"] or "none"
    yield "binfmt_misc", f"{found['emulators']['binfmt_misc'] or 'unknown'}{_namespaced(found)}"
    yield "builders", "unknown" if found["builders"] is None else _list(found["builders"])
    yield "BuildKit", _list([f"{version} ({node})" for node, version in found["buildkit"].items()])


def _engine(engine: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "engine", f"{engine['title']} {engine['version']}"
    yield "ours to provision", "yes" if engine["ours"] else "no"
    if engine["instead"]:
        yield "instead", engine["instead"]
    yield "image store in effect", f"{engine['image_store']} (driver {engine['storage_driver']})"
    if file := engine["configuration"]:
        yield "configuration", f"{file['path']}{'' if file['exists'] else ' (does not exist)'}"
    if engine["flags"]:
        yield "daemon flags", " ".join(engine["flags"])
    yield "restarted by", " ".join(engine["restarted_by"]) if engine["restarted_by"] else "nothing that we know"
    yield "containers", f"{engine['containers']['total']}, {engine['containers']['running']} running"
    yield "images", str(engine["images"])


def _lists(found: Mapping[str, Any]) -> Iterator[tuple[str, Rows]]:
    more = [e for e in found["engines"] if not e["counts"]]
    yield "other engines", [(e["address"], f"{e['title']} {e['version']}", e["note"]) for e in more]
    yield "platforms", [_platform(row) for row in found["emulators"]["platforms"]]
    entries = [e for e in found["registered"] if e["enabled"]]
    yield "registered emulators", [(e["name"], e["interpreter"], e["flags"]) for e in entries]
    yield "left over", [(x["name"], x["why"], "ours" if x["ours"] else "not ours") for x in found["left_over"]]
    yield "history", [(str(r["number"]), r["time"] or "", r["outcome"]) for r in found["history"] or []]


def _platform(row: Mapping[str, Any]) -> tuple[str, ...]:
    state = "" if row["state"] in ("runs", "not registered") else row["state"]
    return row["platform"], row["sentence"], state


def _namespaced(found: Mapping[str, Any]) -> str:
    return ", of a user namespace" if found["emulators"]["namespaced"] else ""


def _list(words: list[str]) -> str:
    return ", ".join(words) or "none"
