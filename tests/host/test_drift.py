"""A host's life after set-up: the timer checks, drift is told in one voice, and told again when it is gone."""

import json
from typing import Any

import jsonschema
import pytest

from provisioner.checks import schemas
from provisioner.cli.journald import EVENTS
from tests.conftest import Boot
from tests.helpers.booted import BUILDER, ENTRY, LAYERS, agent, differences, job
from tests.helpers.story import CONFIG, EXAMPLES, FACT, METRICS, RECORD, put_metrics_and_fact, told
from tests.hosts import Host

pytestmark = pytest.mark.host
RECEIPTS = "/var/lib/provisioner/receipts"
SOON = "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/2\nRandomizedDelaySec=0\nAccuracySec=100ms\n"
SCORES = {"check": 5, "apply": 15, "repair": 15, "recover": 15, "recovered": 50}  # tenths


def schema() -> dict[str, Any]:
    found: dict[str, Any] = schemas.document("check")
    return found


def record(host: Host) -> dict[str, Any]:
    """What the timer's check found last, as the schema has it."""
    found: dict[str, Any] = json.loads(host.get(RECORD) or b"{}")
    if found:
        jsonschema.Draft202012Validator(schema()).validate(found)
    return found


def test_the_timer_the_journal_the_record_the_metrics_and_the_fact_tell_one_story(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    put_metrics_and_fact(host)
    host.put("/etc/systemd/system/provisioner-check.timer.d/soon.conf", SOON)
    assert json.loads(host.run(FACT).stdout) == {}
    assert agent(host, "apply").status == 0
    host.sh("systemctl daemon-reload && systemctl start provisioner-check.timer", check=True)

    host.wait("the timer", lambda: record(host).get("status") == "in-sync")
    assert json.loads(host.run(FACT).stdout)["in_sync"] is True
    assert told(host, "drift found") == []

    host.sh(f"echo -1 > {ENTRY}", check=True)
    host.wait("drift", lambda: record(host).get("status") == "drifted")
    first = record(host)["differences"][0]
    assert (first["key"], first["have"], first["cause"], first["restarts"]) == (
        "linux/arm64",
        "not registered",
        "corrective",
        False,
    )
    assert record(host)["apply"][0]["restarts"] == []
    assert "qemu-aarch64" in str(record(host)["apply"][0]["steps"])
    host.wait("the journal", lambda: told(host, "drift found") == ["drift found: emulators: linux/arm64"])
    explained = host.run("journalctl", "-x", f"MESSAGE_ID={EVENTS['drift found'].message_id}").stdout
    assert "no longer as provisioner.yaml wants it" in explained
    fact = json.loads(host.run(FACT).stdout)
    assert (fact["in_sync"], fact["drifted"], fact["restart_required"]) == (False, ["emulators: linux/arm64"], False)
    metrics = (host.get(f"{METRICS}/provisioner.prom") or b"").decode()
    assert 'provisioner_drifted_keys{resource="emulators"} 1.0\n' in metrics
    assert 'provisioner_platform_ready{platform="linux/arm64"} 0.0\n' in metrics
    checked = agent(host, "check")
    assert (checked.status, differences(checked)) == (2, {"emulators: linux/arm64"})
    assert checked.document["differences"][0]["since"] == first["since"]
    host.wait("another check", lambda: record(host)["time"] > first["since"])
    assert record(host)["differences"][0]["since"] == first["since"]
    assert len(told(host, "drift found")) == 1

    host.put(CONFIG, "repair: [emulators]\n")
    host.wait("the repair", lambda: record(host).get("status") == "in-sync")
    assert host.sh(f"head -1 {ENTRY}").stdout == "enabled\n"
    host.wait("the end of it", lambda: told(host, "drift gone") == ["drift gone: emulators: linux/arm64"])
    # a check may see the emulator before the apply that has registered it has looked at it, too, and said so
    host.wait("the word of the apply", lambda: len(told(host, "applied")) == 2)
    assert (
        'provisioner_drifted_keys{resource="emulators"} 0.0\n'
        in (host.get(f"{METRICS}/provisioner.prom") or b"").decode()
    )


@pytest.mark.parametrize("engine", ["trixie", "forky"])
def test_every_sandboxed_job_does_its_whole_work(boot: Boot, engine: str) -> None:
    # provisioner-apply.service may not write the unit that a host without this mount needs.
    host = boot(engine, layers=LAYERS, agent=True, binfmt=True)
    for unit, score in SCORES.items():
        host.run("systemd-analyze", "security", f"--threshold={score}", f"provisioner-{unit}.service", check=True)
    units = (*(f"provisioner-{n}.service" for n in SCORES), "provisioner-check.timer")
    verified = host.run("systemd-analyze", "verify", "--man=no", *units)
    assert (verified.status, verified.stderr) == (0, "")

    job(host, "provisioner-apply", check=True)
    assert agent(host, "check").status == 0
    proof = host.journal("provisioner-apply")
    assert "image store: restart docker.service" in proof
    assert "linux/arm64  yes    yes           yes   QEMU " in proof

    job(host, "provisioner-check", check=True)
    assert (record(host)["status"], record(host)["unknown"]) == ("in-sync", [])
    everything = agent(host, "check").document["as_wanted"]
    assert record(host)["as_wanted"] == everything
    assert host.sh(f"stat -L -c %U {RECORD}").stdout != "root\n"
    mine = host.run("provisioner", "check", "--record")
    assert (mine.status, "systemctl start provisioner-check" in mine.stderr) == (77, True)

    host.sh(f"echo -1 > {ENTRY}; docker rm -f {BUILDER}; rm /etc/docker/daemon.json", check=True)
    job(host, "provisioner-check", check=True)
    everything = agent(host, "check").document
    assert {d["resource"] for d in record(host)["differences"]} == {"image store", "emulators", "builder"}
    for part in ("differences", "unknown", "as_wanted", "apply"):
        assert record(host)[part] == everything[part]

    host.put(CONFIG, "repair: [emulators]\n")
    job(host, "provisioner-check", check=True)
    host.wait("the repair", lambda: "enabled" in host.sh(f"cat {ENTRY}").stdout)
    host.wait("its end", lambda: host.run("systemctl", "is-active", "provisioner-repair").stdout == "inactive\n")
    left = agent(host, "check")
    assert {d["resource"] for d in left.document["differences"]} == {"image store", "builder"}
    job(host, "provisioner-apply", check=True)
    assert agent(host, "check").status == 0

    host.sh(f"rm {CONFIG}; cd {RECEIPTS} && grep -v '\"end\"' $(ls | tail -1) >000099.jsonl", check=True)
    host.sh(f"echo 99 >{RECEIPTS}/../open", check=True)
    host.run("flock", "/run/provisioner/lock", "systemctl", "start", "provisioner-check", check=True)
    assert (record(host)["status"], record(host)["interrupted"]) == ("in-sync", None)
    assert record(host)["notes"][0].startswith("an apply is running")
    job(host, "provisioner-check", check=True)
    assert (record(host)["status"], record(host)["interrupted"]) == ("interrupted", 99)
    host.sh(f"rm {RECEIPTS}/000099.jsonl {RECEIPTS}/../open", check=True)

    host.sh(f"cp -r {EXAMPLES}/. /etc/systemd/system; rm /etc/systemd/system/*/metrics.conf", check=True)
    host.sh("mkdir /srv/docker; systemctl daemon-reload", check=True)
    verified = host.run("systemd-analyze", "verify", "--man=no", *units, "provisioner-tell@x.service")
    assert (verified.status, verified.stderr) == (0, "")
    assert "03:00" in host.run("systemctl", "show", "--property=TimersCalendar", "provisioner-check.timer").stdout
    host.run("systemctl", "stop", "docker.socket", "docker.service", check=True)
    assert job(host, "provisioner-check").status != 0
    host.wait("the word", lambda: "check.service could not do its work" in host.journal("provisioner-tell@*"))


def test_who_may_not_look_is_told_what_they_did_not_see(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True, files={CONFIG: "builder: {users: [root]}\n"})
    assert agent(host, "apply").status == 0
    host.sh("useradd --create-home --groups docker dev; useradd --create-home other", check=True)
    seen = agent(host, "check", user="dev")
    assert (seen.status, seen.document["differences"]) == (1, [])
    assert {u["resource"] for u in seen.document["unknown"]} == {"builder"}
    assert "may not" in seen.document["unknown"][0]["reason"]
    assert not [u for u in seen.document["unknown"] if u["key"].startswith("container")]
    assert {"resource": "builder", "key": "container", "want": "running"} in seen.document["as_wanted"]
    metrics = host.run("provisioner", "check", "--format=prometheus", user="dev")
    assert (metrics.status, "python3-prometheus-client" in metrics.stderr) == (1, True)
    host.sh(f"docker stop {BUILDER}", check=True)
    seen = agent(host, "check", user="dev")
    assert (seen.status, differences(seen)) == (2, {"builder: container"})
    host.sh(f"docker start {BUILDER}; chmod 600 /etc/docker/daemon.json", check=True)
    closed = agent(host, "check", user="dev").document
    assert {u["reason"] for u in closed["unknown"]} == {"/etc/docker/daemon.json: this user may not read it"}
    host.sh("chmod 644 /etc/docker/daemon.json", check=True)
    host.sh(f"echo -1 > {ENTRY}", check=True)
    seen = agent(host, "check", user="dev")
    assert (seen.status, differences(seen)) == (2, {"emulators: linux/arm64"})
    assert seen.document["differences"][0]["cause"] is None
    nagios = host.run("provisioner", "check", "--format=nagios", user="other")
    assert (nagios.status, nagios.stdout.split(" - ")[0]) == (3, "PROVISIONER UNKNOWN")
    assert "may not talk to the engine" in nagios.stdout


def test_a_hold_stops_applies_and_is_in_every_result(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    assert agent(host, "hold", "--reason", "release week", "--until", "2h").status == 0
    refused = agent(host, "apply")
    assert refused.status == 75
    assert "release week" in refused.stderr
    checked = agent(host, "check")
    assert (checked.status, checked.document["hold"]["reason"]) == (2, "release week")
    assert "applies are held until" in host.run("provisioner", "check", "--format=nagios").stdout
    assert agent(host, "release").status == 0
    assert agent(host, "check").document["hold"] is None
    assert agent(host, "apply").status == 0
    quiet = host.run("provisioner", "check", "--quiet")
    assert (quiet.status, quiet.stdout, quiet.stderr) == (0, "", "")
    host.put(CONFIG, "platforms: [amd64, arm64, s390x]\n")
    intended = agent(host, "check", "--exit-zero")
    assert intended.status == 0
    assert {d["cause"] for d in intended.document["differences"]} == {"intended"}
    assert host.get(RECORD) is None
