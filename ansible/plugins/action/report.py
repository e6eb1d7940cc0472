# Copyright (c) the authors of provisioner
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One page of many hosts' checks, made on the controller in one step: tasks for it would take longer than checks."""

from __future__ import annotations

import json
import os
import subprocess

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display

from ansible.plugins.action import ActionBase

SPEC = {
    "names": {"type": "list", "elements": "str", "required": True},
    "checks": {"type": "list", "elements": "dict", "required": True},
    "folder": {"type": "path", "default": "provisioner-report"},
    "executable": {"type": "path", "default": "provisioner"},
}
TIMEOUT = 600  # seconds; a hundred thousand hosts take less than ten


class ActionModule(ActionBase):
    """The results as files, and what the agent on the controller makes of them."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Write, render, show."""
        outcome = super().run(tmp, task_vars)
        found = self.validate_argument_spec(SPEC)[1]
        folder = found["folder"]
        os.makedirs(folder, mode=0o750, exist_ok=True)
        pairs = zip(found["names"], found["checks"])
        self._write(folder, "results.ndjson", [self._named(n, c["result"]) for n, c in pairs if c.get("result")])
        self._write(folder, "expected.txt", found["names"])
        page = self._ask(folder, found["executable"], "--format", "html")
        self._write(folder, "fleet.html", [page])
        table = self._ask(folder, found["executable"])
        Display().display(table.rstrip("\n"))
        outcome.update(changed=False, page=os.path.join(folder, "fleet.html"), table=table.splitlines())
        return outcome

    def _named(self, name, result):
        """A host's result under the name that it has in the inventory."""
        return json.dumps(dict(result, host=dict(result["host"], name=name)))

    def _write(self, folder, name, lines):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)

    def _ask(self, folder, program, *arguments):
        argv = [program, "report", *arguments, "--expect", "expected.txt", "results.ndjson"]
        try:
            ran = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        except (OSError, subprocess.TimeoutExpired) as e:
            raise AnsibleActionFail(f"{program}: {e}: the agent has to be installed on the controller, too") from e
        if ran.returncode:
            raise AnsibleActionFail(f"{program} report: {ran.stderr.strip()}")
        return ran.stdout
