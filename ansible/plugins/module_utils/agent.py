# Copyright (c) the authors of provisioner
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The agent as a module sees it: where it is, what it is asked, its answer. All knowledge of hosts is its own."""

from __future__ import annotations

import json
import os

CONFIGURATION = "/etc/provisioner/provisioner.yaml"
NAME = "provisioner"
FOLDERS = ["/usr/local/bin", "/usr/bin"]
KNOWN = 1  # the schema_version that these modules read
ROLLED_BACK = 3
ROLLBACK_FAILED = 4
MISSING = "the agent is not installed on this host"


class Answer:
    """How a run of the agent ended: ``status``, its ``document``, or the ``sentence`` and ``hint`` of its error."""

    def __init__(self, status, document, sentence="", hint=""):
        self.status = status
        self.document = document
        self.sentence = sentence
        self.hint = hint

    @property
    def reason(self):
        """The error as one line."""
        return f"{self.sentence} ({self.hint})" if self.hint else self.sentence


def find(module):
    """The agent's path; None where it is not installed."""
    return module.get_bin_path(module.params["executable"], opt_dirs=FOLDERS)


def configured(path):
    """The options that name a configuration. Only the default one may be missing: then the agent's defaults count."""
    return ["--config", path] if path != CONFIGURATION or os.path.exists(path) else []


def ask(module, program, command, *arguments):
    """Run one command of the agent. Whatever is no answer of its own, a traceback say, becomes the sentence."""
    argv = [program, command, "--format", "json", *list(arguments)]
    # Root's locale may be one in which the agent could not print a path.
    status, out, err = module.run_command(argv, environ_update={"LC_ALL": "C.UTF-8"})
    if not out.strip():
        return Answer(status, {}, *_words(status, err))
    try:
        document = json.loads(out)
        version = document["schema_version"]
    except (ValueError, KeyError, TypeError):
        return Answer(status, {}, f"{program} {command} did not answer in JSON", out.strip()[:200])
    if version != KNOWN:
        hint = "the collection and the agent have to be of one age"
        return Answer(status, {}, f"the agent answers in version {version} of its format", hint)
    return Answer(status, document)


def _words(status, said):
    """The sentence and the hint that an error of the agent's ends with."""
    lines = said.strip().splitlines()
    hint = lines.pop()[len("  hint: ") :] if lines and lines[-1].startswith("  hint: ") else ""
    last = lines[-1] if lines else f"{NAME} ended with status {status} and said nothing"
    return (last[len(NAME) + 2 :] if last.startswith(NAME + ": ") else last), hint
