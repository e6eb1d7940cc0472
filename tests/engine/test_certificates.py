"""What docker and the host know of certificates reaches the builder; what buildx would fail on is left out and told."""

import os
from pathlib import Path

import pytest

from provisioner.builder import buildkitd
from provisioner.config.desired import Builder
from provisioner.engine import info, registries
from provisioner.engine.registries import Registries
from provisioner.host import System
from tests.builder.test_obstacles import facts
from tests.engine.test_proxies import FILE, put

PEM = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN EC PRIVATE KEY-----\nMII\n-----END EC PRIVATE KEY-----\n"
DEBIANS, FEDORAS = "/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors"
CERTS = "/etc/docker/certs.d"


def gathered(tmp_path: Path) -> Registries:
    return registries.gather(System(str(tmp_path), {}), info.NONE, FILE, None)


def test_the_host_s_own_authorities_reach_the_builder_for_every_registry(tmp_path: Path) -> None:
    there = (f"{DEBIANS}/corp.crt", f"{DEBIANS}/more/deep.crt", f"{FEDORAS}/other.pem", f"{FEDORAS}/bundle")
    for path in (*there, f"{DEBIANS}/corp.pem", f"{FEDORAS}/more/deep.pem"):  # update-ca-certificates reads *.crt alone
        put(tmp_path, path, PEM)
    put(tmp_path, f"{DEBIANS}/README", "no certificate")
    put(tmp_path, "/proc/self/x", "")
    found = gathered(tmp_path)
    assert set(registries.mapping(found, loopback=False)["docker.io"]["ca"]) == set(there)
    assert not found.broken


def test_a_certificate_that_buildx_would_fail_on_is_left_out_and_told(tmp_path: Path) -> None:
    certs = "/etc/docker/certs.d/hub:5000"
    for path in (f"{DEBIANS}/good.crt", f"{certs}/good.crt", f"{certs}/alone.cert", f"{certs}/two.cert"):
        put(tmp_path, path, PEM)
    put(tmp_path, f"{certs}/two.key", KEY)
    put(tmp_path, f"{DEBIANS}/binary.crt", "0\x82")
    (tmp_path / f"{DEBIANS}/gone.crt"[1:]).symlink_to("../../../../nowhere")
    os.mkfifo(tmp_path / f"{certs}/pipe.crt"[1:])
    put(tmp_path, "/proc/self/x", "")
    found = gathered(tmp_path)
    assert found.authorities == (f"{DEBIANS}/good.crt",)
    assert set(found.certificates["hub:5000"]) == {f"{certs}/{n}" for n in ("good.crt", "two.cert", "two.key")}
    told = " ".join(found.broken)
    for words in ("binary.crt holds no certificate in PEM form", "gone.crt is a link to nothing", "pipe.crt cannot be"):
        assert words in told
    assert f"{certs}/alone.cert has no key: alone.key is missing" in told


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (None, "a.cert has no key: a.key is missing"),
        ("link", "a.key is a link to nothing"),
        ("junk", "a.key holds no key in PEM form"),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "a.key is locked with a password"),
        ("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", "a.key is locked with a password"),
    ],
)
def test_a_pair_whose_key_does_not_load_is_left_out_whole(tmp_path: Path, key: str | None, why: str) -> None:
    put(tmp_path, f"{CERTS}/hub/a.cert", PEM)
    put(tmp_path, f"{CERTS}/hub/ca.crt", PEM)
    if key == "link":
        (tmp_path / f"{CERTS}/hub/a.key"[1:]).symlink_to("nowhere")
    elif key is not None:
        put(tmp_path, f"{CERTS}/hub/a.key", key)
    put(tmp_path, "/proc/self/x", "")
    found = gathered(tmp_path)
    assert dict(found.certificates) == {"hub": (f"{CERTS}/hub/ca.crt",)}
    assert why in " ".join(found.broken)


def test_a_key_without_a_certificate_and_hosts_toml_are_told(tmp_path: Path) -> None:
    put(tmp_path, f"{CERTS}/hub/a.key", KEY)
    put(tmp_path, f"{CERTS}/other/hosts.toml", "")
    put(tmp_path, f"{CERTS}/file", "")
    found = gathered(tmp_path)
    assert not found.certificates
    assert [told.split()[0] for told in found.broken] == [f"{CERTS}/hub/a.key", f"{CERTS}/other/hosts.toml"]


@pytest.mark.parametrize(
    ("registry", "folder"), [("hub:5000", "hub_5000"), ("a_b__c.d:5", "a_b_c.d_5"), ("_:x", "_x"), ("a-b.c", "a-b.c")]
)
def test_a_registry_s_folder_is_named_as_buildx_names_it(registry: str, folder: str) -> None:
    seen = facts()._replace(registries=Registries(certificates={registry: ("/c/ca.crt",)}))
    assert list(buildkitd.certificates(Builder(), seen)) == [f"certs/{folder}/ca.crt"]
