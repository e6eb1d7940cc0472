"""The worked example of CONTRIBUTING.md is code that works."""

import re
import sys
from pathlib import Path
from types import ModuleType

from provisioner.config.desired import Desired
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.facts import Facts
from provisioner.engine.info import engine
from provisioner.host import System
from provisioner.runs import compare
from tests.helpers.steps import quiet

PAGE = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text()
WHERE = Endpoint("default", "unix:///var/run/docker.sock", "default")
FACTS = Facts(WHERE, engine({}, WHERE), "/s", (), "/etc/docker/daemon.json", False, (), {}, True)


def test_the_example_resource_is_applied_and_taken_back(tmp_path: Path) -> None:
    [source] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    greeting = ModuleType("greeting")
    exec(compile(source, "CONTRIBUTING.md", "exec"), vars(greeting))  # noqa: S102  # our own page
    (tmp_path / "etc").mkdir()
    host = System(str(tmp_path), {})
    want = greeting.want(Desired(), FACTS)
    found = compare.differences(want, greeting.have(host, FACTS, want))
    [step] = greeting.change(host, FACTS, Desired(), found).edits
    undo = step.inverse(host)
    step.do(host, quiet)
    assert compare.differences(want, greeting.have(host, FACTS, want)) == ()
    for each in undo:
        each.do(host, quiet)
    assert host.names("/etc") == ()
    assert "greeting" not in sys.modules
