# Copyright (c) the authors of provisioner
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The agent's configuration as module options, with the names, types and choices of its schema and no defaults.

A key that a play omits is not written to the file, so that the agent's default applies.
"""

from __future__ import annotations

import json
import re

_LIST = {"type": "list", "elements": "str"}

OPTIONS = {
    "engine": {"type": "str"},
    "platforms": _LIST,
    "image_store": {
        "type": "dict",
        "options": {
            "backend": {"type": "str", "choices": ["containerd", "unmanaged"]},
            "existing": {"type": "str", "choices": ["refuse", "hide", "migrate"]},
        },
    },
    "emulators": {
        "type": "dict",
        "options": {
            "source": {"type": "str", "choices": ["auto", "image", "package", "directory"]},
            "image": {"type": "str"},
            "directory": {"type": "str"},
            "credentials": {"type": "bool"},
            "replace": {"type": "bool"},
        },
    },
    "builder": {
        "type": "dict",
        "options": {
            "name": {"type": "str"},
            "driver": {"type": "str", "choices": ["docker-container", "remote", "kubernetes"]},
            "driver_options": {"type": "dict"},
            "flags": _LIST,
            "buildkitd": {"type": "dict"},
            "gc": {"type": "str", "choices": ["sized", "default"]},
            "inherit": {"type": "bool"},
            "platforms": _LIST,
            "nodes": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "endpoint": {"type": "str"},
                    "name": {"type": "str"},
                    "platforms": _LIST,
                    "driver_options": {"type": "dict"},
                    "flags": _LIST,
                },
            },
            "users": {"type": "raw"},
            "kubeconfig": {"type": "str"},
            "context": {"type": "str"},
            "select": {"type": "str", "choices": ["once", "always"]},
        },
    },
    "daemon": {"type": "dict"},
    "restart": {"type": "raw"},
    "repair": {"type": "list", "elements": "str", "choices": ["emulators"]},
    "packages": {"type": "str", "choices": ["auto", "never"]},
    "history": {"type": "int"},
    "keep": {
        "type": "list",
        "elements": "str",
        "choices": ["platforms", "qemu", "settings", "builders", "users", "nodes"],
    },
}

HEADING = "# Written by Ansible (provisioner.docker.provision): change the play, not this file.\n"
HIDDEN = "***"
# A copy of the agent's table (provisioner/secrets.py). A test compares the two, except rows that use a function.
_WORD = r"(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)"
_NAME = r"(?:[\w.\-]{0,99}" + _WORD + r"[\w.\-]{0,99}|auth|authorization)"
_NAMED = r"(?i)((?<![\w.\-])\"?" + _NAME + r"\"?\s{0,9}[=:]\s{0,9})"
_SECRETS = (
    (r"(?i)\b(bearer|basic)\s{1,9}[A-Za-z0-9+/=_.\-]{8,}", r"\1 " + HIDDEN),
    (r"(?i)([a-z][a-z0-9+.\-]{0,30}://)([^\s\"'<>]*)", lambda found: _address(found.group(1), found.group(2))),
    (_NAMED + r"([\"'])(?:((?:(?!\2)[^\\]|\\.){0,9999})\2|.*)", r"\1\2" + HIDDEN + r"\2"),
    (_NAMED + r"(?!//)[^\s,;\[{\"'][^\s,;]*", r"\1" + HIDDEN),
    (r"(?i)(--" + _NAME + r"\s{1,9})\S+", r"\1" + HIDDEN),
    (r"(?<![\w/])([\w.\-]{1,99}):[^\s@/:\"'`]{3,999}@(?!sha\d)", r"\1:" + HIDDEN + "@"),
    (r"\b(?:gh[pousr]_|github_pat_|glpat-|dckr_pat_|dckr_oat_|xox[abprs]-|AKIA)[A-Za-z0-9_\-]{8,}", HIDDEN),
    (r"\beyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*", HIDDEN),
)


def text(params):
    """Return the configuration file for a module's parameters, as JSON, which is also YAML.

    Returns None if the parameters configure nothing.
    """
    said = _said(OPTIONS, params)
    return HEADING + json.dumps(said, indent=2, sort_keys=True, ensure_ascii=False) + "\n" if said else None


def shown(content):
    """Return a configuration file without passwords and tokens, for a diff."""
    try:
        found = json.loads(content.partition(HEADING)[2] or "x")
    except ValueError:  # the file was written by hand
        return _masked(content)
    return HEADING + json.dumps(_covered(found, False), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def mode(content, present=None):
    """Return the mode of a configuration file. ``present`` is its mode now, or None if it does not exist.

    Others may not read a password. What an administrator has chosen stays otherwise.
    """
    if shown(content) == content:
        return 0o644 if present is None else present
    return 0o600 if present is None else present & ~0o007


def _masked(said):
    for pattern, instead in _SECRETS:
        said = re.sub(pattern, instead, said)
    return said


def _covered(found, hidden):
    """Mask all values of a JSON value that are stored under a secret's name."""
    if isinstance(found, dict):
        return {k: _covered(v, hidden or _secret(k)) for k, v in found.items()}
    if isinstance(found, list):  # the value after an option such as --api-key belongs to it
        options = [str(v).startswith("-") and _secret(str(v).lstrip("-")) for v in ["", *found]]
        return [_covered(v, hidden or option) for v, option in zip(found, options)]
    if hidden:
        return HIDDEN if found and not isinstance(found, bool) else found
    return _masked(found) if isinstance(found, str) else found


def _secret(name):
    """Tell whether a name is that of a secret."""
    return re.match(_NAME + r"\Z", name, re.IGNORECASE) is not None


def _address(scheme, rest):
    """Mask the user and password of an address."""
    return scheme + HIDDEN + "@" + rest.rpartition("@")[2] if "@" in rest else scheme + rest


def _said(options, params):
    """Return the options that a play sets. Omitted options arrive as None.

    Inside a mapping without fixed keys, null is a value and is kept.
    """
    found = {}
    for name, option in options.items():
        value = params.get(name)
        if value is None:
            continue
        inner = option.get("options")
        if inner and option["type"] == "list":
            value = [_said(inner, item) for item in value]
        elif inner:
            value = _said(inner, value)
        found[name] = value
    return found
