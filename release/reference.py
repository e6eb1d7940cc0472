"""The website's reference pages that are made from the program: commands, configuration, documents, metrics, units."""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from provisioner.checks import prometheus, schemas
from provisioner.cli import commandline, journald, options
from provisioner.cli.options import Argument
from release import manual
from release.version import ROOT

# The least that metrics can be made of. What is listed here decides only which labels there are.
RESULT: dict[str, Any] = {
    "error": None,
    "time": "2026-01-01T00:00:00Z",
    "status": "in-sync",
    "duration_seconds": 0.04,
    "interrupted": None,
    "hold": None,
    "agent": {"version": "1"},
    "engine": {"version": "29.0.0", "image_store": "containerd"},
    "differences": [],
    "unknown": [],
    "as_wanted": [{"resource": "emulators", "key": "linux/arm64", "want": "runs"}],
    "builder": {"driver": "docker-container", "nodes": [{"name": "container-builder0", "buildkit": "v0.34.2"}]},
    "platforms": [
        {
            "platform": "linux/arm64",
            "runs": "emulated",
            "built_on": None,
            "emulator": {"source": "image", "version": "10"},
        }
    ],
}
OWN = ("command", "status")  # fields of every document that differ from one to another
LEVELS = {3: "error", 4: "warning", 5: "notice", 6: "information"}


def pages() -> dict[str, str]:
    """Return the Markdown of each page, by its name."""
    schema = json.loads((ROOT / manual.SCHEMA).read_text())
    return {
        "command-line": command_line(),
        "configuration": configuration(schema),
        "documents": documents(),
        "metrics": metrics(),
        "units": units(),
    }


def command_line() -> str:
    """Return the page of every command with its options, and of the exit statuses."""
    texts = tomllib.loads((ROOT / manual.TEXTS).read_text())
    lines = [
        "# Every command and option",
        "",
        "The program prints the same with `--help`. Each command has a manual page.",
    ]
    common = [a for a in options.of("init") if a.name != "--format"]
    for name, summary in commandline.COMMANDS.items():
        text = texts.get(name, {})
        lines += ["", f"## provisioner {name}", "", f"{summary[:1].upper()}{summary[1:]}.", ""]
        lines += [paragraph + "\n" for paragraph in text.get("text", ())]
        lines += _table(("option", "meaning"), (_option(a) for a in options.of(name) if a not in common))
        for example, meaning in text.get("examples", ()):
            lines += ["", meaning, "", "```sh", example, "```"]
    lines += ["", "## Options of every command", "", *_table(("option", "meaning"), map(_option, common))]
    lines += ["", "## Exit statuses", "", *_table(("exit status", "meaning"), manual.STATUSES)]
    return _text(lines)


def _option(argument: Argument) -> tuple[str, str]:
    settings = argument.settings
    value = settings.get("metavar") or argument.name.strip("-").upper()
    flag = settings.get("action") == "store_true"
    words = argument.name if flag else f"{argument.name} {value}" if argument.name.startswith("--") else value
    choices = settings.get("choices")
    more = f". One of: {', '.join(f'`{choice}`' for choice in choices)}" if choices else ""
    return f"`{words}`", f"{_prose(settings['help'][:1].upper() + settings['help'][1:])}{more}"


def configuration(schema: dict[str, Any]) -> str:
    """Return the page about provisioner.yaml."""
    head = ["# Configuration", "", f"The file is `/etc/provisioner/provisioner.yaml`. {schema['description']}", ""]
    head += ["An unknown setting is an error. `provisioner init` prints every setting with comments.", ""]
    return _text([*head, *_settings(schema["properties"], "")])


def _settings(properties: dict[str, Any], above: str) -> Iterator[str]:
    for name, rule in properties.items():
        path = f"{above}{name}"
        said = _prose(rule.get("description", "See `provisioner schema`."))
        yield f"{'##' if not above else '###'} {path}\n\n{said}\n"
        if choices := rule.get("enum"):
            yield f"One of: {', '.join(f'`{choice}`' for choice in choices)}.\n"
        if "default" in rule:
            yield f"Default: `{json.dumps(rule['default'])}`\n"
        yield from _settings(rule.get("properties", {}), f"{path}.")


def _prose(text: str) -> str:
    """Return a sentence for a page. The page must show <word> as text, not as a tag."""
    pieces = text.split("`")
    return "`".join(piece if number % 2 else piece.replace("<", r"\<") for number, piece in enumerate(pieces))


def documents() -> str:
    """Return the page of the JSON documents."""
    every = schemas.document("setup")["properties"]
    lines = [
        "# JSON documents",
        "",
        "`provisioner COMMAND --format json` prints one document, whatever happened. `provisioner schema COMMAND`",
        "prints its JSON Schema in full. Within one `schema_version`, fields are only added.",
        "",
        "## Fields of every document",
        "",
        *_table(("field", "type"), ((f"`{name}`", _kind(rule)) for name, rule in every.items() if name not in OWN)),
    ]
    for command in sorted(schemas.DOCUMENTS):
        found = schemas.document(command)["properties"]
        rows = [(f"`{name}`", _kind(rule)) for name, rule in found.items() if name not in every or name in OWN]
        lines += ["", f"## {command}", "", *_table(("field", "type"), rows)]
    return _text(lines)


def _kind(rule: dict[str, Any]) -> str:
    """Say in words which values a schema allows."""
    if "const" in rule:
        return f"`{json.dumps(rule['const'])}`"
    if "enum" in rule:
        return "one of " + ", ".join(f"`{json.dumps(value)}`" for value in rule["enum"])
    if "anyOf" in rule:
        return ", or ".join(_kind(part) for part in rule["anyOf"])
    if rule.get("type") == "array":
        return f"list; each: {_kind(rule.get('items', {}))}"
    if fields := rule.get("properties"):
        return "object with " + ", ".join(f"`{name}`" for name in fields)
    if "pattern" in rule and "T[0-9]" in rule["pattern"]:
        return "time, such as `2026-01-01T08:00:00Z`"
    kind = rule.get("type", "any value")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def metrics() -> str:
    """Return the page of the metrics."""
    text = prometheus.render(RESULT)
    helps = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.MULTILINE))
    labels = {name: re.findall(r"(\w+)=", inner) for name, inner in re.findall(r"^(\w+)\{(.*)\}", text, re.MULTILINE)}
    rows = ((f"`{name}`", ", ".join(labels.get(name, ())), meaning) for name, meaning in helps.items())
    lines = [
        "# Metrics",
        "",
        "`provisioner check --textfile-dir DIR` writes these for node_exporter. `--format prometheus` prints them.",
        "Every metric is a gauge. If a check fails, only the metrics about the check itself are there.",
        "",
        *_table(("metric", "labels", "meaning"), rows),
    ]
    return _text(lines)


def units() -> str:
    """Return the page of the systemd units, and of the events in the journal."""
    rows = []
    for path in sorted((ROOT / "systemd").glob("*.[st]*")):
        if path.suffix in (".service", ".timer"):
            text = path.read_text()
            rows.append((f"`{path.name}`", _value(text, "Description"), _runs(text)))
    lines = ["# Units and events", "", "## systemd units", "", *_table(("unit", "purpose", "runs"), rows)]
    lines += ["", "## Events in the journal", "", "`journalctl -t provisioner -x` shows them with explanations.", ""]
    events = ((f"`{name}`", LEVELS[event.priority], f"`{event.message_id}`") for name, event in journald.EVENTS.items())
    return _text([*lines, *_table(("event", "priority", "`MESSAGE_ID`"), events)])


def _value(text: str, key: str) -> str:
    found = re.search(rf"^{key}=(.*)$", text, re.MULTILINE)
    return found[1] if found else ""


def _runs(text: str) -> str:
    command = _value(text, "ExecStart").replace("@PREFIX@/bin/", "")
    return f"`{command}`" if command else f"every hour: {_value(text, 'OnCalendar')}".removesuffix(": ")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    names = tuple(head)
    lines = [tuple(cell.replace("|", r"\|") for cell in row) for row in rows]
    return [f"| {' | '.join(row)} |" for row in (names, ("---",) * len(names), *lines)]


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def write(folder: Path) -> None:
    """Write every page into a folder."""
    for name, text in pages().items():
        (folder / f"{name}.md").write_text(text)
