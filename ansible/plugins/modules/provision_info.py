#!/usr/bin/python

# Copyright (c) the authors of provisioner
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Report whether a Docker host matches its configuration: the agent's check as a module."""

from __future__ import annotations

DOCUMENTATION = r"""
module: provision_info
short_description: Check whether a Docker host matches its configuration
version_added: 0.1.0
author:
  - The authors of provisioner (@provisioner)
description:
  - Runs the check of the agent C(provisioner) and returns its result. The check changes nothing.
extends_documentation_fragment:
  - provisioner.docker.attributes
attributes:
  check_mode:
    support: full
    details:
      - This module does not modify state.
  diff_mode:
    support: N/A
  idempotent:
    support: full
  platform:
    support: full
options:
  quick:
    description:
      - Whether to judge emulators by their registration alone, without running a program for each platform.
    type: bool
    default: false
  far:
    description:
      - Whether to ask the engines of the builder's other nodes, and the cluster of a builder on Kubernetes, too.
    type: bool
    default: false
    version_added: 0.2.0
seealso:
  - module: provisioner.docker.provision
"""

EXAMPLES = r"""
- name: Check the host
  provisioner.docker.provision_info:
  register: checked

- name: Show what has drifted
  ansible.builtin.debug:
    var: checked.drifted
  when: not checked.in_sync
"""

RETURN = r"""
installed:
  description: Whether the agent is installed. If it is not, nothing else is known.
  returned: success
  type: bool
  sample: true
in_sync:
  description: Whether everything matches the configuration, and nothing is unknown.
  returned: success
  type: bool
  sample: false
drifted:
  description: The resources and keys that differ from the configuration.
  returned: success
  type: list
  elements: str
  sample: ["emulators: linux/arm64"]
result:
  description:
    - The agent's JSON document, which C(provisioner report) reads; null if the agent is not installed.
    - C(provisioner schema check) prints its schema.
  returned: always
  type: dict
  sample: {"schema_version": 2, "command": "check", "status": "in-sync"}
code:
  description: The kind of failure, in one word, for example C(engine-stopped).
  returned: failure
  type: str
  sample: engine-stopped
hint:
  description: What to do about the failure.
  returned: failure
  type: str
  sample: start it with `systemctl start docker`
rc:
  description: The exit status of the agent.
  returned: failure
  type: int
  sample: 69
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.provisioner.docker.plugins.module_utils import agent


def main():
    """Run the module."""
    spec = {
        "path": {"type": "path", "default": agent.CONFIGURATION},
        "executable": {"type": "path", "default": agent.NAME},
        "quick": {"type": "bool", "default": False},
        "far": {"type": "bool", "default": False},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    program, path = agent.find(module), module.params["path"]
    if program is None:
        module.exit_json(changed=False, installed=False, in_sync=False, drifted=[], result=None, msg=agent.MISSING)
    more = [f"--{option}" for option in ("quick", "far") if module.params[option]]
    answer = agent.ask(module, program, "check", *agent.configured(path), *more)
    found = answer.document
    if answer.failed:
        module.fail_json(
            msg=answer.reason,
            hint=answer.hint,
            code=answer.code,
            rc=answer.status,
            installed=True,
            in_sync=False,
            drifted=[],
            result=found or None,
        )
    drifted = ["{}: {}".format(d["resource"], d["key"]) for d in found["differences"]]
    in_sync = found["status"] == "in-sync"
    module.exit_json(changed=False, installed=True, in_sync=in_sync, drifted=drifted, result=found)


if __name__ == "__main__":
    main()
