"""Every command on a page runs on a booted host, in the order of the page, and ends as the page says."""

import contextlib
from collections.abc import Callable

import pytest

from tests import pages
from tests.helpers import services
from tests.helpers.booted import CERTIFICATES
from tests.helpers.fleet import FOLDER, NEWEST, fleet
from tests.helpers.stage import IMAGE, KINDS, Stage, play
from tests.helpers.story import put_library
from tests.hosts import ansible, dist, parts
from tests.pages import Block

pytestmark = [pytest.mark.host, pytest.mark.timeout(600)]
SERVER = """\
set -e
id sshd >/dev/null 2>&1 || useradd --system --home-dir /run/sshd sshd
mkdir -p /run/sshd /etc/ssh /root/.ssh
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
cat > /root/.ssh/authorized_keys
chmod 600 /root/.ssh/authorized_keys
printf 'HostKey /etc/ssh/ssh_host_ed25519_key\\nUsePAM no\\n' > /etc/ssh/sshd_config
systemd-run --quiet --unit=sshd /usr/sbin/sshd -D -f /etc/ssh/sshd_config
provisioner apply --only emulators
"""


def carry(stage: Stage, block: Block) -> None:
    """Carry the stick from the connected host to the isolated one."""
    if block.words.get("on") == "isolated" and "isolated" not in stage.hosts:
        stick = stage.host("laptop").start("tar", "--create", "--directory=/media", "usb").communicate()[0]
        stage.host("isolated").put("/run/stick", stick)
        stage.host("isolated").sh("mkdir -p /media; tar --extract --directory=/media --file=/run/stick", check=True)


def node(stage: Stage, block: Block) -> None:
    """Do what ssh-copy-id does, which asks for a password. The other host emulates the CPU that it stands for."""
    if block.text.startswith("ssh-copy-id"):
        address = stage.connect("arm")
        here, there = stage.host("laptop"), stage.host("arm")
        there.sh(SERVER, input=here.get("/root/.ssh/id_ed25519.pub") or b"", check=True)
        there.wait("its sshd", lambda: there.sh("ss -Hltn sport = :22").stdout != "")
        here.sh('echo "$1 arm.example.com" >> /etc/hosts', address, check=True)
        key = (there.get("/etc/ssh/ssh_host_ed25519_key.pub") or b"").decode()
        here.put("/root/.ssh/known_hosts", f"arm.example.com {key}", 0o600)


def metrics(stage: Stage, block: Block) -> None:
    """Install the Python module that the page asks for."""
    if block.words.get("on") == "laptop":
        put_library(stage.host("laptop"), "prometheus_client")


def first(prepare: Callable[[Stage], object]) -> Callable[[Stage, Block], None]:
    """Return what prepares the first host, before the first block."""

    def before(stage: Stage, _: Block) -> None:
        if not stage.hosts:
            prepare(stage)

    return before


def nothing(_: Stage, __: Block) -> None:
    """Most pages only need a host with Docker and provisioner."""


# What readers have or do besides the page's commands, before a block.
BEFORE: dict[str, Callable[[Stage, Block], None]] = {
    "docs/air-gapped.md": carry,
    "docs/native-nodes.md": node,
    "docs/cloud-init.md": first(lambda stage: stage.host("laptop").sh(IMAGE, check=True)),
    "docs/private-registry.md": first(lambda stage: services.registry(stage.host("laptop"))),
    "docs/proxy.md": first(lambda stage: services.proxy(stage.host("laptop"))),
    "docs/checks.md": metrics,
}
# These pages show little, so they share one host, in this order: the first one prepares it.
SHORT = (
    *("docs/runners.md", "docs/how-images-work.md", "docs/image-stores.md", "docs/emulation.md"),
    *("docs/security-model.md", "docs/checks.md", "docs/what-it-does.md"),
)
HERE = {block.page for block in pages.commands() if block.words.get("on") in KINDS}
GROUPS = (SHORT, *((page,) for page in sorted(HERE - {*SHORT})))


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group[0].removeprefix("docs/"))
def test_the_commands_of_a_page_run_as_they_are_written(group: tuple[str, ...]) -> None:
    with contextlib.ExitStack() as running:
        stage = Stage(running)
        for page in group:
            for block in pages.blocks(pages.ROOT / page):
                BEFORE.get(page, nothing)(stage, block)
                if block.words.get("on") in KINDS:
                    stage.run(block)


def test_the_first_fleet_is_made_as_its_page_says() -> None:
    names = ("build-1", "build-2")
    with fleet(dict.fromkeys(names, "trixie"), dict.fromkeys(names, parts.venv()), {}, bare=names) as made:
        hub = made.controller
        hub.sh("rm -r ~/.ansible", env={"HOME": "/root"}, check=True)
        archive = dist.collection()
        hub.put(f"/root/{archive.name}", archive.read_bytes())
        addresses = [f"10.99.{number}.2" for number, _ in enumerate(names, 1)]
        for name, address in zip(names, addresses, strict=True):
            hub.sh('echo "$1 $2" >> /etc/hosts; sed "s/^$1/$2/" -i ~/.ssh/known_hosts', address, name, check=True)
            made.members[name].sh(CERTIFICATES, check=True)
        environment = {**ansible.environment(NEWEST), "ANSIBLE_CONFIG": f"{FOLDER}/ansible.cfg"}
        for block in pages.blocks(pages.ROOT / "docs/first-fleet.md"):
            if block.words.get("on") == "controller":
                play(hub, block, **environment)
        assert hub.get("/root/fleet/report/fleet.html")
        for host in made.members.values():
            assert host.run("provisioner", "check").status == 0
