"""An image that was prepared and then booted: what was done to it is taken back on the host that it has become."""

from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner.config.desired import Desired
from provisioner.host.image import Image
from provisioner.image import apply as offline
from provisioner.runs import removal, rollback
from tests.helpers.daemon import FILE, Host
from tests.helpers.steps import quiet

STATUS = "Package: docker.io\nStatus: install ok installed\nVersion: 28.5.2\n"
BACK: dict[str, Callable[[Host], object]] = {
    "rollback": lambda host: rollback.rollback(host, 1, quiet),
    "remove": lambda host: removal.remove(host, quiet),
}


def booted(tree: Path) -> Host:
    """Prepare a tree as an image, and start an engine in it."""
    for folder in ("etc/docker", "var/lib/dpkg"):
        (tree / folder).mkdir(parents=True)
    (tree / "var/lib/dpkg/status").write_text(STATUS)
    image = Image(str(tree), {})
    image.uid = 0
    offline.apply(image, Desired(daemon={"mtu": 1400}, only=("daemon",)), image.root, quiet)
    return Host(tree)


@pytest.mark.parametrize("way", BACK)
def test_an_engine_that_reads_the_image_s_file_is_restarted_when_the_file_is_put_back(tmp_path: Path, way: str) -> None:
    """The history of an image knows no restart, because nothing ran in it."""
    host = booted(tmp_path)
    assert host.effect.get("mtu") == 1400
    assert rollback.restarts(rollback.planned(host, 1))
    BACK[way](host)
    assert host.read(FILE) is None
    assert (host.restarts, host.effect.get("mtu")) == (1, None)


@pytest.mark.parametrize("way", BACK)
def test_an_engine_that_is_down_is_not_started_for_it(tmp_path: Path, way: str) -> None:
    host = booted(tmp_path)
    host.up = False
    BACK[way](host)
    assert host.read(FILE) is None
    assert (host.restarts, host.up) == (0, False)


def test_nothing_is_restarted_for_files_that_the_engine_does_not_read(tmp_path: Path) -> None:
    host = booted(tmp_path)
    host.write(FILE, '{"mtu": 1500}', 0o644)  # by somebody else, who restarts it themselves
    rollback.rollback(host, 1, quiet)
    assert host.restarts == 0
