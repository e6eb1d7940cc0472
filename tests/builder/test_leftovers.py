"""What builders leave behind is listed with its size, by the version of the engine's API that still has it."""

from pathlib import Path

import pytest

from provisioner.builder import leftovers, removing
from provisioner.builder.keys import FORMER, Key
from provisioner.config.desired import Builder
from provisioner.engine import api, info, traces
from provisioner.engine.endpoints import Endpoint
from provisioner.host import System
from provisioner.image.engine import bare
from tests.helpers.recorded import Answers, engine

SOCKET, VOLUME = "/run/docker.sock", "buildx_buildkit_old0_state"
WHERE = Endpoint("default", f"unix://{SOCKET}", "docker's default")
OF_OLD = {"Volumes": [{"Name": VOLUME, "UsageData": {"Size": 12_300_000, "RefCount": 0}}]}


@pytest.mark.parametrize(("version", "asked"), [("24.0.7", "/system/df"), ("29.1.0", "/v1.44/system/df")])
def test_the_size_of_a_cache_is_asked_by_a_version_of_the_api_that_tells_it(
    tmp_path: Path, version: str, asked: str
) -> None:
    """A newer API lists what takes room in other fields."""
    host, found = System(str(tmp_path), {}, "x86_64"), info.engine({"ServerVersion": version}, WHERE)
    seen = bare(host)._replace(socket=SOCKET, engine=found, made={"old": ()})
    answers: Answers = {
        "/containers/json": [],
        "/volumes": {"Volumes": [{"Name": VOLUME}]},
        f"/volumes/{VOLUME}": {"Name": VOLUME},
        "/system/df": {"VolumeUsage": {}},
        asked: OF_OLD,
    }
    with engine(tmp_path / SOCKET[1:], answers):
        [left] = leftovers.found(host, SOCKET, (), version=api.prefix(found))
        planned = removing.plan(host, seen, Builder("new"), [Key(FORMER, "old")], caches=False)
        unused = traces.caches(host, SOCKET, api.prefix(found), ["old"])
    assert left.size == 12_300_000
    assert unused == {VOLUME: 12_300_000}
    assert f"the cache {VOLUME} (12.3 MB) is kept" in planned.notes[0]
