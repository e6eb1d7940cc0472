"""What a sandbox or a container's manager hides is unknown, never absent: the shipped units, and a closed table."""

import json
import re
from typing import Any

import pytest

from tests.conftest import Boot
from tests.helpers.booted import ENTRY, LAYERS, agent, differences, job, started, store
from tests.helpers.story import told
from tests.hosts import Host

pytestmark = pytest.mark.host
DROP_IN = "/etc/systemd/system/docker.service.d/flags.conf"
OTHER = "/srv/docker/daemon.json"
TABLE = "/proc/sys/fs/binfmt_misc"
START = "ExecStart=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS"
CONFIG = "/etc/provisioner/provisioner.yaml"
CALLED = 'bash -c \'exec -a dockerd python3 -c "import time; time.sleep(999)" "$@"\' -'  # a process of that name
EXAMPLES = "/usr/local/share/doc/docker-host-provisioner/examples"
RECORD = "/var/lib/provisioner-check/check.json"
DEVS = "/home/dev/.docker/buildx/instances/container-builder"
FILES = {
    DROP_IN: f"[Service]\nEnvironment=FILE={OTHER}\nExecStart=\n{START} --config-file=${{FILE}}\n",
    OTHER: '{"data-root": "/home/docker"}',
    CONFIG: "platforms: [linux/amd64, linux/arm64]\nbuilder: {users: [root, dev]}\nrepair: [emulators]\n",
}


def record(host: Host) -> dict[str, Any]:
    """Run the hourly check, and return what it kept. Its unit fails if a state is unknown."""
    job(host, "provisioner-check")
    found: dict[str, Any] = json.loads(host.get(RECORD) or b"{}")
    return found


def drop_in(host: Host, name: str) -> None:
    """Use one of the drop-ins that are installed beside the documentation."""
    host.sh(f"cd {EXAMPLES} && cp --parents */{name}.conf /etc/systemd/system && systemctl daemon-reload", check=True)


def test_the_units_serve_users_a_moved_data_root_and_a_daemon_with_flags(boot: Boot) -> None:
    """Each unit does what the configuration asks for, or says in a sentence what it cannot do."""
    host = boot("forky", layers=LAYERS, agent=True, files=FILES, binfmt=True)
    host.sh("useradd --create-home --groups docker dev", check=True)
    assert host.sh("docker info --format '{{.DockerRootDir}}'").stdout.strip() == "/home/docker"

    running = started(host)
    host.sh("rmdir /usr/local/lib/provisioner/qemu", check=True)  # as where SELinux kept tmpfiles.d from making it
    job(host, "provisioner-apply", check=True)
    said = host.journal("provisioner-apply")
    assert f"{OTHER} is on /, which is mounted read-only" in said, said
    assert "elsewhere.conf" in said, said
    assert (started(host), json.loads(host.get(OTHER) or b"")) == (running, {"data-root": "/home/docker"})

    drop_in(host, "elsewhere")
    host.sh(f"systemd-run -q --unit=theirs --uid=dev {CALLED} --config-file={OTHER}", check=True)
    host.sh(f"systemd-run -q --unit=second {CALLED} --config-file={OTHER}", check=True)
    job(host, "provisioner-apply", check=True)
    assert f"reads {OTHER}, too" in host.journal("provisioner-apply")  # root's process counts in the sandbox, too
    assert "overlay2" in store(host)
    host.sh("systemctl stop second", check=True)  # and dev's, which is still there, never does
    job(host, "provisioner-apply", check=True)  # 5: all but dev's part
    said = host.journal("provisioner-apply")
    assert "/home/dev is hidden from this process" in said, said
    assert "users.conf" in said, said
    assert "io.containerd.snapshotter.v1" in store(host), said
    assert json.loads(host.get(OTHER) or b"")["features"] == {"containerd-snapshotter": True}
    seen = record(host)
    assert (seen["status"], seen["differences"]) == ("unknown", []), json.dumps(seen)
    assert {u["key"].partition(":")[0] for u in seen["unknown"]} == {"dev"}

    drop_in(host, "users")
    ended = job(host, "provisioner-apply")
    assert ended.status == 0, host.journal("provisioner-apply")
    assert host.sh("stat -c %U /home/dev/.docker/buildx/instances/container-builder").stdout.strip() == "dev"
    checked = agent(host, "check")
    assert checked.status == 0, differences(checked)
    assert (record(host)["status"], record(host)["unknown"]) == ("in-sync", [])

    host.sh(f"echo -1 > {ENTRY}", check=True)
    record(host)  # the repair records its own check, so this one's result may be gone already
    host.wait("the repair", lambda: "enabled" in host.sh(f"cat {ENTRY}").stdout)
    host.wait("its end", lambda: host.run("systemctl", "is-active", "provisioner-repair").stdout == "inactive\n")
    assert agent(host, "check").status == 0


def test_the_unit_says_who_can_install_what_its_sandbox_keeps_from_it(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)  # a container: systemd mounts no binfmt_misc at boot
    job(host, "provisioner-apply", check=True)
    [said] = told(host, "blocked")
    unseen = "/usr/local/lib/provisioner/register-emulators is on /, which is mounted read-only"
    assert said.splitlines()[0] == f"blocked: emulators: {unseen}"
    assert said.splitlines()[-1] == "everything else is done; `provisioner rollback 1` takes it back"
    assert (told(host, "applied"), told(host, "held")) == ([], [])
    [command] = re.findall(r"run `sudo (.*)` once by hand", said)
    assert agent(host, *command.split()[1:]).status == 0
    host.reboot()
    job(host, "provisioner-apply", check=True)
    assert agent(host, "check").status == 0
    assert len(told(host, "blocked")) == 1


def test_the_units_of_a_boot_undo_for_users_a_moved_data_root_and_a_daemon_with_flags(boot: Boot) -> None:
    host = boot("forky", layers=LAYERS, agent=True, files=FILES, binfmt=True)
    host.sh("useradd --create-home --groups docker dev", check=True)
    applied = agent(host, "apply")
    assert applied.status == 0, applied.stderr
    assert "containerd-snapshotter" in (host.get(OTHER) or b"").decode()
    assert host.get(DEVS) is not None
    cut = """cd /var/lib/provisioner && grep -v '"end"' receipts/000001.jsonl > r && mv r receipts/000001.jsonl"""
    host.sh(f"{cut} && echo 1 > open && sync", check=True)
    host.cut()
    host.boot()
    assert host.get(OTHER) == FILES[OTHER].encode()
    assert "overlay2" in store(host)
    host.wait("the rest", lambda: host.get("/var/lib/provisioner/open") is None)
    assert host.get(DEVS) is None
    assert host.sh(f"cat {ENTRY}").status != 0
    for unit in ("provisioner-recover", "provisioner-recovered"):
        shown = host.run("systemctl", "show", "--property=Result,ConditionResult", unit).stdout
        assert set(shown.split()) == {"Result=success", "ConditionResult=yes"}, host.journal(unit)
    assert host.sh("docker info --format '{{.DockerRootDir}}'").stdout.strip() == "/home/docker"
    assert agent(host, "check").document["interrupted"] is None


def test_a_table_that_even_root_may_not_look_into_blocks_the_emulators_alone(boot: Boot) -> None:
    host = boot("forky", agent=True)
    closed = f"mount -t tmpfs -o mode=0700,uid=12345,gid=12345 t {TABLE} && exec unshare -Ur provisioner"
    checked = host.sh(f"unshare -m sh -c '{closed} check --only emulators'")
    assert checked.status == 2, checked.stderr
    planned = host.sh(f"unshare -m sh -c '{closed} plan --only emulators --format json'")
    assert "the manager of this container does not let it use binfmt_misc" in planned.stdout
    assert "run as root" not in planned.stderr
