"""Generates the manual pages: one for the program, one for each command, and one for provisioner.yaml.

They come from the program's own tables and from the schema, so that they match the program. `make install` makes them,
so this needs only the standard library.
"""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provisioner.cli import commandline, options
from provisioner.cli.options import Argument
from release.version import ROOT

TEXTS = "docs/man/commands.toml"
OVERVIEW = "docs/man/provisioner.1"
SCHEMA = "provisioner/config/schema.json"
STATUSES = (
    ("0", "The host is in sync; the work is done; every platform is proven."),
    (
        "1",
        "check, plan: the state could not be determined. apply: failed before anything was changed. prove: not proven.",
    ),
    ("2", "check, plan: the host differs from its configuration."),
    ("3", "apply: failed and was rolled back; the host was verified to be as before."),
    ("4", "apply, rollback: the rollback failed, too. What is left is listed."),
    ("5", "apply: done except for what is blocked."),
    ("6", "apply with `engine: all`: some engines are changed, and another one failed."),
    ("64", "The command line is wrong."),
    ("69", "There is no engine, or none that provisioner may change."),
    ("70", "A bug."),
    ("75", "Another run is in progress, or applies are on hold."),
    ("77", "Permission denied."),
    ("78", "The configuration is wrong."),
)


def pages(root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every page."""
    texts = tomllib.loads((root / TEXTS).read_text())
    yield "man1/provisioner.1", overview((root / OVERVIEW).read_text())
    for name, summary in commandline.COMMANDS.items():
        yield f"man1/provisioner-{name}.1", command(name, summary, texts.get(name, {}))
    yield "man5/provisioner.yaml.5", configuration(json.loads((root / SCHEMA).read_text()))


def overview(text: str) -> str:
    """Return the page of the program: its text, with the tables of commands and exit statuses."""
    rows = (
        (rf".BR provisioner\-{_escaped(name)} (1)", f"{_sentence(said)}.")
        for name, said in commandline.COMMANDS.items()
    )
    commands = "".join(f".TP\n{name}\n{_escaped(said)}\n" for name, said in rows)
    statuses = "".join(f".TP\n\\fB{status}\\fR\n{_escaped(meaning)}\n" for status, meaning in STATUSES)
    return text.replace('.\\" COMMANDS\n', commands).replace('.\\" STATUSES\n', statuses)


def command(name: str, summary: str, text: dict[str, Any]) -> str:
    """Return the manual page of one command."""
    arguments = options.of(name)
    lines = [
        *_head(f"PROVISIONER-{name.upper()}", "1", "User Commands", f"provisioner-{name}", summary),
        ".SH SYNOPSIS",
        rf".B provisioner {_escaped(name)}",
        *(_usage(argument) for argument in arguments),
        ".SH DESCRIPTION",
        *_paragraphs(text.get("text", ())),
        ".SH OPTIONS",
        *(line for argument in arguments for line in _option(argument)),
        ".SH EXIT STATUS",
        *(line for status, meaning in STATUSES for line in (".TP", rf"\fB{status}\fR", _escaped(meaning))),
    ]
    if text.get("examples"):
        lines.append(".SH EXAMPLES")
    for example, meaning in text.get("examples", ()):
        lines += [".PP", _escaped(meaning), ".PP", ".RS 4", ".EX", _escaped(example), ".EE", ".RE"]
    return _text([*lines, ".SH SEE ALSO", r".BR provisioner (1),", r".BR provisioner.yaml (5)"])


def configuration(schema: dict[str, Any]) -> str:
    """Return the manual page of provisioner.yaml."""
    summary = "configuration of a Docker host for provisioner"
    lines = [
        *_head("PROVISIONER.YAML", "5", "File Formats", "provisioner.yaml", summary),
        ".SH SYNOPSIS",
        r".I /etc/provisioner/provisioner.yaml",
        ".SH DESCRIPTION",
        _escaped(schema["description"]),
        "The file is YAML. Every setting is optional, and an unknown one is an error.",
        ".SH SETTINGS",
        *_settings(schema["properties"], ""),
        ".SH EXAMPLE",
        ".EX",
        "platforms: [linux/amd64, linux/arm64, linux/riscv64]",
        "image_store:",
        "  existing: migrate",
        "restart:",
        "  policy: if\\-idle",
        '  window: {days: [sat, sun], start: "02:00", length: 4h}',
        ".EE",
        ".SH SEE ALSO",
        r".BR provisioner (1),",
        r".BR provisioner\-init (1),",
        r".BR provisioner\-schema (1)",
    ]
    return _text(lines)


def _settings(properties: dict[str, Any], above: str) -> Iterator[str]:
    for name, rule in properties.items():
        path = f"{above}{name}"
        yield from (".TP", rf"\fB{_escaped(path)}\fR")
        yield _escaped(rule.get("description") or "See the schema.")
        if choices := rule.get("enum"):
            yield _escaped(f"One of: {', '.join(map(str, choices))}.")
        if "default" in rule:
            yield _escaped(f"Default: {json.dumps(rule['default'])}.")
        yield from _settings(rule.get("properties", {}), f"{path}.")


def _head(title: str, section: str, kind: str, name: str, summary: str) -> list[str]:
    first = rf'.TH {_escaped(title)} {section} "" "provisioner" "{kind}"'
    return [first, ".SH NAME", rf"{_escaped(name)} \- {_escaped(summary)}"]


def _usage(argument: Argument) -> str:
    words = _words(argument)
    many = "..." if argument.settings.get("nargs") == "+" else ""
    needed = argument.settings.get("required") or many
    return f"{words}{many}" if needed else f"[{words}]"


def _option(argument: Argument) -> list[str]:
    text = argument.settings["help"]
    default = argument.settings.get("default")
    choices = argument.settings.get("choices")
    more = f" One of: {', '.join(choices)}." if choices else ""
    more += f" Default: {default}." if isinstance(default, str) else ""
    return [".TP", _words(argument), _escaped(f"{_sentence(text).rstrip('.')}.{more}")]


def _words(argument: Argument) -> str:
    settings = argument.settings
    if not argument.name.startswith("--"):
        return rf"\fI{_escaped(settings.get('metavar', argument.name))}\fR"
    if settings.get("action") == "store_true":
        return rf"\fB{_escaped(argument.name)}\fR"
    value = settings.get("metavar") or argument.name[2:].upper()
    return rf"\fB{_escaped(argument.name)}\fR \fI{_escaped(value)}\fR"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _paragraphs(texts: list[str]) -> Iterator[str]:
    for text in texts:
        yield from (".PP", _escaped(text))


def _escaped(text: str) -> str:
    """Escape the characters in a text that roff would interpret."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{text}" if text[:1] in (".", "'") else text


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
