"""Whatever ends an apply, and wherever: afterwards the host is as it was, or as it was to be, and says which."""

import os
import random
import time

import pytest

from tests.conftest import Boot
from tests.helpers.booted import DAEMON_JSON, LAYERS, agent, portrait, store
from tests.hosts import Host

pytestmark = pytest.mark.host
RECEIPTS = "/var/lib/provisioner/receipts"
KILLS = int(os.environ.get("PROVISIONER_KILLS", "6"))  # random moments, and every how-many-th entry of the journal
SETTLED = "systemctl is-active --wait docker >/dev/null; until docker info >/dev/null 2>&1; do sleep .05; done"
# Kills the run that changes the host as soon as $1 holds: from outside, by two programs, it may have ended by then.
KILLED = 'until eval "$1" 2>/dev/null; do sleep .005; done; kill -KILL $(cat /run/provisioner/lock)'
LASTS = pytest.mark.timeout(240 + 40 * KILLS)
# Whether a daemon.json was there or not, undoing must leave exactly that.
FILES = {DAEMON_JSON: '{\r\n\t"debug": false\r\n}', "/etc/provisioner/provisioner.yaml": "daemon: {debug: true}\n"}


def lines(host: Host) -> int:
    """How many entries the newest journal has."""
    return int(host.sh(f"cat $(ls -d {RECEIPTS}/*.jsonl | tail -1) 2>/dev/null | wc -l").stdout)


def newest(host: Host) -> bytes:
    """The newest journal, read from outside: fast enough to meet an entry before the next."""
    folder = host.path(RECEIPTS)
    try:
        return max(folder.glob("*.jsonl")).read_bytes()
    except (ValueError, OSError):
        return b""


def after_a_kill(host: Host, before: dict[str, object], what: str) -> str:
    """See that the next command says what was left, and that the host comes out old or new."""
    host.sh(SETTLED, check=True)
    checked = agent(host, "check")
    cut = checked.document["interrupted"]
    if cut is None and checked.status == 0:
        assert agent(host, "rollback").status == 0, what
        outcome = "new"
    elif cut is None:
        outcome = "old"
    else:
        undone = agent(host, "rollback")
        assert (undone.status, undone.document["undone"]) == (0, [cut]), (what, undone.stderr)
        outcome = "cut off"
    assert portrait(host) == before, what
    return outcome


@LASTS
def test_a_kill_at_every_entry_of_the_journal_leaves_old_or_new(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True, files=FILES)
    before = portrait(host)
    assert agent(host, "apply").status == 0
    entries = lines(host)
    assert agent(host, "rollback").status == 0
    assert portrait(host) == before
    for entry in range(1, entries + 1, max(1, 12 // KILLS)):
        running = host.start("provisioner", "apply")
        known = len(list(host.path(RECEIPTS).glob("*.jsonl")))
        while newest(host).count(b"\n") < entry or len(list(host.path(RECEIPTS).glob("*.jsonl"))) == known:
            if running.poll() is not None:
                break
        host.sh("pkill -KILL -f 'bin/provisioner apply'")
        running.communicate()
        after_a_kill(host, before, f"entry {entry}")


@LASTS
def test_a_kill_at_any_moment_leaves_old_or_new(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True, files=FILES)
    before = portrait(host)
    begun = time.monotonic()
    assert agent(host, "apply").status == 0
    took = time.monotonic() - begun
    assert agent(host, "rollback").status == 0
    chance, outcomes = random.Random(4), dict.fromkeys(("old", "new", "cut off"), 0)  # noqa: S311
    for turn in range(KILLS):
        moment = chance.uniform(0, took * 1.05)
        running = host.start("provisioner", "apply")
        time.sleep(moment)
        host.sh("pkill -KILL -f 'bin/provisioner apply'")
        running.communicate()
        outcomes[after_a_kill(host, before, f"kill {turn} after {moment:.3f} s")] += 1
    print(f"{KILLS} kills: {outcomes}")


@pytest.mark.parametrize("event", ['"step": "SetLeaf"', '"event": "settle"', "--bootstrap"])
def test_a_boot_after_a_power_cut_puts_everything_back_by_itself(boot: Boot, event: str) -> None:
    host = boot("trixie", layers=LAYERS, agent=True, files=FILES)
    before = portrait(host)
    running = host.start("provisioner", "apply")
    host.wait("the moment", lambda: event.encode() in newest(host), 60)
    host.cut()
    running.communicate()
    host.boot()
    assert host.get(DAEMON_JSON) == FILES[DAEMON_JSON].encode()
    assert "overlay2" in store(host)
    host.wait("the rest", lambda: host.get("/var/lib/provisioner/open") is None)
    assert agent(host, "check").document["interrupted"] is None
    assert portrait(host) == before
    for unit in ("provisioner-recover", "provisioner-recovered"):
        shown = host.run("systemctl", "show", "--property=Result,ConditionResult", unit).stdout
        assert set(shown.split()) == {"Result=success", "ConditionResult=yes"}, host.journal(unit)


def test_what_nobody_confirms_is_taken_back(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True, files=FILES)
    before = portrait(host)
    done = agent(host, "apply", "--confirm=3s")
    assert done.status in (0, 3), done.stderr
    host.wait("the rollback", lambda: b'"undone"' in newest(host) or b'"rolled back"' in newest(host), 60)
    assert portrait(host) == before

    assert agent(host, "apply", "--confirm=2m").status == 0
    second = agent(host, "apply")
    assert second.status == 1
    assert "waits to be confirmed" in second.stderr
    assert agent(host, "confirm").document["confirmed"] == 2
    assert host.sh("systemctl list-timers --all | grep provisioner").status == 1
    assert agent(host, "check").status == 0
    assert agent(host, "confirm").document["confirmed"] is None

    assert agent(host, "rollback").status == 0
    assert agent(host, "apply", "--confirm=2m").status == 0
    host.cut()
    host.boot()
    host.wait("the rest", lambda: host.get("/var/lib/provisioner/open") is None)
    assert portrait(host) == before


PLUGIN = "/usr/libexec/docker/cli-plugins/docker-buildx"
HANGS = f"""#!/bin/sh
case "$*" in *--bootstrap*) sleep 600 ;; esac
exec {PLUGIN}.real "$@"
"""
WAITS = f"""#!/bin/sh
case "$*" in *--bootstrap*) while [ -e /wait ]; do sleep .1; done ;; esac
exec {PLUGIN}.real "$@"
"""


def test_an_apply_that_hangs_is_ended_and_taken_back_when_its_time_is_over(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True, files=FILES)
    before = portrait(host)
    host.sh(f"mv {PLUGIN} {PLUGIN}.real", check=True)
    host.put(PLUGIN, HANGS, 0o755)
    running = host.start("provisioner", "apply", "--confirm=5s")
    said = running.communicate(timeout=120)[1].decode()
    assert (running.returncode, "interrupted by SIGTERM" in said) == (3, True), said
    host.wait("the alarm", lambda: host.sh("systemctl is-active 'provisioner-confirm-*'").status != 0)
    assert b'"rolled back"' in newest(host)
    assert portrait(host) == before


def test_of_twenty_applies_at_once_one_works_and_the_others_are_told_which(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    host.sh(f"mv {PLUGIN} {PLUGIN}.real; touch /wait", check=True)
    host.put(PLUGIN, WAITS, 0o755)
    running = [host.start("provisioner", "apply") for _ in range(20)]
    host.wait("the others", lambda: sum(p.poll() is None for p in running) <= 1, 120)
    host.sh("rm /wait", check=True)
    said = [p.communicate(timeout=120)[1].decode() for p in running]
    assert sorted(p.returncode for p in running) == [0] + [75] * 19, said
    assert sum("another provisioner (process" in s for s in said) == 19
    assert host.sh(f"ls {RECEIPTS}").stdout.split() == ["000001.jsonl"]
    assert agent(host, "check").status == 0
