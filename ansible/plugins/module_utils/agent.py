# Copyright (c) the authors of provisioner
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find and run the agent for a module. Only the agent knows how to examine and change a host."""

from __future__ import annotations

import json
import os

# Ansible should not get a builder of its own. SUDO_USER would otherwise name the user that Ansible logs in as.
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "SUDO_USER": "root"}
CONFIGURATION = "/etc/provisioner/provisioner.yaml"
NAME = "provisioner"
FOLDERS = ["/usr/local/bin", "/usr/bin"]
KNOWN = 2  # the schema_version that these modules read
ROLLED_BACK = 3
ROLLBACK_FAILED = 4
MISSING = "the agent is not installed on this host"


class Answer:
    """The result of a run: the agent's ``status`` and ``document``, and the ``sentence`` and ``hint`` of a failure."""

    def __init__(self, status, document, sentence="", hint="", code=""):
        self.status = status
        self.document = document
        self.sentence = sentence
        self.hint = hint
        self.code = code

    @property
    def failed(self):
        """Tell whether the agent reported a failure."""
        return bool(self.sentence)

    @property
    def reason(self):
        """Return the failure as one line."""
        return f"{self.sentence} ({self.hint})" if self.hint else self.sentence


def find(module):
    """Return the agent's path, or None if it is not installed."""
    return module.get_bin_path(module.params["executable"], opt_dirs=FOLDERS)


def configured(path):
    """Return the options that name the configuration.

    Without a file at the default path, there are no options and the agent uses its defaults.
    """
    return ["--config", path] if path != CONFIGURATION or os.path.exists(path) else []


def ask(module, program, command, *arguments):
    """Run one command of the agent and return its answer. The agent prints one JSON document."""
    argv = [program, command, "--format", "json", *list(arguments)]
    # Root's locale may be unable to represent a path that the agent prints.
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
