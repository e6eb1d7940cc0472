"""A pair whose key this user may not read is neither in sync nor a difference, if the builder lacks it."""

import base64
import json
from pathlib import Path

import pytest

from provisioner.builder import buildkitd, keys, observed
from provisioner.builder.wanted import Wanted
from provisioner.config.desired import Builder
from provisioner.engine.registries import Registries
from provisioner.errors import DeniedError
from provisioner.host import System
from provisioner.model import Unknown
from tests.builder.test_obstacles import facts, put

AUTHORITY, CERTIFICATE, KEY = (f"/etc/docker/certs.d/hub/{name}" for name in ("ca.crt", "a.cert", "a.key"))


class Closed(System):
    """A host of a member of the group docker, who may not read the key."""

    denied = True

    def head(self, path: str, size: int, *, piped: bool = False) -> bytes | None:
        if self.denied and path == KEY:
            raise DeniedError(f"{path}: this user may not read it")
        return super().head(path, size, piped=piped)


def wanted(*files: str) -> Wanted:
    seen = facts()._replace(registries=Registries(certificates={"hub": files}))
    return Wanted(Builder(name="ours", users=("root",)), seen)


def differing(tmp_path: Path, made: Wanted, *, denied: bool) -> dict[str, object]:
    """Return what differs in the record of a builder that somebody has made with other certificates."""
    for path in (AUTHORITY, CERTIFICATE, KEY):
        put(tmp_path, path, path)
    text = buildkitd.text(made.toml).encode()
    copies = {buildkitd.NAME: text} | {name: path.encode() for name, path in made.certificates.items()}
    node = {
        "Name": "ours0",
        "Endpoint": "unix:///var/run/docker.sock",
        "Files": {name: base64.b64encode(data).decode() for name, data in copies.items()},
    }
    record = {"Name": "ours", "Driver": "docker-container", "Nodes": [node]}
    put(tmp_path, "/root/.docker/buildx/instances/ours", json.dumps(record))
    host = Closed(str(tmp_path), {})
    host.uid, host.denied = 1000, denied
    want = wanted(AUTHORITY, CERTIFICATE, KEY)
    have = observed.seen(host, facts(), want).state
    parts = (keys.CERTIFICATE, keys.SETTING)
    return {k.name: have.get(k) for k, value in want.fields.items() if k.part in parts and have.get(k) != value}


PAIR = {"certs/hub/a.cert", "certs/hub/a.key", "registry.hub.keypair"}


@pytest.mark.parametrize("denied", [True, False])
def test_a_pair_that_root_has_left_out_is_unknown_to_who_may_not_read_its_key(tmp_path: Path, denied: bool) -> None:
    found = differing(tmp_path, wanted(AUTHORITY), denied=denied)
    assert found.keys() == PAIR
    assert {isinstance(value, Unknown) for value in found.values()} == {denied}


def test_a_pair_that_the_builder_has_and_another_difference_are_known(tmp_path: Path) -> None:
    assert differing(tmp_path, wanted(AUTHORITY, CERTIFICATE, KEY), denied=True) == {}
    found = differing(tmp_path, wanted(CERTIFICATE, KEY), denied=True)
    assert found == {"certs/hub/ca.crt": None, "registry.hub.ca": None}
