"""Hosts on which the commands of a page run as they are written, in one shell for each host."""

import contextlib
from pathlib import Path
from typing import NamedTuple

from tests import hosts
from tests.hosts import Host, network, parts
from tests.hosts.mirror import FILES
from tests.pages import Block

BRIDGE = "172.17.0.1"  # how containers reach the host
MIRROR = {  # a registry that the builder reaches, too, because it does not listen on the loopback alone
    "/etc/default/docker": f'DOCKER_OPTS="--registry-mirror=http://{BRIDGE}:5000 --insecure-registry={BRIDGE}:5000"\n',
    "/etc/docker/registry/config.yml": FILES["etc/docker/registry/config.yml"].replace("127.0.0.1", ""),
}
# What --root looks at, taken from the host itself: it has Docker and provisioner, as the image has.
IMAGE = """\
set -e
mkdir -p /mnt/image
cd /
cp --archive --parents bin sbin lib etc usr/bin usr/sbin usr/lib/systemd usr/local var/lib/dpkg /mnt/image
"""
STATE = "/var/tmp/page"
# The folder and the variables of one block are those of the next.
SHELL = f"""\
set -e -o pipefail
cd "$(cat {STATE}.folder 2>/dev/null || echo /root)"
[ ! -e {STATE}.variables ] || . {STATE}.variables
trap 'pwd > {STATE}.folder; export -p > {STATE}.variables' EXIT
"""


class Kind(NamedTuple):
    """How a host of a page is made."""

    layers: tuple[str, ...]
    silent: bool = False  # no registry answers


KINDS = {"laptop": Kind(("qemu", "alpine")), "arm": Kind(("qemu",)), "isolated": Kind((), silent=True)}


class Stage:
    """The hosts of one page. Each is booted when it is first asked for."""

    def __init__(self, running: contextlib.ExitStack) -> None:
        self.hosts: dict[str, Host] = {}
        self._running = running

    def host(self, name: str) -> Host:
        """Return a host."""
        if name not in self.hosts:
            kind = KINDS[name]
            layers: tuple[str | Path, ...] = (*kind.layers, *parts.network("trixie"))
            booted = hosts.boot("trixie", layers=layers, agent=True, files=MIRROR)
            self.hosts[name] = self._running.enter_context(booted)
            if kind.silent:
                self.hosts[name].sh("systemctl stop docker-registry", check=True)
        return self.hosts[name]

    def connect(self, name: str) -> str:
        """Connect a host to the laptop, which gets to know its name. Return its address."""
        _, address = network.connect(self.host("laptop"), self.host(name))
        return address

    def run(self, block: Block) -> None:
        """Run a block, or write the file that it is."""
        play(self.host(block.words["on"]), block)


def play(host: Host, block: Block, **env: str) -> None:
    """Run a block on a host, or write the file that it is."""
    if path := block.words.get("file"):
        host.put(path, block.text)
        return
    ran = host.run("bash", "-c", SHELL + block.commands, env={"HOME": "/root", **env}, timeout=300)
    said = f"{block.page}:{block.line}: {ran.status}\n{ran.stdout}{ran.stderr}"
    assert ran.status == int(block.words.get("status", "0")), said
    assert block.answer.search(ran.stdout + ran.stderr), said
