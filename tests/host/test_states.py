"""Four states that an operator fears, on one host: each is told in every format and place that is read.

Docker stopped, the configuration broken, a right missing, and an apply that was killed in the middle.
"""

import html
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest

from tests.helpers.booted import agent, job
from tests.helpers.documents import judge
from tests.helpers.fleet import Fleet, fleet
from tests.helpers.story import CONFIG, FACT, METRICS, RECORD, put_library, put_metrics_and_fact, told
from tests.hosts import Host

pytestmark = [pytest.mark.host, pytest.mark.timeout(900)]
TERMINAL = {"TERM": "xterm-256color", "PATH": "/usr/local/bin:/usr/bin:/bin"}
SOCKET = "/run/docker.sock"
SETTLED = "systemctl is-active --wait docker >/dev/null; until docker info >/dev/null 2>&1; do sleep .05; done"
# Kills the run that changes the host as soon as it has announced a restart of Docker.
KILL = (
    'until grep -q \'"settle", "step"\' /var/lib/provisioner/receipts/*.jsonl 2>/dev/null; do sleep .005; done;'
    " kill -KILL $(cat /run/provisioner/lock)"
)


class State(NamedTuple):
    """A state: how it is brought about and ended, and what everything has to say about it.

    ``user`` runs the check by hand: a right is missing for a user, never for root. ``said`` is a part of the message,
    ``cure`` of what to do about it.
    """

    code: str
    exit_status: int
    nagios: int
    breaks: str
    mends: str
    said: str
    cure: str
    user: str = "root"


STATES = {
    "Docker stopped": State(
        "engine-stopped",
        69,
        2,
        "systemctl stop docker.socket docker",
        f"systemctl start docker.socket docker; {SETTLED}",
        "Docker is not running",
        "systemctl start docker",
    ),
    "configuration broken": State(
        "configuration",
        78,
        3,
        f"echo 'platfroms: [linux/arm64]' > {CONFIG}",
        f"rm {CONFIG}",
        "platfroms",
        "did you mean platforms?",
    ),
    "right missing": State(
        "permission-denied",
        77,
        3,
        f"chown root:root {SOCKET}; chmod 600 {SOCKET}",
        f"chown root:docker {SOCKET}; chmod 660 {SOCKET}",
        "docker.sock",
        "",
        user="eve",
    ),
}


@pytest.fixture(scope="module")
def ground() -> Iterator[Fleet]:
    """One host with metrics, fact and timer's unit, and a controller."""
    with fleet({"one": "trixie"}, {}, {}) as made:
        made.configure()
        host = made.members["one"]
        put_metrics_and_fact(host)
        host.sh("useradd --create-home eve", check=True)
        yield made


def kept(host: Host) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Let the timer's unit check, and return what it left: the record, Ansible's fact and the metrics."""
    job(host, "provisioner-check")
    record = json.loads(host.get(RECORD) or b"{}")
    return record, json.loads(host.run(FACT).stdout), (host.get(f"{METRICS}/provisioner.prom") or b"").decode()


def formats(host: Host, user: str) -> dict[str, tuple[int, str, str]]:
    """Check by hand in each format: the exit status, the answer, and the messages."""
    found = {}
    for name in ("text", "json", "prometheus", "junit", "nagios"):
        ran = host.run("provisioner", "check", f"--format={name}", user=user)
        found[name] = (ran.status, ran.stdout, ran.stderr)
    return found


def page(host: Host) -> tuple[dict[str, Any], str]:
    """Return the record as the fleet's report and page show it: the JSON document, and the page's text."""
    report = host.run("provisioner", "report", "--format=json", RECORD, check=True)
    shown = host.run("provisioner", "report", "--format=html", RECORD, check=True).stdout
    return json.loads(report.stdout), html.unescape(shown.replace("\\u003c", "<"))


def playbook(ground: Fleet, user: str, fail_on: str) -> str:
    """Run the playbook, and once more as a pipeline that stops at this state. Return what it printed."""
    became = {"ansible_become_user": user, "ansible_become_method": "su"} if user != "root" else {}  # there is no sudo
    shown = ground.play("check", provisioner_report="/fleet/report", **became)
    assert (shown.status, shown.changed()) == (0, set()), shown.output
    stopped = ground.play("check", provisioner_report="/fleet/report", provisioner_fail_on=[fail_on], **became)
    assert stopped.status != 0, stopped.output
    return shown.output


def test_an_apply_that_was_killed_is_told_everywhere_and_undone(ground: Fleet) -> None:
    host = ground.members["one"]
    running = host.start("provisioner", "apply")
    host.sh(KILL, check=True)
    running.communicate()
    host.sh(SETTLED, check=True)
    said = formats(host, "root")
    assert {name: status for name, (status, _, _) in said.items()} == {
        **dict.fromkeys(("text", "json", "prometheus", "junit"), 2),
        "nagios": 2,
    }
    assert "`provisioner rollback` undoes it" in said["text"][1]
    document = json.loads(said["json"][1])
    assert (document["status"], document["interrupted"], document["error"]) == ("interrupted", 1, None)
    assert "provisioner_apply_interrupted 1.0" in said["prometheus"][1]
    assert 'provisioner_check_status{status="interrupted"} 1.0' in said["prometheus"][1]
    suite = ElementTree.fromstring(said["junit"][1])[0]  # noqa: S314  # our own
    assert [c.find("failure") is not None for c in suite if c.get("classname") == "apply"] == [True]
    assert "apply 1 was cut off" in said["nagios"][1]
    assert said["nagios"][1].startswith("PROVISIONER CRITICAL")
    record, fact, metrics = kept(host)
    assert (record["status"], record["interrupted"]) == ("interrupted", 1)
    assert (fact["in_sync"], fact["interrupted"]) == (False, 1)
    assert "provisioner_apply_interrupted 1.0" in metrics
    assert told(host, "apply cut off") == ["apply cut off: apply 1"]
    report, shown = page(host)
    assert (report["states"]["cut off"], report["not_in_sync"][0]["interrupted"]) == (1, True)
    assert "An apply was cut off" in shown or "an apply ended in the middle" in shown
    assert "cut off" in playbook(ground, "root", "drift")
    assert agent(host, "rollback").document["undone"] == [1]
    put_library(host, "rich")
    argv = ("script", "--quiet", "--return", "--command", "provisioner apply", "/dev/null")
    typed = host.run(*argv, env=TERMINAL, timeout=host.PATIENCE)
    assert typed.status == 0, typed.stdout
    assert "\u280b image store: restart docker.service" in typed.stdout  # the live line, and what stays of it
    assert re.search(r"proof: run linux/arm64( \(\d+\.\d s\))?\r?\n", typed.stdout)
    record, fact, metrics = kept(host)
    assert (record["status"], fact["in_sync"]) == ("in-sync", True)
    assert "provisioner_apply_interrupted 0.0" in metrics
    assert told(host, "cut-off apply undone") == ["cut-off apply undone: apply 1"]


@pytest.mark.parametrize("name", STATES)
def test_a_check_that_cannot_look_is_told_everywhere_with_its_reason_and_its_cure(ground: Fleet, name: str) -> None:
    state, host = STATES[name], ground.members["one"]
    assert kept(host)[0]["status"] == "in-sync"
    failed_before = len(told(host, "check failed"))
    host.sh(state.breaks, check=True)
    said = formats(host, state.user)
    assert {k: status for k, (status, _, _) in said.items()} == {
        **dict.fromkeys(("text", "json", "prometheus", "junit"), state.exit_status),
        "nagios": state.nagios,
    }, said
    for _, _, message in said.values():
        assert state.said in message
        assert state.cure in message
    document = json.loads(said["json"][1])
    assert (document["status"], document["error"]["code"]) == ("failed", state.code)
    assert f'provisioner_check_failure{{reason="{state.code}"}} 1.0' in said["prometheus"][1]
    assert "provisioner_check_success 0.0" in said["prometheus"][1]
    suite = ElementTree.fromstring(said["junit"][1])[0]  # noqa: S314  # our own
    assert (suite.get("errors"), state.code in said["junit"][1]) == ("1", True)
    assert said["nagios"][1].startswith(f"PROVISIONER {('OK', 'WARNING', 'CRITICAL', 'UNKNOWN')[state.nagios]} - ")
    assert state.said in said["nagios"][1]

    for command in ("plan", "apply", "prove", "detect"):
        ran = host.run("provisioner", command, "--format=json", user=state.user)
        answer = judge(json.loads(ran.stdout))
        assert (ran.status, answer["status"]) == (state.exit_status, "failed"), command
        assert answer["error"]["code"] == state.code, command
    record, fact, metrics = kept(host)
    assert (record["status"], record["error"]["code"]) == ("failed", state.code)
    assert record["last_known"]["differences"] == []
    assert (fact["in_sync"], fact["failed"], fact["error"]["code"]) == (False, True, state.code)
    assert f'provisioner_check_failure{{reason="{state.code}"}} 1.0' in metrics
    assert "provisioner_platform_ready" not in metrics
    failures = told(host, "check failed")
    assert len(failures) == failed_before + 1
    assert state.said in failures[-1]
    again = kept(host)[0]
    assert (again["error"]["since"], len(told(host, "check failed"))) == (record["error"]["since"], failed_before + 1)
    report, shown = page(host)
    assert (report["states"]["failed"], report["findings"][0]["key"]) == (1, state.code)
    assert state.said in shown
    assert state.cure in shown
    assert state.said in playbook(ground, state.user, "failed")

    host.sh(state.mends, check=True)
    assert kept(host)[0]["status"] == "in-sync"
    assert len(told(host, "check works again")) == failed_before + 1
