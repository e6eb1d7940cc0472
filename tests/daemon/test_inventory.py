"""What a switch of the image store would hide, counted on a recorded engine."""

from pathlib import Path

import pytest

from provisioner.config.desired import Desired
from provisioner.daemon import inventory
from provisioner.host import System
from provisioner.image.engine import bare
from tests.helpers.recorded import Answers, engine

OURS, THEIRS = "sha256:1", "sha256:2"
HEX = "0" * 64
ENGINE: Answers = {
    "/containers/json": [
        {"Id": "1" * 64, "Names": ["/buildx_buildkit_container-builder0"], "ImageID": OURS, "State": "running"},
        {
            "Id": "2" * 64,
            "Names": ["/web"],
            "ImageID": THEIRS,
            "State": "running",
            "Mounts": [{"Type": "volume", "Name": HEX}, {"Type": "volume", "Name": "data"}, {"Type": "bind"}],
        },
    ],
    "/images/json": [{"Id": OURS, "Size": 5}, {"Id": THEIRS, "Size": 7}, {"Id": "sha256:3", "Size": 11}],
}


@pytest.mark.parametrize(
    ("measured", "size"),
    [({"/system/df": {"LayersSize": 13}}, "13 B"), ({"/system/df": {"LayersSize": None}}, "18 B"), ({}, "18 B")],
    ids=["measured", "no longer said", "not to be had"],
)
def test_what_is_not_our_builder_s_is_counted(tmp_path: Path, measured: Answers, size: str) -> None:
    host = System(str(tmp_path), {}, "x86_64")
    facts = bare(host)._replace(socket="/run/docker.sock")
    with engine(tmp_path / "run/docker.sock", {**ENGINE, **measured}):
        found = inventory.count(host, facts, Desired())
    assert inventory.sentence(found) == (
        f"2 images ({size}) and 1 container of the store in use (web running), whose 1 anonymous volume a prune would"
        " then delete"
    )
