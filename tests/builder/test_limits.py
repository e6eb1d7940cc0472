"""A BuildKit that ignores the limits of its cache is told by what it says of itself, not by its tag alone."""

import json
from pathlib import Path

import pytest

from provisioner.builder import limits
from provisioner.config.desired import Builder
from provisioner.host import System
from tests.builder.test_obstacles import put

MIRROR = "registry.example/buildkit:stable"


@pytest.mark.parametrize(
    ("image", "asked", "said", "told"),
    [
        (MIRROR, MIRROR, "v0.12.5", True),
        (MIRROR, MIRROR, "v0.17.0", False),
        (MIRROR, MIRROR, "v0.34.2", False),
        (MIRROR, MIRROR, "unknown", False),
        (MIRROR, "moby/buildkit:buildx-stable-1", "v0.12.5", False),  # another image by now
        ("moby/buildkit:v0.12.5", "moby/buildkit:v0.12.5", "v0.12.5", False),  # it was given no limits
    ],
)
def test_an_old_buildkit_behind_a_tag_that_says_nothing_is_told(
    tmp_path: Path, image: str, asked: str, said: str, told: bool
) -> None:
    host = System(str(tmp_path), {})
    builder = Builder(driver_options={"image": image})
    assert not limits.note(host, builder)
    put(tmp_path, limits.kept(host), json.dumps({"image": asked, "buildkit": {"container-builder0": said}}))
    assert bool(found := limits.note(host, builder)) is told
    assert not told or f"{MIRROR} is BuildKit v0.12.5" in found
    assert not limits.note(host, builder._replace(gc="default"))
