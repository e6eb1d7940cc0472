"""The builder gets the proxies that the daemon uses, no matter where they are configured."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from provisioner.builder import notes
from provisioner.builder.wanted import Wanted
from provisioner.config.desired import Builder
from provisioner.engine import info, registries
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.facts import Facts
from provisioner.engine.registries import Registries
from provisioner.host import System

WHERE = Endpoint("default", "unix:///var/run/docker.sock", "default")
FILE = "/etc/docker/daemon.json"
UNIT = "HTTPS_PROXY=http://me:secret@proxy:3128\0no_proxy=localhost\0"


def said(**fields: str) -> info.Engine:
    return info.engine({"ServerVersion": "28.5.2", **fields}, WHERE)


def put(tmp_path: Path, path: str, text: str) -> None:
    (tmp_path / path[1:]).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path[1:]).write_text(text)


CASES: dict[str, tuple[dict[str, str], dict[str, Any], str, dict[str, str]]] = {
    "of the unit": (
        {"HttpsProxy": "http://proxy:3128", "NoProxy": "localhost"},
        {},
        "",
        {"https_proxy": "http://proxy:3128", "no_proxy": "localhost"},
    ),
    "of the unit, with a password": (
        {"HttpsProxy": "http://xxxxx:xxxxx@proxy:3128"},
        {},
        UNIT,
        {"https_proxy": "http://me:secret@proxy:3128"},
    ),
    "of daemon.json, with a password": (
        {"HttpProxy": "http://xxxxx:xxxxx@p:1"},
        {"proxies": {"http-proxy": "http://a:b@p:1"}},
        UNIT,
        {"http_proxy": "http://a:b@p:1"},
    ),
    "of an engine that shows none": ({}, {"proxies": {"http-proxy": "http://p:1"}}, "", {"http_proxy": "http://p:1"}),
    "none": ({}, {}, UNIT, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_daemon_s_proxies_are_found_wherever_they_are_configured(tmp_path: Path, name: str) -> None:
    shown, daemon_json, environment, found = CASES[name]
    put(tmp_path, FILE, json.dumps(daemon_json))
    put(tmp_path, "/proc/7/environ", environment)
    assert registries.gather(System(str(tmp_path), {}), said(**shown), FILE, 7).proxies == found


def test_a_password_that_this_user_may_not_see_is_unknown(tmp_path: Path) -> None:
    host = System(str(tmp_path), {})
    host.uid = 1000
    found = registries.gather(host, said(HttpProxy="http://xxxxx:xxxxx@p:1"), FILE, None)
    assert "may not see" in found.unseen


def test_what_the_unit_says_stays_where_daemon_json_says_something_else() -> None:
    known = Registries(proxies={"https_proxy": "http://unit:1", "http_proxy": "http://old:1"})
    before, after = ({"proxies": {"http-proxy": value}} for value in ("http://old:1", "http://new:1"))
    found = registries.foreseen(known, json.dumps(before), json.dumps(after))
    assert found.proxies == {"https_proxy": "http://unit:1", "http_proxy": "http://new:1"}
    assert registries.foreseen(known, json.dumps(before), "{}").proxies == {"https_proxy": "http://unit:1"}


@pytest.mark.parametrize(("network", "noted"), [("bridge", True), ("host", False)])
def test_a_proxy_on_the_loopback_is_noted_where_the_builder_does_not_reach_it(
    tmp_path: Path, network: str, noted: bool
) -> None:
    known = Registries(proxies={"https_proxy": "http://a:b@127.0.0.1:3128"})
    seen = Facts(WHERE, said(), "/s", (), FILE, False, (), {}, True, registries=known)
    want = Wanted(Builder(driver_options={"network": network}), seen)
    found = [note for note in notes.notes(System(str(tmp_path), {}), seen, want) if "loopback" in note]
    assert bool(found) is noted
    assert "a:b" not in "".join(found)


PEM = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
DEBIANS, FEDORAS = "/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors"


def test_the_host_s_own_authorities_reach_the_builder_for_every_registry(tmp_path: Path) -> None:
    there = (f"{DEBIANS}/corp.crt", f"{DEBIANS}/more/deep.crt", f"{FEDORAS}/other.pem", f"{FEDORAS}/bundle")
    for path in (*there, f"{DEBIANS}/corp.pem", f"{FEDORAS}/more/deep.pem"):  # update-ca-certificates reads *.crt alone
        put(tmp_path, path, PEM)
    put(tmp_path, f"{DEBIANS}/README", "no certificate")
    put(tmp_path, "/proc/self/x", "")
    found = registries.gather(System(str(tmp_path), {}), info.NONE, FILE, None)
    assert set(registries.mapping(found, loopback=False)["docker.io"]["ca"]) == set(there)
    assert not found.broken


def test_a_certificate_that_buildx_would_fail_on_is_left_out_and_told(tmp_path: Path) -> None:
    certs = "/etc/docker/certs.d/hub:5000"
    for path in (f"{DEBIANS}/good.crt", f"{certs}/good.crt", f"{certs}/alone.cert", f"{certs}/two.cert"):
        put(tmp_path, path, PEM)
    put(tmp_path, f"{certs}/two.key", "a key")
    put(tmp_path, f"{DEBIANS}/binary.crt", "0\x82")
    (tmp_path / f"{DEBIANS}/gone.crt"[1:]).symlink_to("../../../../nowhere")
    os.mkfifo(tmp_path / f"{certs}/pipe.crt"[1:])
    put(tmp_path, "/proc/self/x", "")
    found = registries.gather(System(str(tmp_path), {}), info.NONE, FILE, None)
    assert found.authorities == (f"{DEBIANS}/good.crt",)
    assert set(found.certificates["hub:5000"]) == {f"{certs}/{n}" for n in ("good.crt", "two.cert", "two.key")}
    told = " ".join(found.broken)
    for words in ("binary.crt holds no certificate in PEM form", "gone.crt is a link to nothing", "pipe.crt cannot be"):
        assert words in told
    assert f"{certs}/alone.cert has no key beside it" in told
