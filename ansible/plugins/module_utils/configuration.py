# Copyright (c) the authors of provisioner
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The agent's configuration as a module's options: the same names, types and choices as in its schema, and no defaults.

A key that a play leaves out is left out of the file, so that the agent's own default counts.
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
            "users": _LIST,
            "kubeconfig": {"type": "str"},
            "context": {"type": "str"},
            "select": {"type": "str", "choices": ["once", "always"]},
        },
    },
    "daemon": {"type": "dict"},
    "restart": {"type": "raw"},
    "repair": {"type": "list", "elements": "str", "choices": ["emulators"]},
    "packages": {"type": "str", "choices": ["auto", "never"]},
}

HEADING = "# Written by Ansible (provisioner.docker.provision): change the play, not this file.\n"
HIDDEN = "***"
_SECRETS = (
    (re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s\"'<>]*@"), r"\1" + HIDDEN + "@"),
    (
        re.compile(
            r"([\w.-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)[\w.-]*"
            r"[\"']?\s*[:=]\s*)[^\s{\[].*",
            re.IGNORECASE,
        ),
        r"\1" + HIDDEN,
    ),
)


def text(params):
    """The configuration file for a module's parameters, JSON being YAML; None: they configure nothing."""
    said = _said(OPTIONS, params)
    return HEADING + json.dumps(said, indent=2, sort_keys=True) + "\n" if said else None


def shown(content):
    """A configuration file as a diff may show it: without passwords and tokens."""
    for pattern, instead in _SECRETS:
        content = pattern.sub(instead, content)
    return content


def _said(options, params):
    """What a play says: an option that it leaves out arrives as None. Below a free mapping, null is an answer."""
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
