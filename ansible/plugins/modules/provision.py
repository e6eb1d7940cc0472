#!/usr/bin/python

# Copyright (c) the authors of provisioner
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configure a Docker host: the agent's plan, apply and remove as a module."""

from __future__ import annotations

DOCUMENTATION = r"""
module: provision
short_description: Make a Docker host able to build, run and push multi-platform images
version_added: 0.1.0
author:
  - The authors of provisioner (@provisioner)
description:
  - Writes the configuration of the agent C(provisioner) and runs the agent, which applies it to the host.
  - The agent configures the image store, other keys of C(daemon.json), the emulators and the builder. It restarts
    Docker at most once, and only if O(restart) allows it. It then builds and runs an image for each platform. If
    anything fails, it undoes all of its changes.
  - The options from O(engine) to O(keep) are the keys of the agent's configuration file. For an option that you
    leave out, the agent's default applies, which the description of the option names. If you leave out all of them,
    the file is not changed.
  - If the agent fails or rolls back, the module restores the previous configuration file.
extends_documentation_fragment:
  - provisioner.docker.attributes
attributes:
  check_mode:
    support: full
    details:
      - Check mode runs the agent's plan. If the agent is not installed yet, the module reports a change without
        details.
  diff_mode:
    support: full
    details:
      - Shows the diff of the configuration file, then the agent's diffs of other files. Lines that begin with C(#) are
        its other steps. Passwords and tokens are hidden.
  idempotent:
    support: full
  platform:
    support: full
options:
  state:
    description:
      - With V(present), the agent makes the host match its configuration.
      - With V(absent), the agent undoes everything that it did to the host, and O(path) is removed.
    type: str
    choices: [present, absent]
    default: present
  only:
    description:
      - Apply only these parts of the configuration. By default all of them.
    type: list
    elements: str
    choices: [daemon, image-store, emulators, builder]
    version_added: 0.2.0
  engine:
    description:
      - The engine to provision. V(auto) is the engine that C(docker) would use. Otherwise the name of a Docker context,
        or an address such as C(unix:///var/run/docker.sock). V(all) means every engine of this host that the agent can
        provision. By default V(auto).
    type: str
  platforms:
    description:
      - The platforms that this host builds and runs, as Docker names them. By default V(linux/amd64) and
        V(linux/arm64).
    type: list
    elements: str
  image_store:
    description:
      - Where the engine stores images.
    type: dict
    suboptions:
      backend:
        description:
          - V(containerd) is the image store that holds images of several platforms. V(unmanaged) leaves the image store
            as it is. By default V(containerd).
        type: str
        choices: [containerd, unmanaged]
      existing:
        description:
          - What to do with images that switching the store would hide. V(refuse) blocks the switch. V(hide) switches
            anyway. V(migrate) copies the images first, and blocks the switch if there are containers. By default
            V(refuse).
        type: str
        choices: [refuse, hide, migrate]
  emulators:
    description:
      - How to run platforms that the CPU does not run.
    type: dict
    suboptions:
      source:
        description:
          - Where QEMU comes from. V(auto) keeps emulators that work. Otherwise it uses O(emulators.directory) if it is
            set, then programs on the host, then the image, then the package. By default V(auto).
        type: str
        choices: [auto, image, package, directory]
      image:
        description:
          - The image to copy QEMU from, by tag or digest. By default V(tonistiigi/binfmt).
        type: str
      directory:
        description:
          - A directory on the host that contains static programs C(qemu-<architecture>).
        type: str
      credentials:
        description:
          - Whether set-user-id programs of an emulated platform keep their privileges. By default V(true).
        type: bool
      replace:
        description:
          - Whether to replace an emulator that somebody else registered under the same name, if it does not work. By
            default V(false).
        type: bool
  builder:
    description:
      - The persistent BuildKit builder. The options have buildx's own names.
    type: dict
    suboptions:
      name:
        description:
          - The builder's name. By default V(container-builder).
        type: str
      driver:
        description:
          - buildx's driver. By default V(docker-container).
        type: str
        choices: [docker-container, remote, kubernetes]
      driver_options:
        description:
          - Options of the driver, as C(docker buildx create --driver-opt) accepts them. Every value is a string.
        type: dict
      flags:
        description:
          - Flags of buildkitd, as C(docker buildx create --buildkitd-flags) accepts them.
        type: list
        elements: str
      buildkitd:
        description:
          - The content of C(buildkitd.toml). It overrides the settings that O(builder.gc) and O(builder.inherit) add.
        type: dict
      gc:
        description:
          - How large the cache may grow. V(sized) is up to three fifths of the disk that holds it. V(default) is
            BuildKit's own limit. By default V(sized).
        type: str
        choices: [sized, default]
      inherit:
        description:
          - Whether the builder gets the daemon's registry mirrors, insecure registries, certificates and proxies. By
            default V(true).
        type: bool
      platforms:
        description:
          - Platforms that are fixed for the host's own node. By default BuildKit detects what it can build.
        type: list
        elements: str
      nodes:
        description:
          - Additional nodes of the builder.
        type: list
        elements: dict
        suboptions:
          endpoint:
            description:
              - The name of a Docker context, C(ssh://) or C(tcp://), as the driver accepts it. A node on a cluster has
                none.
            type: str
          name:
            description:
              - The node's name.
            type: str
          platforms:
            description:
              - The platforms that this node builds.
            type: list
            elements: str
          driver_options:
            description:
              - Like O(builder.driver_options), for this node.
            type: dict
          flags:
            description:
              - Like O(builder.flags), for this node.
            type: list
            elements: str
      users:
        description:
          - The users for whom the builder is registered and selected. The first of them boots it. By default V(auto),
            which is only root if Ansible runs the agent.
        type: raw
      kubeconfig:
        description:
          - With the driver C(kubernetes), the kubeconfig of each user who builds. C(~/) is that user's home folder. By
            default the user's default kubeconfig.
        type: str
      context:
        description:
          - With the driver C(kubernetes), the name that the current context of the kubeconfig must have. By default any
            name.
        type: str
      select:
        description:
          - Whether the builder stays selected. With V(once), the agent accepts a user's later choice of another
            builder. With V(always), it changes that choice back. By default V(once).
        type: str
        choices: [once, always]
  daemon:
    description:
      - Other keys of C(daemon.json). The agent manages each value separately. It sets the value, and restores the
        original one when you remove it here. Null removes a value.
    type: dict
  restart:
    description:
      - Whether the agent may restart Docker if that is necessary. One of V(never), V(if-idle) and V(always), or a
        mapping of C(policy) and C(window) with C(days), C(start), C(length) and C(zone). By default V(if-idle), which
        allows a restart while no build and no container runs that the agent did not create.
    type: raw
  repair:
    description:
      - What the agent's timer may repair on its own. By default nothing.
    type: list
    elements: str
    choices: [emulators]
  packages:
    description:
      - Whether the agent may install missing programs with the distribution's package manager. By default V(auto),
        which means yes.
    type: str
    choices: [auto, never]
  history:
    description:
      - How many applies the history keeps one by one. Older ones that are in effect become one entry. By default
        V(100).
    type: int
  keep:
    description:
      - What provisioner made and keeps here after it has left the configuration. By default, an apply removes it.
      - V(platforms) are registered emulators, V(qemu) copied versions of QEMU, and V(settings) keys of daemon.json.
    type: list
    elements: str
    choices: [platforms, qemu, settings, builders, users, nodes]
seealso:
  - module: provisioner.docker.provision_info
notes:
  - The options do not set C(no_log), which would hide ordinary words in all output. If they contain the password of a
    proxy, set C(no_log) on the task.
"""

EXAMPLES = r"""
- name: Make the host ready for two platforms
  provisioner.docker.provision:
    platforms: [linux/amd64, linux/arm64]
    restart: if-idle
  register: made

- name: Show what blocks a restart
  ansible.builtin.debug:
    msg: "{{ made.blocked | map(attribute='message') | unique | join('; ') }}"
  when: made.restart_owed

- name: Apply the configuration file that is on the host
  provisioner.docker.provision:

- name: Undo everything
  provisioner.docker.provision:
    state: absent
"""

RETURN = r"""
installed:
  description: Whether the agent is installed.
  returned: success
  type: bool
  sample: true
changes:
  description: What the agent did to each resource, or would do in check mode.
  returned: success, with O(state=present)
  type: list
  elements: dict
  contains:
    resource:
      description: One of C(daemon), C(image store), C(emulators), C(builder).
      type: str
      sample: image store
    differing:
      description: The keys that differed from the configuration.
      type: list
      elements: str
      sample: ["image store in effect"]
    does:
      description: The agent's description of each step.
      type: list
      elements: str
      sample: ["restart docker.service"]
blocked:
  description: What differs from the configuration and cannot be changed now. This is not a failure.
  returned: success, with O(state=present)
  type: list
  elements: dict
  contains:
    resource:
      description: The resource to which the key belongs.
      type: str
      sample: image store
    key:
      description: The key that differs.
      type: str
      sample: image store in effect
    code:
      description: The kind of obstacle, in one word.
      type: str
      sample: restart-busy
    message:
      description: The reason.
      type: str
      sample: the daemon must be restarted while web runs
    hint:
      description: What to do about it.
      type: str
      sample: "stop them, or set restart: always"
    numbers:
      description: The numbers in the message, by name.
      type: dict
      sample: {}
restarted:
  description: The units that were restarted, or would be in check mode.
  returned: success, with O(state=present)
  type: list
  elements: str
  sample: ["docker.service"]
restart_owed:
  description: Whether Docker must be restarted, and O(restart) or the state of the host does not allow it now.
  returned: success, with O(state=present)
  type: bool
  sample: false
put_off:
  description: What earlier runs had put off, and this run did.
  returned: success, with O(state=present)
  type: list
  elements: dict
  contains:
    engine:
      description: The engine, as the configuration or Docker names it.
      type: str
      sample: unix:///var/run/docker.sock
    resource:
      description: The resource to which the key belongs, or C(apply) for a whole run.
      type: str
      sample: daemon
    key:
      description: The key that differed. Empty for a whole run.
      type: str
      sample: log-level
    since:
      description: Since when it was put off.
      type: str
      sample: "2026-11-27T10:00:00Z"
    reason:
      description: The reason.
      type: str
      sample: the daemon must be restarted, and restart is never
hold:
  description: The hold that prevented all changes; null if there is none.
  returned: success, with O(state=present)
  type: dict
  sample: {"by": "root", "reason": "release week", "since": "2026-11-20T08:00:00Z", "until": "2026-11-27T08:00:00Z"}
missing:
  description: The containers that ran before Docker was restarted, and did not run after it.
  returned: success, with O(state=present)
  type: list
  elements: str
  sample: []
proof:
  description: The results of the proof, one for each platform; null if nothing had to be proven.
  returned: success, with O(state=present)
  type: list
  elements: dict
  sample: [{"platform": "linux/arm64", "built": true, "indexed": true, "runs": true, "how": "QEMU 10.0.13"}]
receipt:
  description: The number of the history entry, which C(provisioner rollback) accepts; null if nothing was done.
  returned: success, with O(state=present)
  type: int
  sample: 1
undone:
  description: The numbers of the history entries that were undone, or would be in check mode.
  returned: success, with O(state=absent)
  type: list
  elements: int
  sample: [1]
rolled_back:
  description: Whether the agent failed, undid all of its changes, and verified that the host is as it was before.
  returned: failure
  type: bool
  sample: true
code:
  description: The kind of failure, in one word.
  returned: failure
  type: str
  sample: engine-stopped
rc:
  description: The exit status of the agent.
  returned: failure
  type: int
  sample: 3
hint:
  description: What to do about the failure, in the agent's words.
  returned: failure
  type: str
  sample: see `systemctl status docker`
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.provisioner.docker.plugins.module_utils import agent, configuration

BUSY = 75
# The fields of a result when nothing was done.
NOTHING = {
    "installed": True,
    "changes": [],
    "blocked": [],
    "restarted": [],
    "restart_owed": False,
    "put_off": [],
    "hold": None,
    "missing": [],
    "proof": None,
    "receipt": None,
}
SHOWN = ("resource", "key", "code", "message", "hint", "numbers")
STANDING = ("converged", "held", "blocked", "unconfirmed")  # outcomes of applies that `remove` would undo


def read(path):
    """Return a file's text, or None if the file does not exist."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(module, path, text):
    """Write a file atomically. If the text is None, remove the file."""
    if text is None:
        os.unlink(path)
        return
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    candidate = beside(module, text)
    present = os.stat(path).st_mode & 0o7777 if os.path.exists(path) else None
    # The move keeps the mode of the file that it replaces.
    os.chmod(candidate if present is None else path, configuration.mode(text, present))
    module.atomic_move(candidate, path)


def beside(module, text):
    """Write a text to a temporary file of the module and return its path."""
    path = os.path.join(module.tmpdir, "provisioner.yaml")
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    return path


def file_diff(path, before, after):
    """Return the diff of the configuration file, without secrets."""
    return {
        "before": configuration.shown(before or ""),
        "after": configuration.shown(after or ""),
        "before_header": path if before is not None else f"{path} (absent)",
        "after_header": path if after is not None else f"{path} (absent)",
    }


def steps_diff(changes):
    """Return the diff of the agent's steps.

    Steps that change files contribute their diffs. Every other step is a line that starts with #.
    """
    made = [(c, step) for c in changes for step in c["steps"]]
    lines = [step.get("diff") or "# {}: {}".format(c["resource"], step["does"]) for c, step in made]
    return [{"prepared": "\n".join(lines) + "\n"}] if lines else []


def told(document):
    """Return the part of the result that a plan and an apply share. An apply lists as blocked what it left undone."""
    changes = document["changes"]
    blocked = [dict(b, resource=c["resource"]) for c in document.get("left", changes) for b in c["blocked"]]
    restarts = [s for c in changes for s in c["steps"] if s["kind"] == "restart"]
    return {
        "installed": True,
        "changes": [
            {
                "resource": c["resource"],
                "differing": [d["key"] for d in c["differences"]],
                "does": [s["does"] for s in c["steps"]],
            }
            for c in changes
            if any(s["phase"] in ("edit", "restart", "after") for s in c["steps"])
        ],
        "blocked": [
            {key: b[key] for key in ("resource", "key", "code", "message", "hint", "numbers")} for b in blocked
        ],
        "restarted": [s["unit"] for s in restarts],
        "restart_owed": any(b["restart"] for b in blocked),
        "put_off": document.get("put_off", []),
        "hold": None,
        "missing": document.get("missing", []),
        "proof": (document.get("proof") or {}).get("platforms"),
        "receipt": document.get("receipt"),
    }


def fail(module, answer, **more):
    """Fail with the agent's own message."""
    rolled_back = answer.status == agent.ROLLED_BACK
    changed = answer.status == agent.ROLLBACK_FAILED
    module.fail_json(
        msg=answer.reason,
        hint=answer.hint,
        code=answer.code,
        rc=answer.status,
        rolled_back=rolled_back,
        changed=changed,
        **more,
    )


def foretold(module, program, path, wanted):
    """Plan an apply. ``wanted`` is a configuration that is not written yet, or None for the existing one."""
    candidate = None if wanted is None else beside(module, wanted)
    there = ["--config", candidate] if candidate else agent.configured(path)
    answer = agent.ask(module, program, "plan", *there, *chosen(module))
    if candidate:
        answer.sentence = answer.sentence.replace(candidate, path)
    return answer


def chosen(module):
    """Return the options that limit the agent to some resources."""
    return [word for name in module.params["only"] or [] for word in ("--only", name)]


def on_hold(module, hold):
    """Warn that applies are on hold on this host, and end without an error."""
    module.warn("applies are held on this host until {}: {} ({})".format(hold["until"], hold["reason"], hold["by"]))
    module.exit_json(changed=False, **dict(NOTHING, hold=hold))


def predict(module, program, path, wanted, diff):
    """Handle check mode with the agent's plan."""
    answer = foretold(module, program, path, wanted)
    if answer.failed:
        fail(module, answer)
    if answer.document["hold"]:
        on_hold(module, answer.document["hold"])
    changes = answer.document["changes"]
    fatal = [b for c in changes for b in c["blocked"] if b["fatal"]]
    if fatal:
        fail(module, agent.Answer(1, {}, fatal[0]["message"], fatal[0]["hint"], fatal[0]["code"]))
    found = told(answer.document)
    changed = wanted is not None or bool(found["changes"]) or answer.document["interrupted"] is not None
    module.exit_json(changed=changed, diff=diff + steps_diff(changes), **found)


def make(module, program, path, before, wanted, diff):
    """Write the configuration and apply it. Restore the old configuration if that fails."""
    if wanted is not None:
        write(module, path, wanted)
    answer = agent.ask(module, program, "apply", *agent.configured(path), *chosen(module))
    if not answer.failed:
        changed = wanted is not None or answer.document["changed"]
        module.exit_json(changed=changed, diff=diff + steps_diff(answer.document["changes"]), **told(answer.document))
    if wanted is not None:
        write(module, path, before)
    if answer.status == BUSY:
        hold = foretold(module, program, path, None).document.get("hold")
        if hold:
            on_hold(module, hold)
    fail(module, answer)


def present(module, program, path):
    """Make the host match its configuration."""
    before, wanted = read(path), configuration.text(module.params)
    if wanted == before:
        wanted = None
    diff = [file_diff(path, before, wanted)] if wanted is not None else []
    if program is None and module.check_mode:
        module.exit_json(changed=True, diff=diff, msg=agent.MISSING, **dict(NOTHING, installed=False))
    if program is None:
        hint = "install it first; the role provisioner.docker.provisioner does"
        fail(module, agent.Answer(127, {}, agent.MISSING, hint))
    if module.check_mode:
        predict(module, program, path, wanted, diff)
    make(module, program, path, before, wanted, diff)


def absent(module, program, path):
    """Undo everything that the agent did, and remove its configuration."""
    before = read(path)
    diff = [file_diff(path, before, None)] if before is not None else []
    undone, left = [], []
    if program is not None:
        answer = agent.ask(module, program, "detect" if module.check_mode else "remove")
        if answer.failed:
            fail(module, answer)
        if module.check_mode:
            undone = [r["number"] for r in answer.document["history"] or [] if r["outcome"] in STANDING]
            left = [thing["name"] for thing in answer.document["left_over"] if thing["ours"]]
        else:
            undone, left = answer.document["undone"], answer.document["left_over"]
    if before is not None and not module.check_mode:
        write(module, path, None)
    changed = bool(undone or left or before is not None)
    module.exit_json(changed=changed, installed=program is not None, undone=sorted(undone), diff=diff)


def main():
    """Run the module."""
    spec = {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "path": {"type": "path", "default": agent.CONFIGURATION},
        "executable": {"type": "path", "default": agent.NAME},
        "only": {"type": "list", "elements": "str", "choices": ["daemon", "image-store", "emulators", "builder"]},
    }
    spec.update(configuration.OPTIONS)
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    states = {"present": present, "absent": absent}
    states[module.params["state"]](module, agent.find(module), module.params["path"])


if __name__ == "__main__":
    main()
