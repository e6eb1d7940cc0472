"""Ansible over SSH against a fleet of different engines: the agent's own answers, host by host.

One fleet for all tests, in the order of its life: set up, drifted, held, rolled out, taken back.
"""

import json
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.booted import BUILDER, DAEMON_JSON, ENTRY, agent, portrait, started
from tests.helpers.fleet import FOLDER, OLDEST, Fleet, fleet, serve
from tests.helpers.native import ROOM, TRACES, built_there, prepare
from tests.hosts import Host, dist, parts

pytestmark = [pytest.mark.host, pytest.mark.timeout(900)]
GUIDE = Path(__file__).parents[2] / "docs" / "ansible.md"
BARE = "bare"
ENGINES = {"old": "bookworm", BARE: "trixie", "ci": "forky", "new": "29"}
BASE: dict[str, Any] = {"platforms": ["linux/amd64", "linux/arm64"], "image_store": {"existing": "hide"}}
PACKAGE = "docker-host-provisioner"
RESTARTING = {**BASE, "daemon": {"userland-proxy": False}}
CONFIG = "/etc/provisioner/provisioner.yaml"
DROP_IN = "/etc/systemd/system/docker.service.d/no.conf"
REFUSES = f"! grep -q userland {DAEMON_JSON} || {{ echo failed to start daemon: no; exit 1; }}"
LEFT = """\
cd /; ls -A etc/binfmt.d etc/ansible/facts.d usr/local/bin 2>/dev/null | grep provisioner
ls -A usr/lib/systemd/system usr/local/lib/systemd/system 2>/dev/null | grep provisioner
find usr/local/share/man usr/local/lib/systemd/catalog -name 'provisioner*' 2>/dev/null
find etc/provisioner usr/local/lib/provisioner-environments -type f 2>/dev/null
"""
# pip loads them, whether it has a network or not; here a package's script would make them one file.
CERTIFICATES = "mkdir -p /etc/ssl/certs; cat /usr/share/ca-certificates/mozilla/* > /etc/ssl/certs/ca-certificates.crt"
REPORT = "/fleet/report"
# A repository on the host's own disk, and no other.
REPOSITORY = """\
set -e
cd /repository
sum=$(sha256sum it.deb)
{ dpkg-deb --field it.deb; stat -c 'Size: %s' it.deb; echo "SHA256: ${sum%% *}"; echo "Filename: ./it.deb"; } > Packages
rm -rf /etc/apt/sources.list.d
echo 'deb [trusted=yes] file:/repository ./' > /etc/apt/sources.list
apt-get update
"""
GROUPS = {"builders_386": ["ci"], "builders_arm64": ["new"]}
NATIVE = {"builders_386": ["linux/386"], "builders_arm64": ["linux/arm64"]}
BUILDING = {**BASE, "platforms": [*BASE["platforms"], "linux/386"], "builder": {"users": ["root", "dev"]}}
NODES = {"ci": "native-new", "new": "native-ci"}
SPAN = ("ActiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic")


@pytest.fixture(scope="module")
def ground() -> Iterator[Fleet]:
    """Four engines; two hosts have no agent yet: one gets it as a wheel, one as a package."""
    wheel, package = dist.wheel(), dist.deb()
    settings: dict[str, dict[str, Any]] = {
        BARE: {"provisioner_package": f"dist/{wheel.name}", "provisioner_wheel_packages": []},
        "old": {"provisioner_package": f"dist/{package.name}"},
    }
    layers: dict[str, tuple[str | Path, ...]] = {"old": ("buildx", *parts.apt("bookworm")), BARE: parts.venv()}
    with fleet(ENGINES, layers, settings, bare=settings, groups=GROUPS) as made:
        for file in (wheel, package):
            made.controller.put(f"/fleet/dist/{file.name}", file.read_bytes())
        made.members[BARE].sh(CERTIFICATES, check=True)
        made.configure(**BASE)
        yield made


def starts(ground: Fleet) -> dict[str, str]:
    return {name: started(host) for name, host in ground.members.items()}


def span(host: Host) -> tuple[int, int]:
    """When the engine went down last, and when it was up again, in the one clock of all hosts."""
    down, up = (host.sh(f"systemctl show docker -p {name} --value", check=True).stdout for name in SPAN)
    return int(down), int(up)


def program(host: Host) -> str:
    """Where the agent is, if it is there."""
    return host.sh("readlink -f $(command -v provisioner)").stdout.strip()


def blocks(heading: str) -> list[str]:
    """Return the code blocks of a section of the guide."""
    section = GUIDE.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```[^\n]*\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def test_a_host_without_the_agent_is_a_change_in_check_mode(ground: Fleet) -> None:
    hosts = {"old", BARE}
    play = ground.play("site", "--check", "--limit", "old,bare")
    assert (play.status, play.changed()) == (0, hosts), play.output
    assert [r["installed"] for r in play.of("Configure and apply").values()] == [False, False]
    assert [program(ground.members[name]) for name in hosts] == ["", ""]
    play = ground.play("site", "--tags=install", core=OLDEST)
    assert (play.status, play.changed()) == (0, hosts), play.output
    assert program(ground.members[BARE]).startswith("/usr/local/lib/provisioner-environments/")
    assert ground.members[BARE].get("/usr/local/share/man/man1/provisioner.1")
    assert program(ground.members["old"]) == "/usr/bin/provisioner"


def test_the_guide_s_first_example_runs_as_it_is_written(ground: Fleet) -> None:
    variables, commands = blocks("One playbook")
    ground.controller.put(f"{FOLDER}/group_vars/all.yml", variables)
    for command in commands.splitlines():
        ran = ground.run(*shlex.split(command, comments=True), "--limit", BARE)
        assert ran.status == 0, ran.stdout + ran.stderr
    assert agent(ground.members[BARE], "check").status == 0
    ground.controller.sh(f"rm -r {FOLDER}/group_vars", check=True)


def test_check_mode_foretells_the_first_run_and_a_second_changes_nothing(ground: Fleet) -> None:
    before = {name: portrait(host) for name, host in ground.members.items()}
    foretold = ground.play("site", "--check", "--diff", core=OLDEST)
    assert foretold.status == 0, foretold.output
    assert {name: portrait(host) for name, host in ground.members.items()} == before
    done = ground.play("site", "--diff")
    assert (done.status, done.changed()) == (0, set(ENGINES)), done.output
    assert done.foretells() == foretold.foretells()
    assert '+    "containerd-snapshotter": true' in done.output
    assert {name: agent(host, "check").status for name, host in ground.members.items()} == {
        **dict.fromkeys(ENGINES, 0),
        "old": 2,
    }
    for host in ground.members.values():
        assert "provisioner-recover.service" in host.sh("systemctl show sysinit.target -p Wants", check=True).stdout
    since = starts(ground)
    for arguments in (("--check", "--diff"), ()):
        again = ground.play("site", *arguments, core=OLDEST)
        assert (again.status, again.changed()) == (0, set()), again.output
        assert set(again.of("Say what is blocked")) == {"old"}
        assert "has no containerd image store" in again.output
    assert starts(ground) == since


def test_drift_is_named_by_check_shown_on_the_page_and_mended_there_alone(ground: Fleet) -> None:
    drifted = ground.members["ci"]
    drifted.sh(f"rm {DAEMON_JSON}; echo -1 > {ENTRY}; docker rm -f {BUILDER}", check=True)
    ground.members["new"].sh("systemctl stop sshd", check=True)
    play = ground.play("check", provisioner_report=REPORT)
    assert (play.status, play.changed()) == (0, set()), play.output
    table = (ground.controller.get(f"{REPORT}/results.ndjson") or b"").decode()
    found = {
        line["host"]["name"]: [d["key"] for d in line["differences"]] for line in map(json.loads, table.splitlines())
    }
    assert set(found) == {"old", BARE, "ci", "new"}
    assert found[BARE] == found["new"] == []
    assert "check: unreachable" in play.output
    assert set(found["ci"]) == {"containerd-snapshotter in daemon.json", "linux/arm64", "container"}
    page = (ground.controller.get(f"{REPORT}/fleet.html") or b"").decode()
    for word in ('"ci"', "linux/arm64", "containerd-snapshotter in daemon.json", '"new"'):
        assert word in page
        assert word.strip('"') in play.output
    serve(ground.members["new"])
    since = starts(ground)
    mended = ground.play("site")
    assert (mended.status, mended.changed()) == (0, {"ci"}), mended.output
    assert agent(drifted, "check").status == 0
    assert starts(ground) == since


def test_a_restart_that_must_wait_for_containers_is_told_and_no_failure(ground: Fleet) -> None:
    host = ground.members[BARE]
    host.sh("tar c -C / -h lib64 usr/bin/sleep usr/lib/x86_64-linux-gnu/libc.so.6 | docker import - keep:1", check=True)
    host.sh(
        "docker run -d --name theirs -e LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu keep:1 /usr/bin/sleep 999", check=True
    )
    ground.configure(**RESTARTING)
    since = starts(ground)
    play = ground.play("site", "--limit", BARE)
    assert play.status == 0, play.output
    made = play.of("Configure and apply")[BARE]
    assert (made["restart_owed"], made["restarted"], made["changes"]) == (True, [], [])
    assert "the daemon must be restarted while theirs is running" in play.output
    assert "theirs" in host.sh("docker ps").stdout
    assert starts(ground) == since
    host.sh("docker rm -f theirs; docker rmi keep:1", check=True)


def test_a_rollout_stops_at_the_host_whose_engine_cannot_come_back(ground: Fleet) -> None:
    host = ground.members[BARE]
    host.put(CONFIG, json.dumps(BASE))
    host.put(DROP_IN, f"[Service]\nExecStartPre=/bin/sh -c '{REFUSES}'\n")
    host.sh("systemctl daemon-reload", check=True)
    before, since = portrait(host), starts(ground)
    play = ground.play("rollout", provisioner_batches=[1, 1, 2])
    assert play.status != 0
    assert ({r["host"] for r in play.results}, play.failed()) == ({"old", BARE}, {BARE})
    failed = play.of("Restart Docker in turns")[BARE]
    assert (failed["rc"], failed["rolled_back"]) == (3, True)
    assert (
        "docker.service did not start: failed to start daemon: no; rolled back, the host is as it was" in failed["msg"]
    )
    assert portrait(host) == before
    assert json.loads(host.get(CONFIG) or b"") == BASE
    assert {name: s for name, s in starts(ground).items() if name in ("ci", "new")} == {
        n: since[n] for n in ("ci", "new")
    }
    host.sh(f"rm {DROP_IN}; systemctl daemon-reload", check=True)


def test_engines_restart_no_more_at_once_than_told(ground: Fleet) -> None:
    since = starts(ground)
    play = ground.play("rollout", provisioner_batches=["100%"], provisioner_at_once=1)
    assert play.status == 0, play.output
    restarted = {name for name, r in play.of("Restart Docker in turns").items() if r.get("restarted")}
    assert restarted == {name for name, start in starts(ground).items() if start != since[name]} >= {BARE, "ci", "new"}
    spans = sorted(span(ground.members[name]) for name in restarted)
    assert all(up < down for (_, up), (down, _) in pairwise(spans)), spans


@pytest.mark.parametrize(("playbook", "why"), [("site", "release week"), ("rollout", "restart is never")])
def test_what_was_put_off_is_done_by_the_next_play_that_may_and_said_once(
    ground: Fleet, playbook: str, why: str
) -> None:
    host, wanted = (
        ground.members["ci"],
        {**RESTARTING, "daemon": {"log-level": "warn" if playbook == "site" else "error"}},
    )
    apply = ("--tags=apply", "--limit=ci")
    if playbook == "site":
        host.sh("provisioner hold --reason 'release week' --until 1h", check=True)
    ground.configure(**wanted, restart="always" if playbook == "site" else "never")
    since = started(host)
    blocked = ground.play(playbook, *apply)
    assert (blocked.status, started(host)) == (0, since), blocked.output
    assert why in blocked.output
    assert "put off until now: " not in blocked.output
    host.sh("provisioner release", check=True)
    ground.configure(**wanted, restart="always")
    done = ground.play(playbook, *apply)
    assert (done.status, done.changed()) == (0, {"ci"}), done.output
    assert (done.output.count("put off until now: "), why in done.output) == (1, True), done.output
    assert started(host) != since
    again = ground.play(playbook, *apply)
    assert (again.status, again.changed()) == (0, set()), again.output
    assert "put off until now: " not in again.output


@pytest.mark.soak
def test_hosts_of_a_group_build_natively_for_all_others(ground: Fleet) -> None:
    for host in ground.members.values():
        prepare(host)
    ground.configure(**BUILDING)
    foretold = ground.play("site", "--check", provisioner_native_nodes=NATIVE, core=OLDEST)
    assert (foretold.status, foretold.changed()) == (0, set(ENGINES)), foretold.output
    done = ground.play("site", provisioner_native_nodes=NATIVE)
    assert (done.status, done.changed()) == (0, set(ENGINES)), done.output
    again = ground.play("site", provisioner_native_nodes=NATIVE, core=OLDEST)
    assert (again.status, again.changed()) == (0, set()), again.output
    for name, builds in NODES.items():
        proven = agent(ground.members[name], "prove")
        assert proven.status == 0, proven.stderr
        where = {row["where"].partition(" ")[0] for row in proven.document["platforms"]}
        assert where == {"container-builder0", builds}
    host, node = ground.members[BARE], ground.members["ci"]
    for number, user in enumerate(("root", "dev"), 620):
        assert built_there(host, node, number, user)
        assert host.run("docker", "--host", "ssh://native-new", "version", user=user).status == 0
        shell = host.run("ssh", "native-new", "id", user=user, timeout=20)
        assert "uid=" not in shell.stdout  # the key may talk to Docker, and to nothing else
    keys = host.sh(f"stat -c '%U %a' {ROOM}/keys/root {ROOM}/keys/dev", check=True).stdout.split("\n")
    assert keys[:2] == ["root 600", "dev 600"]


@pytest.mark.soak
def test_a_node_that_somebody_broke_is_found_and_repaired(ground: Fleet) -> None:
    host, node = ground.members[BARE], ground.members["ci"]
    node.sh("docker rm -f buildx_buildkit_native-ci", check=True)
    play = ground.play("check", provisioner_report=REPORT, provisioner_far=True)
    found = {name: r["drifted"] for name, r in play.of("Check").items()}
    assert found[BARE] == ["builder: node native-ci container"], play.output
    assert found["ci"] == []
    host.sh(f"sed -i 's/^native-ci .*/native-ci ssh-ed25519 AAAA/' {ROOM}/known_hosts", check=True)
    assert host.run("docker", "--host", "ssh://native-ci", "version").status != 0
    repaired = ground.play("site", provisioner_native_nodes=NATIVE)
    assert repaired.status == 0, repaired.output
    assert built_there(host, node, 622)


@pytest.mark.soak
def test_native_nodes_are_removed_when_the_group_no_longer_offers_them(ground: Fleet) -> None:
    fewer = {"builders_arm64": ["linux/arm64"]}
    done = ground.play("site", provisioner_native_nodes=fewer)
    assert (done.status, done.changed()) == (0, set(ENGINES)), done.output
    assert "native-ci" not in ground.members[BARE].sh(f"docker buildx ls; cat {ROOM}/known_hosts").stdout
    assert "native" not in ground.members["ci"].sh("docker ps --all").stdout.replace("native-new", "")
    arguments: dict[str, Any] = {"provisioner_native_nodes": fewer, "provisioner_state": "absent"}
    assert ground.play("site", "--limit", "old", **arguments).status == 0
    assert ":old:" not in (ground.members["new"].get(f"{ROOM}/login/.ssh/authorized_keys") or b"").decode()
    ground.configure(**BASE)
    assert ground.play("site").status == 0
    for name, host in ground.members.items():
        assert host.sh(TRACES).stdout == "", name
    again = ground.play("site")
    assert (again.status, again.changed()) == (0, set()), again.output


def test_all_of_it_is_taken_back_and_away(ground: Fleet) -> None:
    hosts = {"old", BARE}
    arguments: dict[str, Any] = {"provisioner_state": "absent"}
    foretold = ground.play("site", "--check", "--limit", "old,bare", **arguments)
    assert (foretold.status, foretold.changed()) == (0, hosts), foretold.output
    assert agent(ground.members[BARE], "check").status == 0
    done = ground.play("site", "--limit", "old,bare", **arguments)
    assert (done.status, done.changed()) == (0, hosts), done.output
    for name in hosts:
        host = ground.members[name]
        assert (host.sh(LEFT).stdout, program(host), host.get(DAEMON_JSON)) == ("", "", None)
        assert BUILDER not in host.sh("docker ps -a").stdout
    again = ground.play("site", "--limit", "old,bare", **arguments)
    assert (again.status, again.changed()) == (0, set()), again.output


def test_a_package_of_the_host_s_repositories_is_installed_and_removed_by_its_name(ground: Fleet) -> None:
    host = ground.members["old"]
    host.put("/repository/it.deb", ground.controller.get(f"/fleet/dist/{dist.deb().name}") or b"")
    host.sh(REPOSITORY, check=True)
    ground.play("site", "--tags=absent", "--limit=old", provisioner_package=PACKAGE, provisioner_state="absent")
    for state, there in (("present", "/usr/bin/provisioner"), ("absent", "")):
        arguments: dict[str, Any] = {"provisioner_package": PACKAGE, "provisioner_state": state}
        for changed in ({"old"}, set()):
            play = ground.play("site", "--tags=install,absent", "--limit=old", **arguments)
            assert (play.status, play.changed(), program(host)) == (0, changed, there), play.output
