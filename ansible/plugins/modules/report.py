#!/usr/bin/python

# Copyright (c) the authors of provisioner
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation only. The action plug-in of the same name runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Make one page from the checks of many hosts
version_added: 0.1.0
author:
  - The authors of provisioner (@provisioner)
description:
  - Runs on the controller, where the agent must be installed, too.
  - Writes the results of M(provisioner.docker.provision_info) of many hosts to a folder. The agent makes a page and a
    table from them, and the module shows the table.
  - The files in the folder are C(results.ndjson), C(expected.txt) and C(fleet.html).
options:
  names:
    description:
      - The names of all hosts in the inventory.
    type: list
    elements: str
    required: true
  checks:
    description:
      - The registered result of M(provisioner.docker.provision_info) for each of O(names), in the same order. A host
        without a result is shown as failed, with the reason.
    type: list
    elements: dict
    required: true
  folder:
    description:
      - The folder for the files.
    type: path
    default: provisioner-report
  executable:
    description:
      - The agent on the controller, as a path or a name.
    type: path
    default: provisioner
  fail_on:
    description:
      - Fail if a host is in one of these states, so that a pipeline stops. The files are written and the table is shown
        in any case.
    type: list
    elements: str
    choices: [drift, blocked, failed, missing, silent, unknown]
    default: []
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
    support: full
    details:
      - The files are written in check mode, too, because a check changes no host in any mode.
      - C(changed) is always false. It counts changes of hosts, and the page shows the time, so it always differs.
  diff_mode:
    description: Will return details on what has changed, or possibly needs changing, when in diff mode.
    support: N/A
  platform:
    description: Target operating systems that can be operated against.
    platforms: posix
    support: full
seealso:
  - module: provisioner.docker.provision_info
"""

EXAMPLES = r"""
- name: Make one page of all checks
  provisioner.docker.report:
    names: "{{ ansible_play_hosts_all }}"
    checks: "{{ ansible_play_hosts_all | map('extract', hostvars, 'checked') }}"
    folder: /srv/fleet
  run_once: true
"""

RETURN = r"""
page:
  description: The page.
  returned: success
  type: str
  sample: /srv/fleet/fleet.html
table:
  description: The table, line by line.
  returned: success
  type: list
  elements: str
  sample: ["4 hosts: 3 in sync, 1 drift"]
"""
