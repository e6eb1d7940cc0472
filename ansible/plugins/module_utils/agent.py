# Copyright (c) the authors of provisioner
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The agent as a module sees it: where it is, what it is asked, its answer. All knowledge of hosts is its own."""

from __future__ import annotations

import json
import os

# Nobody asks for a builder of their own through Ansible: sudo names whoever Ansible logs in as.
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "SUDO_USER": "root"}
CONFIGURATION = "/etc/provisioner/provisioner.yaml"
NAME = "provisioner"
FOLDERS = ["/usr/local/bin", "/usr/bin"]
KNOWN = 2  # the schema_version that these modules read
ROLLED_BACK = 3
ROLLBACK_FAILED = 4
MISSING = "the agent is not installed on this host"


class Answer:
    """How a run of the agent ended: its ``status`` and ``document``, and the ``sentence`` and ``hint`` of a failure."""

    def __init__(self, status, document, sentence="", hint="", code=""):
        self.status = status
        self.document = document
        self.sentence = sentence
        self.hint = hint
        self.code = code

    @property
    def failed(self):
        """Whether the agent has no answer but a failure."""
        return bool(self.sentence)

    @property
    def reason(self):
        """The failure as one line."""
        return f"{self.sentence} ({self.hint})" if self.hint else self.sentence


def find(module):
    """The agent's path; None where it is not installed."""
    return module.get_bin_path(module.params["executable"], opt_dirs=FOLDERS)


def configured(path):
    """The options that name a configuration. Only the default one may be missing: then the agent's defaults count."""
    return ["--config", path] if path != CONFIGURATION or os.path.exists(path) else []


def ask(module, program, command, *arguments):
    """Run one command of the agent, whose answer is always one JSON document."""
    argv = [program, command, "--format", "json", *list(arguments)]
    # Root's locale may be one in which the agent could not print a path.
    status, out, err = module.run_command(argv, environ_update=ENVIRONMENT)
    try:
        document = json.loads(out)
        version = document["schema_version"]
    except (ValueError, KeyError, TypeError):
        said = (out.strip() or err.strip())[-200:]
        return Answer(status, {}, f"{program} {command} did not answer in JSON", said, "no-document")
    if version != KNOWN:
        hint = "install a collection and an agent of the same version"
        return Answer(status, {}, f"the agent answers in version {version} of its format", hint, "version")
    error = document.get("error")
    if error:
        return Answer(status, document, error["message"], error["hint"], error["code"])
    return Answer(status, document)
