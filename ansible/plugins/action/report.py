# Copyright (c) the authors of provisioner
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build one page from the checks of many hosts. It runs on the controller in one step, which is faster than tasks."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display
from ansible_collections.provisioner.docker.plugins.module_utils import silence

from ansible.plugins.action import ActionBase

SPEC = {
    "names": {"type": "list", "elements": "str", "required": True},
    "checks": {"type": "list", "elements": "dict", "required": True},
    "folder": {"type": "path", "default": "provisioner-report"},
    "executable": {"type": "path", "default": "provisioner"},
    "fail_on": {
        "type": "list",
        "elements": "str",
        "default": [],
        "choices": ["drift", "blocked", "failed", "missing", "silent", "unknown"],
    },
}
FOUND = 2  # the exit status of the agent's report when --fail-on matches a host
TIMEOUT = 600  # seconds; a hundred thousand hosts take less than ten


class ActionModule(ActionBase):
    """Write the results to files, and let the agent on the controller render them."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Write the results, render the page and show the table."""
        outcome = super().run(tmp, task_vars)
        found = self.validate_argument_spec(SPEC)[1]
        folder = found["folder"]
        os.makedirs(folder, mode=0o750, exist_ok=True)
        lines = [json.dumps(self._result(n, c)) for n, c in zip(found["names"], found["checks"])]
        self._write(folder, "results.ndjson", lines)
        self._write(folder, "expected.txt", found["names"])
        states = [f"--fail-on={state}" for state in found["fail_on"]]
        wanted = (["--format", "html"], states)
        with ThreadPoolExecutor(len(wanted)) as pool:
            asked = [pool.submit(self._ask, folder, found["executable"], *options) for options in wanted]
        page, (status, table) = asked[0].result()[1], asked[1].result()
        self._write(folder, "fleet.html", [page])
        Display().display(table.rstrip("\n"))
        outcome.update(changed=False, page=os.path.join(folder, "fleet.html"), table=table.splitlines())
        if status == FOUND:
            outcome.update(failed=True, msg=f"hosts are in a state to fail on: {table.splitlines()[0]}")
        return outcome

    def _result(self, name, check):
        """Return a host's result under its inventory name, or a failed result that says why the host has none."""
        result = check.get("result")
        if result:
            return dict(result, host=dict(result["host"], name=name))
        code, message = silence.why(check)
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        nothing = {key: [] for key in ("platforms", "differences", "unknown", "as_wanted", "apply", "notes", "repair")}
        error = {"code": code, "message": message, "hint": silence.HINTS[code], "rolled_back": None, "since": None}
        return dict(
            nothing,
            schema_version=2,
            command="check",
            status="failed",
            exit_status=1,
            time=now,
            host={"name": name, "id": None, "machine": ""},
            agent={"version": ""},
            engine=None,
            configuration=None,
            error=error,
            hold=None,
            interrupted=None,
            duration_seconds=0,
        )

    def _write(self, folder, name, lines):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)

    def _ask(self, folder, program, *arguments):
        argv = [program, "report", *arguments, "--expect", "expected.txt", "results.ndjson"]
        try:
            ran = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        except (OSError, subprocess.TimeoutExpired) as e:
            raise AnsibleActionFail(f"{program}: {e}: the agent has to be installed on the controller, too") from e
        if ran.returncode not in (0, FOUND):
            raise AnsibleActionFail(f"{program} report: {ran.stderr.strip()}")
        return ran.returncode, ran.stdout
