"""A fleet: booted Docker hosts with different engines, and one host that controls them with Ansible over SSH."""

import contextlib
import json
import shlex
import tempfile
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests import hosts
from tests.hosts import Host, ansible, network, parts, recipes

COLLECTION = Path(__file__).parents[2] / "ansible"
OLDEST, NEWEST = recipes.ANSIBLE
FOLDER = "/fleet"
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"
SERVER = """\
set -e
id sshd >/dev/null 2>&1 || useradd --system --home-dir /run/sshd sshd
mkdir -p /run/sshd
{
  echo 'HostKey /etc/ssh/ssh_host_ed25519_key'
  echo 'UsePAM no'
} > /etc/ssh/sshd_config
"""
CONFIGURATION = f"""\
[defaults]
inventory = {FOLDER}/hosts.json
callback_plugins = {FOLDER}/callbacks
callbacks_enabled = results
interpreter_python = /usr/bin/python3
forks = 8
[connection]
pipelining = true
[ssh_connection]
transfer_method = piped
"""
CALLBACK = f"""\
DOCUMENTATION = '''
name: results
type: aggregate
short_description: Every result as a line of JSON
description: For the tests of the collection.
'''
import json
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME, CALLBACK_NEEDS_ENABLED = 2.0, "aggregate", "results", True

    def note(self, kind, result):
        line = {{"kind": kind, "host": result._host.get_name(), "task": result._task.get_name(), **result._result}}
        with open("{FOLDER}/results", "a") as file:
            file.write(json.dumps(line, default=str) + "\\n")

    def v2_runner_on_ok(self, result):
        self.note("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.note("failed", result)

    def v2_runner_on_unreachable(self, result):
        self.note("unreachable", result)
"""


class Play(NamedTuple):
    """The result of a playbook: its exit status, its output, and each task's result on each host."""

    status: int
    output: str
    results: list[dict[str, Any]]

    def changed(self) -> set[str]:
        """Return the hosts on which something changed, or would change."""
        return {r["host"] for r in self.results if r.get("changed")}

    def failed(self) -> set[str]:
        """Return the hosts on which a task failed."""
        return {r["host"] for r in self.results if r["kind"] != "ok"}

    def of(self, task: str) -> dict[str, dict[str, Any]]:
        """Return the result of one task on each host."""
        return {r["host"]: r for r in self.results if r["task"].rpartition(" : ")[2] == task}

    def foretells(self) -> list[tuple[str, str, bool, str]]:
        """Return what a run in check mode must share with the real run after it: task, host, changed and the diff."""
        return sorted(
            (r["task"], r["host"], bool(r.get("changed")), json.dumps(_diffs(r), sort_keys=True)) for r in self.results
        )


def _diffs(result: Mapping[str, Any]) -> list[Any]:
    """Return the diff of a task, or of each item of its loop."""
    return [part.get("diff") for part in result.get("results") or (result,)]


class Fleet:
    """Hosts by name, in the order of the inventory, and their controller."""

    def __init__(self, controller: Host, members: Mapping[str, Host]) -> None:
        self.controller = controller
        self.members = members

    def configure(self, **configuration: object) -> None:
        """Set the agent's configuration for every host."""
        self.controller.put(f"{FOLDER}/vars.json", json.dumps({"provisioner_config": configuration}))

    def play(self, playbook: str, *args: str, core: str = NEWEST, **extra: object) -> Play:
        """Run a playbook of the collection. ``extra`` are variables that override all others."""
        argv = (
            "ansible-playbook", f"provisioner.docker.{playbook}",
            "--extra-vars", f"@{FOLDER}/vars.json",
            "--extra-vars", json.dumps(extra),
            *args,
        )  # fmt: skip
        self.controller.sh(f"rm -f {FOLDER}/results; touch {FOLDER}/results", check=True)
        ran = self.run(*argv, core=core)
        lines = (self.controller.get(f"{FOLDER}/results") or b"").decode().splitlines()
        return Play(ran.status, ran.stdout + ran.stderr, [json.loads(line) for line in lines])

    def run(self, *argv: str, core: str = NEWEST) -> hosts.Result:
        """Run a program on the controller, with one of the versions of Ansible in its PATH."""
        env = {**ansible.environment(core), "ANSIBLE_CONFIG": f"{FOLDER}/ansible.cfg", "HOME": "/root"}
        there = ("sh", "-c", 'cd "$0"; exec "$@"', FOLDER)  # relative paths start in this folder
        return self.controller.run(*there, *argv, env=env, timeout=600)


@contextlib.contextmanager
def fleet(
    engines: Mapping[str, str],
    layers: Mapping[str, Sequence[Path | str]],
    variables: Mapping[str, Mapping[str, Any]],
    bare: Container[str] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[Fleet]:
    """Boot a controller, and a host for each of ``engines``, by name.

    ``layers`` are additional layers of single hosts. ``variables`` and ``groups`` go into the inventory. ``bare`` hosts
    have no agent.
    """
    with contextlib.ExitStack() as running:
        above = (*(ansible.layer(version) for version in recipes.ANSIBLE), *parts.network(ansible.TREE))
        controller = running.enter_context(hosts.boot(ansible.TREE, layers=above, agent=True, docker=False))
        members = {}
        for name, engine in engines.items():
            more = (*layers.get(name, ()), "qemu", *parts.network(recipes.ENGINES[engine].tree))
            members[name] = running.enter_context(hosts.boot(engine, layers=more, agent=name not in bare))
        made = Fleet(controller, members)
        _connect(made, variables, groups or {})
        install(made)
        yield made


def _connect(made: Fleet, variables: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Sequence[str]]) -> None:
    """Connect the controller to each host, start sshd there, and register its key."""
    hub, members = made.controller, tuple(made.members.values())
    addresses = network.star(hub, members)
    for key in ("/root/.ssh/id_ed25519", HOST_KEY):
        hub.sh('mkdir -p "$(dirname "$1")"; ssh-keygen -q -t ed25519 -N "" -f "$1"', key, check=True)
    known, inventory = "", {}
    for name, host, address in zip(made.members, members, addresses, strict=True):
        host.put("/root/.ssh/authorized_keys", hub.get("/root/.ssh/id_ed25519.pub") or b"", 0o600)
        host.put(HOST_KEY, hub.get(HOST_KEY) or b"", 0o600)
        host.sh(SERVER, check=True)
        serve(host)
        known += f"{address} {(hub.get(f'{HOST_KEY}.pub') or b'').decode()}"
        inventory[name] = {"ansible_host": address, "ansible_user": "root", **variables.get(name, {})}
    hub.put("/root/.ssh/known_hosts", known, 0o600)
    children: dict[str, Any] = {group: {"hosts": {name: {} for name in names}} for group, names in groups.items()}
    hub.put(f"{FOLDER}/hosts.json", json.dumps({"all": {"hosts": inventory, "children": children}}))
    hub.put(f"{FOLDER}/ansible.cfg", CONFIGURATION)
    hub.put(f"{FOLDER}/callbacks/results.py", CALLBACK)


def serve(host: Host) -> None:
    """Start a host's sshd."""
    host.sh("systemd-run --quiet --unit=sshd /usr/sbin/sshd -D -f /etc/ssh/sshd_config", check=True)
    host.wait("its sshd", lambda: host.sh("ss -Hltn sport = :22").stdout != "")


def build(folder: Path) -> Path:
    """Build the collection with ansible-galaxy and return its archive."""
    argv = ("ansible-galaxy", "collection", "build", "--output-path", str(folder), str(COLLECTION))
    built = ansible.run(*argv, cwd=folder, home=folder, venv=ansible.linters())
    assert built.returncode == 0, built.stderr
    [archive] = folder.glob("*.tar.gz")
    return archive


def install(made: Fleet) -> None:
    """Build the collection and install it on the controller."""
    with tempfile.TemporaryDirectory() as folder:
        archive = build(Path(folder))
        made.controller.put(f"{FOLDER}/{archive.name}", archive.read_bytes())
    ran = made.run("ansible-galaxy", "collection", "install", "--offline", f"{FOLDER}/{archive.name}")
    assert ran.status == 0, shlex.join(ran.argv) + ran.stderr
