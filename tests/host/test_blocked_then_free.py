"""What is blocked today is free later: the next apply does what is left, once, and says since when and why it waited.

Each pair is walked to its end on one booted host, one after the other: something blocks, two applies say so, it goes
away, one apply makes the change with one restart at most, and the next one has nothing to do and nothing to say.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from tests.conftest import Boot
from tests.helpers.booted import DAEMON_JSON, ENTRY, LAYERS, agent, job, started, store
from tests.hosts import Host

pytestmark = [pytest.mark.host, pytest.mark.timeout(900)]
CONFIG = "/etc/provisioner/provisioner.yaml"
IMPORT = "tar c -C / -h lib64 usr/bin/sleep usr/lib/x86_64-linux-gnu/libc.so.6 | docker import - theirs:1; "
RUN = "docker run -d --name theirs -e LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu theirs:1 /usr/bin/sleep 9999"
DROP_IN = "/run/systemd/system/docker.service.d/theirs.conf"
FLAG = (
    f"mkdir -p {DROP_IN.rpartition('/')[0]}; "
    "sed -n 's/^ExecStart=.*/[Service]\\nExecStart=\\n& --shutdown-timeout=7/p' "
    f"$(systemctl show docker -p FragmentPath --value) >{DROP_IN}; systemctl daemon-reload; systemctl restart docker"
)
ENTRY_OF_THEIRS = (
    r":qemu-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/false:"
)
STATE = "/var/lib/provisioner"
FULL = (
    f"cp -a {STATE} /kept; mount -t tmpfs -o size=2m tmpfs {STATE}; cp -a /kept/. {STATE}/; "
    f"head -c 3000000 /dev/zero >{STATE}/theirs 2>/dev/null || true"
)
LOCKED = "mkdir -p /run/provisioner; setsid flock /run/provisioner/lock sleep 999 >/dev/null 2>&1 & sleep 0.5"
OPEN = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "length": "24h", "zone": "UTC"}
CLOSED = {**OPEN, "days": ["DAY"], "length": "1m"}


class Pair(NamedTuple):
    """What blocks, what an apply says and ends with then, and what frees it. ``then`` changes the configuration."""

    only: str
    config: dict[str, Any]
    block: str
    says: str
    free: str
    status: int = 5
    restarts: bool = True
    then: Mapping[str, Any] = MappingProxyType({})


def daemon(**leaves: Any) -> dict[str, Any]:
    return {"daemon": {name.replace("_", "-"): value for name, value in leaves.items()}, "restart": "always"}


PAIRS = {
    "a flag is taken out": Pair(  # alone, so that a reload would do but for the flag that the running daemon has
        "daemon",
        daemon(shutdown_timeout=9),
        FLAG,
        "shutdown-timeout",
        f"rm {DROP_IN}; systemctl daemon-reload",
    ),
    "a key of theirs is taken out": Pair(
        "daemon",
        daemon(log_level="warn"),
        f"""echo '{{"disable-legacy-registry": true}}' >{DAEMON_JSON}""",
        "disable-legacy-registry",
        f"echo '{{}}' >{DAEMON_JSON}",
    ),
    "images and containers are gone": Pair(
        "image-store",
        {"restart": "always"},
        f"{IMPORT} docker create --name theirs theirs:1 /usr/bin/sleep",
        "would hide",
        "docker rm theirs; docker image rm theirs:1",
    ),
    "the host is idle": Pair(
        "daemon",
        {**daemon(log_level="error"), "restart": "if-idle"},
        f"{IMPORT} {RUN}",
        "theirs",
        "docker rm -f theirs",
    ),
    "restart was never": Pair(
        "daemon", {**daemon(log_level="debug"), "restart": "never"}, "true", "never", "true", then={"restart": "always"}
    ),
    "the window opens": Pair(
        "daemon",
        {
            **daemon(log_level="warn"),
            "restart": {"policy": "always", "window": CLOSED},
        },
        "true",
        "window",
        "true",
        then={"restart": {"policy": "always", "window": OPEN}},
    ),
    "a hold is over": Pair(
        "daemon",
        daemon(log_level="error"),
        "provisioner hold --reason 'release week' --until 5s",
        "release week",
        "sleep 6",
        status=75,
    ),
    "the lock is released": Pair(
        "daemon", daemon(log_level="debug"), LOCKED, "another provisioner", "pkill -x flock; pkill -x sleep", status=75
    ),
    "there is room again": Pair(
        "daemon", daemon(log_level="warn"), FULL, "No space left on device", f"rm {STATE}/theirs"
    ),
    "another owner's entry is gone": Pair(
        "emulators",
        {"platforms": ["arm64"]},
        f"printf %s '{ENTRY_OF_THEIRS}' >{ENTRY.rpartition('/')[0]}/register",
        "qemu-aarch64",
        f"echo -1 >{ENTRY}",
        restarts=False,
    ),
    "the registry is back": Pair(
        "builder",
        {"platforms": ["amd64", "arm64"]},
        "systemctl stop docker-registry",
        "no registry that the engine reaches has",
        "systemctl start docker-registry",
        restarts=False,
    ),
}


def walk(host: Host, name: str, pair: Pair) -> None:
    configure(host, pair.config)
    host.sh(pair.block, check=True)
    since = started(host)
    for _ in range(2):
        blocked = agent(host, "apply", f"--only={pair.only}")
        assert blocked.status == pair.status, (name, blocked.stderr)
        assert pair.says in blocked.stderr + json.dumps(blocked.document), name
    assert started(host) == since, name
    host.sh(pair.free, check=True)
    configure(host, {**pair.config, **pair.then})
    done = agent(host, "apply", f"--only={pair.only}")
    assert (done.status, done.document["changed"]) == (0, True), (name, done.stderr)
    late = done.document["put_off"]
    assert late, name
    assert all(pair.says in row["reason"] for row in late), (name, late)
    assert (started(host) != since) == pair.restarts, name
    again = agent(host, "apply", f"--only={pair.only}")
    assert (again.status, again.document["changed"], again.document["put_off"]) == (0, False, []), (
        name,
        again.document,
    )
    print(f"| {name} | {pair.status} | {late[0]['reason']} |")


def configure(host: Host, config: dict[str, Any]) -> None:
    other = host.sh("date -u -d '3 days' +%a").stdout.strip().lower()  # not tomorrow: midnight may come meanwhile
    host.put(CONFIG, json.dumps(config).replace("DAY", other))


def unit(host: Host) -> str:
    """Apply by the unit, as a timer does, and return what it has said."""
    cursor = host.run("journalctl", "-n0", "--show-cursor", check=True).stdout.split("cursor: ")[1].strip()
    job(host, "provisioner-apply")
    return host.run("journalctl", "-u", "provisioner-apply", f"--after-cursor={cursor}", "-o", "cat").stdout


def test_what_is_blocked_is_done_once_and_said_when_it_is_free(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True, binfmt=True)
    host.put(DAEMON_JSON, "{}")
    before = store(host)
    for name, pair in PAIRS.items():
        walk(host, name, pair)
    assert "containerd" in store(host)
    configure(host, {**daemon(log_level="error"), "restart": "never"})
    since = started(host)
    assert "put off until now" not in unit(host)
    assert started(host) == since
    configure(host, daemon(log_level="error"))
    assert "put off until now" in unit(host)
    assert started(host) != since
    assert "put off until now" not in unit(host)
    removed = agent(host, "remove")
    assert removed.status == 0, removed.stderr
    assert store(host) == before
    assert agent(host, "remove").document["things"] == []
