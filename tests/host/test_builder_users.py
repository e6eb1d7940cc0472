"""Several users build on one host: each with a store of its own, none of them with root's rights."""

import re

import pytest

from provisioner.platforms import elf
from tests.conftest import Boot
from tests.helpers.booted import LAYERS, agent, differences
from tests.helpers.builders import CONTAINER, build, configure, prepare
from tests.hosts import Host, parts

pytestmark = pytest.mark.host
USERS = ("root", "dev", "ci")
TRAP = '#!/bin/sh\nid -u >> /tmp/trap\nexec /usr/libexec/docker/cli-plugins/docker-buildx "$@"\n'
PLUGIN = "/home/dev/.docker/cli-plugins/docker-buildx"


def people(host: Host) -> None:
    """Two users who may talk to the engine, one who may not, and one whose home is somebody else's."""
    made = "for u in dev ci eve ned; do useradd -m $u; done; for u in dev ci ned; do usermod -aG docker $u; done"
    host.sh(f"{made}; chown root:root /home/ned", check=True)


def both(host: Host) -> None:
    """Want two platforms instead of one."""
    host.sh('sed -i \'s/"linux.amd64"/"amd64","arm64"/\' /etc/provisioner/provisioner.yaml', check=True)


def strangers(host: Host, user: str) -> str:
    """The files in a user's home that are not the user's."""
    return host.sh(f"find /home/{user} ! -user {user}", check=True).stdout


def test_two_users_and_root_build_two_platforms_and_no_plug_in_of_theirs_runs_as_root(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    people(host)
    host.put(PLUGIN, TRAP, 0o755)
    host.sh("touch /tmp/trap; chmod 666 /tmp/trap; chown -R dev:dev /home/dev/.docker", check=True)
    configure(host, users=[*USERS, "eve", "ned"])
    both(host)
    done = agent(host, "apply")
    assert done.status == 5, done.stderr
    held = dict(sorted({(h["message"], h["hint"]) for c in done.document["left"] for h in c["blocked"]}))
    assert held.pop("eve may not talk to the engine").startswith("usermod --append --groups docker eve")
    assert [*held] == ["ned may not write to /home/ned, where buildx keeps builders"]
    assert {k.partition(": ")[2].partition(": ")[0] for k in differences(agent(host, "check"))} == {"eve", "ned"}
    configure(host, users=USERS)
    both(host)
    assert agent(host, "check").status == 0
    prepare(host)
    host.put("/two/Dockerfile", 'FROM scratch\nARG TARGETARCH\nCOPY probe-$TARGETARCH /probe\nRUN ["/probe"]\n')
    for architecture in ("amd64", "arm64"):
        host.put(f"/two/probe-{architecture}", elf.program(architecture), 0o755)
    argv = ("docker", "buildx", "build", "--progress=plain", "--no-cache", "--platform=linux/amd64,linux/arm64", "/two")
    at_once = {user: host.start(*argv, user=user) for user in USERS}
    for user, building in at_once.items():
        said = building.communicate(timeout=120)[1].decode()
        assert building.returncode == 0, (user, said)
        assert set(re.findall(r"^#\d+ [\d.]+ (\w+)$", said, re.MULTILINE)) == {"amd64", "arm64"}, (user, said)
    for number, user in enumerate(USERS):
        assert build(host, number, user) == (number > 0, list(range(number + 1)))
        assert user == "root" or strangers(host, user) == ""
    assert host.sh("docker ps -a --format '{{.Names}}'").stdout.split() == [CONTAINER]
    ran = set((host.get("/tmp/trap") or b"").split())
    assert ran == {host.sh("id -u dev").stdout.strip().encode()}
    assert agent(host, "rollback").status == 0
    assert (
        host.sh("ls /home/dev/.docker/buildx/instances /home/ci/.docker/buildx/instances").stdout.count("container")
        == 0
    )


def test_who_asks_by_sudo_or_doas_gets_the_builder(boot: Boot) -> None:
    host = boot("trixie", layers=(parts.becoming_root(), *LAYERS), agent=True)
    people(host)
    host.put("/etc/sudoers.d/dev", "dev ALL=(ALL) NOPASSWD: ALL\n", 0o440)
    host.put("/etc/doas.conf", "permit nopass ci\n", 0o400)
    for user, become in (("dev", "sudo -n"), ("ci", "doas -n")):
        applied = host.sh(f"su - {user} -c '{become} provisioner apply'")
        assert applied.status == 0, applied.stderr
        assert f"the builder is for root and {user}, who asked" in applied.stderr
        assert host.run("docker", "buildx", "inspect", user=user).stdout.split()[1] == "container-builder"
        checked = host.run("provisioner", "check", user=user)
        assert (checked.status, checked.stdout) == (0, "in sync\n"), checked.stderr
        assert host.run("provisioner", "prove", user=user).status == 0
        assert strangers(host, user) == ""


def test_files_that_sudo_left_behind_are_given_back_and_links_are_not_followed(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    people(host)
    configure(host, users=["root", "dev"])
    assert agent(host, "apply").status == 0
    folder = "/home/dev/.docker/buildx"
    inspect = ("docker", "buildx", "inspect", "container-builder")
    host.sh(f"chown root:root {folder}/activity/container-builder", check=True)  # as after `sudo -E docker build`
    assert "permission denied" in host.run(*inspect, user="dev").stderr
    assert differences(agent(host, "check")) == {"builder: dev: owner of buildx's files"}
    assert agent(host, "apply").status == 0
    assert host.run(*inspect, user="dev").status == 0
    host.sh(f"chown -R root:root {folder}", check=True)
    assert differences(agent(host, "check")) >= {"builder: dev: owner of buildx's files"}
    mended = agent(host, "apply")
    assert mended.status == 0, mended.stderr
    assert agent(host, "check").status == 0
    assert host.run("docker", "buildx", "inspect", user="dev").stdout.split()[1] == "container-builder"
    host.sh(f"rm {folder}/current; ln -s /etc/shadow {folder}/current; mkfifo {folder}/instances/pipe", check=True)
    host.sh(f"rm {folder}/instances/container-builder; mkfifo {folder}/instances/container-builder", check=True)
    seen = agent(host, "check")
    assert seen.status == 2, seen.stderr
    refused = agent(host, "apply")
    assert refused.status not in (0, 70), refused.stderr
    assert host.sh("stat -c %U /etc/shadow").stdout.strip() == "root"
    assert "root:" not in refused.stderr
