# Copyright (c) the authors of provisioner
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation that the modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """Options and attributes of every module in this collection."""

    DOCUMENTATION = r"""
options:
  path:
    description:
      - The agent's configuration file on the host.
    type: path
    default: /etc/provisioner/provisioner.yaml
  executable:
    description:
      - The agent, as a path or as a name to find in C(PATH), C(/usr/local/bin) and C(/usr/bin).
    type: path
    default: provisioner
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff
      mode.
  idempotent:
    description: When run twice in a row with the same parameters, the second time changes nothing.
  platform:
    description: Target operating systems that can be operated against.
    platforms: linux
"""
