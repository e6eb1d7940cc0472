"""The short life of a fleet with one native node. tests/host/test_fleet.py has a larger one, in the soak."""

import json

import pytest

from tests.helpers.booted import agent
from tests.helpers.fleet import fleet
from tests.helpers.native import TRACES, built_there, prepare

pytestmark = [pytest.mark.host, pytest.mark.timeout(900)]
NATIVE = {"builders_386": ["linux/386"]}
REPORT = "/fleet/report"


def test_a_node_builds_for_another_host_the_page_tells_and_nothing_is_left_of_it() -> None:
    engines = {"runner": "29", "spare": "forky"}  # whose buildx says who built what
    with fleet(engines, {}, {}, groups={"builders_386": ["spare"]}) as made:
        runner, node = made.members.values()
        for host in (runner, node):
            prepare(host)
        made.configure(platforms=["linux/amd64", "linux/386"], image_store={"existing": "hide"})
        done = made.play("site", provisioner_native_nodes=NATIVE)
        assert (done.status, done.changed()) == (0, set(engines)), done.output
        proven = agent(runner, "prove")
        where = {row["platform"]: row["where"].partition(" ")[0] for row in proven.document["platforms"]}
        assert where == {"linux/amd64": "container-builder0", "linux/386": "native-spare"}
        assert built_there(runner, node, 624)

        node.sh("docker rm -f buildx_buildkit_native-spare", check=True)
        checked = made.play("check", provisioner_report=REPORT, provisioner_far=True)
        assert {name: r["drifted"] for name, r in checked.of("Check").items()} == {
            "runner": ["builder: node native-spare container"],
            "spare": [],
        }
        told = made.run("provisioner", "report", "--format=json", f"{REPORT}/results.ndjson")
        rows = [(b["platform"], b["how"], b["node"], b["hosts"]) for b in json.loads(told.stdout)["builds"]]
        assert rows == [
            ("linux/386", "node", "native-spare", 1),
            ("linux/386", "native", None, 1),
            ("linux/amd64", "native", None, 2),
        ]
        page = (made.controller.get(f"{REPORT}/fleet.html") or b"").decode()
        assert '"node native-spare at ssh://native-spare"' in page
        repaired = made.play("site", provisioner_native_nodes=NATIVE)
        assert (repaired.status, repaired.changed()) == (0, {"runner"}), repaired.output
        assert built_there(runner, node, 625)

        gone = made.play("site")
        assert (gone.status, gone.changed()) == (0, set(engines)), gone.output
        assert [host.sh(TRACES).stdout for host in (runner, node)] == ["", ""]
