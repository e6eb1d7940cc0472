"""What a rollback or a removal takes away is said, as a plan says it of the way there."""

from pathlib import Path

import pytest

from provisioner.config.desired import Desired
from provisioner.daemon import losses as table
from provisioner.engine.kinds import LEAF
from provisioner.host import System
from provisioner.image_store.trial import ClearTrial
from provisioner.runs import losses
from provisioner.steps import Step
from provisioner.steps.files import SetLeaf

FILE = "/etc/docker/daemon.json"


def leaf(*keys: str) -> SetLeaf:
    return SetLeaf(FILE, keys, None, "{}", None)


@pytest.mark.parametrize(
    ("steps", "keys"),
    [
        ((leaf("bip"), leaf("log-opts", "max-size")), ("bip", "log-opts")),
        ((leaf("data-root"),), ("data-root",)),
        ((leaf("debug"),), ()),
        ((leaf(*LEAF), ClearTrial("/var/run/docker.sock")), ()),
    ],
)
def test_each_setting_that_is_undone_is_named_even_if_no_engine_answers(
    tmp_path: Path, steps: tuple[Step, ...], keys: tuple[str, ...]
) -> None:
    host = System(str(tmp_path), {}, "x86_64")
    assert list(losses.notes(host, Desired(), steps)) == list(table.notes(keys))
