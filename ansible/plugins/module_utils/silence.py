# Copyright (c) the authors of provisioner
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Say why a host has no result. Ansible's own sentence often says only that the module has not answered."""

from __future__ import annotations

import re

# Why a host has no result: a code, and what to do about it.
HINTS = {
    "unreachable": "is the host up, and may Ansible log in?",
    "agent-missing": "install the agent, for example with the role provisioner.docker.provisioner",
    "become-failed": "may the user that Ansible logs in as become root there? Try `ansible HOST -m ping --become`",
    "no-answer": "run the check on the host by hand",
}
# Lines that a terminal, ssh or sudo adds to the reason. The last two warn only: sudo goes on.
NOISE = re.compile(
    r">>> |(shared )?connection to \S+ closed|this incident |\[sudo[:\]]|password: *$|sorry, try again"
    r"|sudo: unable to resolve host |sudo: setrlimit",
    re.I,
)
BECOME = re.compile(
    r"\b(sudo|sudoers|doas|pkexec|pbrun|dzdo|machinectl)\b|^su: |(missing|incorrect) \w+ password|privilege escalation"
    r"|\bbecome\b",
    re.I,
)
# The same in Ansible's own sentence, in which a host or a folder may have such a word in its name.
REFUSED = re.compile(
    r"^(sudo|su|doas|pkexec|pbrun|dzdo|machinectl): |(missing|incorrect) \w+ password|privilege escalation"
    r"|become success",
    re.I,
)
LONGEST = 300  # characters of a reason: one line of a module's output can be long


def why(check):
    """Return the code and the message for a registered check without a result."""
    sentence = _first(check.get("msg"))
    if "installed" in check:  # the module has answered
        code = "no-answer" if check["installed"] else "agent-missing"
        return code, sentence or code
    said = ""
    if not check.get("unreachable"):
        printed = (check.get("module_stderr"), check.get("module_stdout"), _quoted(check.get("msg")))
        said = next(filter(None, map(_reason, printed)), "")
    if REFUSED.search(sentence) or BECOME.search(said):
        return "become-failed", said or sentence
    code = "unreachable" if check.get("unreachable") else "no-answer"
    return code, said or sentence or code


def _quoted(message):
    """Return what Ansible quotes in a message of several lines, which it heads with >>>."""
    return str(message or "").partition("\n>>>")[2].partition("\n")[2]


def _lines(text):
    lines = (line.strip() for line in str(text or "").splitlines())
    return [line[:LONGEST] for line in lines if line]


def _first(text):
    return (_lines(text) or [""])[0]


def _reason(text):
    """Return the line that says why: the last of a traceback, of sudo, or else the first.

    With a traceback, Python has run, so that whatever sudo says before it is a warning.
    """
    lines = [line for line in _lines(text) if not NOISE.match(line)] or [""]
    if any(line.startswith("Traceback") for line in lines):
        return lines[-1]
    about = [line for line in lines if BECOME.search(line)]
    return about[-1] if about else lines[0]
