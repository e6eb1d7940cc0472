"""The builder gets the proxies that the daemon uses, no matter where they are configured."""

import json
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


def test_a_password_in_the_daemon_s_flags_is_found(tmp_path: Path) -> None:
    shown = said(HttpProxy="http://xxxxx:xxxxx@p:1")
    flags = ("-H", "fd://", "--http-proxy=http://a:b@p:1")
    found = registries.gather(System(str(tmp_path), {}), shown, FILE, None, flags=flags)
    assert (found.proxies, found.unseen) == ({"http_proxy": "http://a:b@p:1"}, "")


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
