"""An image is pulled by the builder, and what keeps it from that is told in its words."""

from pathlib import Path

import pytest

from provisioner.config.desired import Builder, Desired
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.facts import Facts
from provisioner.engine.info import engine
from provisioner.errors import UsageError
from provisioner.host import System
from provisioner.proof import pull

WHERE = Endpoint("default", "unix:///s", "default")
FACTS = Facts(WHERE, engine({}, WHERE), "/s", (), "/d", False, ("linux/amd64",), {}, True)
WANTED = Desired(platforms=("linux/amd64", "linux/arm64", "windows/amd64"), builder=Builder(users=("root",)))
DOCKER = """\
#!/bin/sh
case "$*" in
*linux/arm64*) echo 'ERROR: failed to resolve source metadata: dial tcp: i/o timeout' >&2; exit 1 ;;
*) while read -r line; do echo "$line"; done >{}/dockerfile; echo "$*" >{}/argv ;;
esac
"""


def test_each_platform_that_runs_here_is_pulled_and_the_first_failure_is_told(tmp_path: Path) -> None:
    docker = tmp_path / "usr/bin/docker"
    docker.parent.mkdir(parents=True)
    docker.write_text(DOCKER.format(tmp_path, tmp_path))
    docker.chmod(0o755)
    said: list[str] = []
    amd64, arm64 = pull.pull(System(str(tmp_path), {}), FACTS, WANTED, "debian:13", said.append)
    assert (amd64.platform, amd64.pulled) == ("linux/amd64", True)
    assert not arm64.pulled
    assert "i/o timeout" in arm64.error
    assert "FROM debian:13 AS pulled" in (tmp_path / "dockerfile").read_text()
    assert "--builder container-builder" in (tmp_path / "argv").read_text()
    assert len(said) == 2


@pytest.mark.parametrize("image", ["-x", "a b", "a\nRUN x", ""])
def test_what_is_no_image_s_name_is_refused(image: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not an image's name"):
        pull.pull(System(str(tmp_path), {}), FACTS, WANTED, image, lambda _: None)
