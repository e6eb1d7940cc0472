"""The worked examples of CONTRIBUTING.md are code that works."""

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import provisioner
from provisioner.config.desired import Desired
from provisioner.engine import kinds
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.facts import Facts
from provisioner.engine.info import engine
from provisioner.host import System
from provisioner.runs import compare

PAGE = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text()
WHERE = Endpoint("default", "unix:///var/run/docker.sock", "default")
FACTS = Facts(WHERE, engine({}, WHERE), "/s", (), "/etc/docker/daemon.json", False, (), {}, True)
PATH = "/etc/greeting"


@pytest.fixture
def greeting(tmp_path: Path) -> Iterator[ModuleType]:
    """The folder that the page shows, beside the packages that are there."""
    files = dict(re.findall(r"```python greeting/(\w+\.py)\n(.*?)```", PAGE, re.DOTALL))
    folder = tmp_path / "packages" / "greeting"
    folder.mkdir(parents=True)
    for name, source in {"__init__.py": "", **files}.items():
        (folder / name).write_text(source)
    provisioner.__path__.append(str(folder.parent))
    try:
        yield importlib.import_module("provisioner.greeting.resource")
    finally:
        provisioner.__path__.remove(str(folder.parent))
        for name in [name for name in sys.modules if name.startswith("provisioner.greeting")]:
            del sys.modules[name]


@pytest.fixture
def host(tmp_path: Path) -> System:
    (tmp_path / "host" / "etc").mkdir(parents=True)
    return System(str(tmp_path / "host"), {})


def test_the_example_resource_has_the_rooms_of_every_resource(greeting: ModuleType) -> None:
    rooms = {path.name for path in Path(str(greeting.__file__)).parent.glob("*.py")} - {"__init__.py"}
    package = Path(provisioner.__file__).parent
    for resource in ("daemon", "image_store", "emulators", "builder"):
        assert rooms <= {path.name for path in (package / resource).glob("*.py")}, resource


def test_the_example_resource_is_applied_and_taken_back(greeting: ModuleType, host: System) -> None:
    want = greeting.want(Desired(), FACTS)
    found = compare.differences(want, greeting.have(host, FACTS, want))
    [step] = greeting.change(host, FACTS, Desired(), found).edits
    undo = step.inverse(host)
    step.do(host, print)
    assert compare.differences(want, greeting.have(host, FACTS, want)) == ()
    for each in undo:
        each.do(host, print)
    assert host.names("/etc") == ()


def test_the_example_resource_says_what_is_in_its_way(greeting: ModuleType, host: System) -> None:
    host.make_directory(PATH, 0o755)
    found = compare.differences(greeting.want(Desired(), FACTS), {})
    change = greeting.change(host, FACTS, Desired(), found)
    assert (change.edits, [b.obstacle.code for b in change.blocked]) == ((), ["directory"])


def test_the_example_kind_of_engine_is_recognised_and_its_files_are_left_alone() -> None:
    [source] = re.findall(r"```python kinds\n(.*?)```", PAGE, re.DOTALL)
    row = eval(source, {"Kind": kinds.Kind})  # noqa: S307  # our own page
    info = {"OperatingSystem": "Harbour Desktop", "ServerVersion": "28.5.2"}
    assert row.signs(info, "unix:///home/x/.harbour/docker.sock")
    assert not any(other.signs(info, "unix:///s") for other in kinds.KINDS if other.name not in ("engine", "remote"))
    assert row.layout is None
    assert row.advice
