"""Secret options of a node reach buildx's record without standing on a command line."""

import json
from pathlib import Path

import pytest

from provisioner.builder import keys, registration
from provisioner.builder.fill_in import FillIn
from provisioner.builder.wanted import Wanted
from provisioner.config.desired import Builder, Node
from provisioner.engine import info
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.facts import Facts
from provisioner.errors import CommandError
from provisioner.host import System
from provisioner.model import Account
from provisioner.steps.programs import Run
from tests.helpers.steps import quiet

WHERE = Endpoint("default", "unix:///var/run/docker.sock", "default")
PATH = "/root/.docker/buildx/instances/b"
OPTIONS = {"memory": "2g", "env.https_proxy": "http://me:hunter2@proxy:3128", "env.NPM_TOKEN": "a=b,c d"}
HIDDEN = {name: OPTIONS[name] for name in ("env.https_proxy", "env.NPM_TOKEN")}
BUILDER = Builder("b", users=("root",), driver_options=OPTIONS, nodes=(Node("ssh://x", "far", (), HIDDEN),))


class Host(System):
    """A tree whose root is at home in /root."""

    def account(self, user: str) -> Account | None:
        return Account(user, 0, 0, (), "/root")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(str(tmp_path), {})


def record(host: Host, text: str) -> None:
    Path(host.path(PATH)).parent.mkdir(parents=True, exist_ok=True)
    Path(host.path(PATH)).write_text(text)


def test_no_command_that_registers_a_node_has_a_secret(host: Host) -> None:
    found = info.engine({"ServerVersion": "28.5.2"}, WHERE)
    facts = Facts(WHERE, found, "/var/run/docker.sock", (), "/etc/docker/daemon.json", False, (), {}, True)
    want = Wanted(BUILDER, facts)
    made = registration.steps(host, want, frozenset((keys.REGISTERED,)), "root", (0, 29), frozenset()) or []
    runs = [step for step in made if isinstance(step, Run)]
    assert [type(step) for step in made] == [Run, FillIn, Run, FillIn]
    assert [bool(run.undo) for run in runs] == [True, False]
    for run in runs:
        assert not [word for word in run.argv if "hunter2" in word or "a=b" in word]
        assert {"env.https_proxy=***", "env.NPM_TOKEN=***"} <= set(run.argv)
    assert "memory=2g" in runs[0].argv
    nodes = [{"Name": name, "DriverOpts": {"env.NPM_TOKEN": "***", "memory": "2g"}} for name in ("b0", "far")]
    record(host, json.dumps({"Name": "b", "Driver": "docker-container", "Nodes": nodes}))
    for step in made:
        if isinstance(step, FillIn):
            step.do(host, quiet)
            assert "hunter2" not in step.sentence()
    after = json.loads(host.read(PATH) or "")
    assert [node["DriverOpts"] for node in after["Nodes"]] == [OPTIONS, {"memory": "2g", **HIDDEN}]
    assert after["Driver"] == "docker-container"


@pytest.mark.parametrize("text", ["{", '{"Nodes": null}', '{"Nodes": [{"Name": "other"}]}'])
def test_a_record_without_the_node_is_said(host: Host, text: str) -> None:
    record(host, text)
    with pytest.raises(CommandError, match="has not registered b0"):
        FillIn(PATH, "b0", ("env.NPM_TOKEN=x",)).do(host, quiet)
    assert host.read(PATH) == text
