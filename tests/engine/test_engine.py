"""Find the engine from docker's own files, and recognize it from its answer to GET /info."""

import hashlib
import json
import socket
from pathlib import Path

import pytest

from provisioner.builder import store
from provisioner.engine import addresses, api, contexts, endpoints, info, kinds, stores
from provisioner.engine.endpoints import Endpoint
from provisioner.errors import ConfigError, DeniedError, NoEngineError
from provisioner.host import System, wire
from tests.cases import seen
from tests.helpers import recorded

LOCAL = Endpoint("default", "unix:///var/run/docker.sock", "default")
PAIR = [["driver-type", "io.containerd.snapshotter.v1"]]
GRAPH = [["Backing Filesystem", "extfs"]]


def answered(**fields: object) -> info.Engine:
    return info.engine({"ServerVersion": "28.5.2", "Driver": "overlay2", **fields}, LOCAL)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("28.5.2", (28, 5, 2)),
        ("20.10.24+dfsg1", (20, 10, 24)),
        ("26.1.5+dfsg1", (26, 1, 5)),
        ("29.0.0-rc.2", (29, 0, 0)),
        ("29.3.1~ubuntu", (29, 3, 1)),
        ("25.0.6ce", (25, 0, 6)),
        ("library-import", None),
        ("0.0.0-20240916185124-1f2bc7c3c5b1", None),
        ("0.0.0-dev", None),
        ("9" * 5000, None),
        ("dev", None),
        ("", None),
    ],
)
def test_a_version_that_is_no_number_is_unknown_not_old(text: str, numbers: tuple[int, ...] | None) -> None:
    assert info.version(text) == numbers


@pytest.mark.parametrize(
    ("version", "driver", "status", "store"),
    [
        ("28.5.2", "overlayfs", PAIR, "containerd"),
        ("28.5.2", "overlay2", GRAPH, "overlay2"),
        ("28.5.2", "overlay2", PAIR, "overlay2"),  # the pair without a snapshotter of that name, so every run fails
        ("28.5.2", "native", PAIR, "containerd"),
        ("28.5.2", "btrfs", PAIR, "btrfs"),
        ("29.1.0", "btrfs", PAIR, "containerd"),
        ("29.1.0", "zfs", GRAPH, "zfs"),
        ("library-import", "overlayfs", PAIR, "containerd"),
    ],
)
def test_the_store_in_effect_is_judged_by_pair_and_driver(
    version: str, driver: str, status: object, store: str
) -> None:
    assert stores.store(answered(ServerVersion=version, Driver=driver, DriverStatus=status)) == store


def put(root: Path, path: str, content: object) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(json.dumps(content))


def context(root: Path, name: str, host: str) -> None:
    digest = hashlib.sha256(name.encode()).hexdigest()
    put(root, f"root/.docker/contexts/meta/{digest}/meta.json", {"Endpoints": {"docker": {"Host": host}}})


def test_the_endpoint_is_resolved_in_docker_s_own_order(tmp_path: Path) -> None:
    context(tmp_path, "there", "tcp://there:2376")
    context(tmp_path, "other", "unix:///run/other.sock")
    put(tmp_path, "root/.docker/config.json", {"currentContext": "there"})
    home = {"HOME": "/root"}
    assert endpoints.endpoint(System(str(tmp_path), {})).host == LOCAL.host
    assert endpoints.endpoint(System(str(tmp_path), home)).host == "tcp://there:2376"
    assert endpoints.endpoint(System(str(tmp_path), {**home, "DOCKER_CONTEXT": "other"})).socket == "/run/other.sock"
    assert endpoints.endpoint(System(str(tmp_path), {**home, "DOCKER_CONTEXT": "default"})).host == LOCAL.host
    everything = {**home, "DOCKER_CONTEXT": "other", "DOCKER_HOST": "unix:///x"}
    assert endpoints.endpoint(System(str(tmp_path), everything)) == Endpoint("default", "unix:///x", "DOCKER_HOST")


CONFIGURED: tuple[tuple[dict[str, str], str | None, bool], ...] = (
    ({}, None, True),
    ({}, '{"auths": {}}', True),
    ({}, '{"currentContext": "default"}', False),
    ({}, '{"currentContext": "far"}', False),
    ({"DOCKER_HOST": "tcp://far:2376"}, None, False),
    ({"DOCKER_CONTEXT": "far"}, None, False),
    ({"DOCKER_HOST": ""}, None, True),
)


@pytest.mark.parametrize(("environ", "config", "unnamed"), CONFIGURED)
def test_docker_s_own_default_is_told_without_a_parser(
    tmp_path: Path, environ: dict[str, str], config: str | None, unnamed: bool
) -> None:
    host = System(str(tmp_path), {"HOME": "/root", **environ})
    if config is not None:
        (tmp_path / "root/.docker").mkdir(parents=True)
        (tmp_path / "root/.docker/config.json").write_text(config)
    assert contexts.unnamed(host) is unnamed
    if unnamed:
        assert endpoints.endpoint(host) == Endpoint("default", addresses.DEFAULT, "default")


def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="DOCKER_CONTEXT: there is no docker context 'gone'"):
        endpoints.endpoint(System(str(tmp_path), {"DOCKER_CONTEXT": "gone"}))


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("{", "default"),
        ("[" * 100_000, "default"),
        ('{"currentContext": 5}', "default"),
        ('{"currentContext": "odd"} and more', "odd"),
        ('{"CurrentContext": "odd"}', "odd"),
        ('{"auths": 5, "currentContext": "odd"}', "odd"),
    ],
)
def test_a_broken_config_json_is_read_as_docker_reads_it(tmp_path: Path, text: str, context: str) -> None:
    put(
        tmp_path,
        f"root/.docker/contexts/meta/{hashlib.sha256(b'odd').hexdigest()}/meta.json",
        {"Name": "odd", "Endpoints": {"docker": {"Host": "unix:///odd"}}},
    )
    (tmp_path / "root/.docker/config.json").write_text(text)
    assert endpoints.endpoint(System(str(tmp_path), {"HOME": "/root"})).context == context


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (" tcp://there:2375 ", "tcp://there:2375"),
        ("localhost:2375", "tcp://localhost:2375"),
        ("myhost", "tcp://myhost:2375"),
        (":2375", "tcp://localhost:2375"),
        ("tcp://", "tcp://localhost:2375"),
        ("tcp://[::1]", "tcp://[::1]:2375"),
        ("unix://", addresses.DEFAULT),
        ("ssh://me@there", "ssh://me@there"),
        ("  ", addresses.DEFAULT),
    ],
)
def test_an_address_is_read_as_docker_reads_it(given: str, read: str) -> None:
    assert addresses.address(given) == read


CERTIFIED = {"DOCKER_HOST": "tcp://there", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/c"}


@pytest.mark.parametrize(
    ("environ", "socket"),
    [
        (CERTIFIED, "tcp://there:2375?tls=/c&verify=1"),
        ({**CERTIFIED, "DOCKER_TLS_VERIFY": "", "DOCKER_TLS": "1"}, "tcp://there:2375?tls=/c&verify=0"),
        ({**CERTIFIED, "DOCKER_TLS_VERIFY": ""}, "tcp://there:2375"),
        ({**CERTIFIED, "DOCKER_CERT_PATH": "", "HOME": "/root"}, "tcp://there:2375?tls=/root/.docker&verify=1"),
        ({**CERTIFIED, "DOCKER_HOST": "unix:///run/x.sock"}, "/run/x.sock"),
        (
            {"DOCKER_CONTEXT": "tls", "HOME": "/root"},
            "tcp://far:2375?tls=/root/.docker/contexts/tls/{}/docker&verify=1",
        ),
        (
            {"DOCKER_CONTEXT": "skip", "HOME": "/root"},
            "tcp://far:2375?tls=/root/.docker/contexts/tls/{}/docker&verify=0",
        ),
    ],
)
def test_tls_is_found_where_docker_finds_it(tmp_path: Path, environ: dict[str, str], socket: str) -> None:
    keys = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("tls", "skip")}
    for name, key in keys.items():
        there = {"Host": "tcp://far", "SkipTLSVerify": name == "skip"}
        put(tmp_path, f"root/.docker/contexts/meta/{key}/meta.json", {"Name": name, "Endpoints": {"docker": there}})
    put(tmp_path, f"root/.docker/contexts/tls/{keys['tls']}/docker/ca.pem", "")
    found = endpoints.endpoint(System(str(tmp_path), environ))
    assert found.socket == socket.format(keys.get(environ.get("DOCKER_CONTEXT", ""), ""))
    again = endpoints.endpoint(System(str(tmp_path), {}), found.address)
    assert again.socket == found.socket
    assert "?" not in found.host


def test_a_context_s_name_may_have_any_bytes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no docker context"):
        endpoints.endpoint(System(str(tmp_path), {"DOCKER_CONTEXT": "a\udcff"}))


@pytest.mark.parametrize("content", [[], {"Endpoints": []}, {"Endpoints": {"docker": {"Host": 5}}}, None])
def test_a_context_that_holds_no_address_leads_to_docker_s_own_socket(tmp_path: Path, content: object) -> None:
    put(tmp_path, f"root/.docker/contexts/meta/{hashlib.sha256(b'odd').hexdigest()}/meta.json", content)
    host = System(str(tmp_path), {"HOME": "/root", "DOCKER_CONTEXT": "odd"})
    assert endpoints.endpoint(host).host == LOCAL.host
    assert list(contexts.every(host, contexts.folder(host))) == []


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        b'{"ServerVersion": "28',
        b"[" * 100_000,
        b'{"ServerVersion": "28", "Images": "x"}',
        b'{"ServerVersion": "28", "Containers": 1e999}',
        b'{"ServerVersion": "28", "DockerRootDir": "/a\\u0000b"}',
        b'{"ServerVersion": "28", "DockerRootDir": "/' + b"a" * 5000 + b'"}',
        b'{"ServerVersion": "28", "DockerRootDir": "a"}',
    ],
)
def test_what_is_no_engine_s_answer_is_named(tmp_path: Path, answer: bytes) -> None:
    with (
        recorded.engine(tmp_path / "var/run/docker.sock", {"/info": answer}),
        pytest.raises(NoEngineError, match=r"/var/run/docker\.sock: .*/info") as raised,
    ):
        info.ask(System(str(tmp_path), {}), LOCAL)
    assert raised.value.hint == "is it Docker's socket?"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.0", b"HTTP/1.0 ", b"SSH-2.0-x\r\n", b"HTTP/1.1 yes\r\n\r\n"])
def test_what_speaks_no_http_is_named(answer: bytes) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(answer)
    with pytest.raises(NoEngineError, match="tcp://there: what answers there does not speak HTTP"):
        wire.receive("tcp://there", ours)


def test_what_is_no_address_is_not_asked(tmp_path: Path) -> None:
    with pytest.raises(NoEngineError, match="is not an address of an engine"):
        info.ask(System(str(tmp_path), {}), Endpoint("x", "fd://", "DOCKER_HOST"))


def test_no_socket_is_no_engine(tmp_path: Path) -> None:
    with pytest.raises(NoEngineError, match="no engine listens there"):
        info.ask(System(str(tmp_path), {}), LOCAL)


def test_a_file_that_may_not_be_read_is_denied_not_absent(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/loop").symlink_to("loop")
    with pytest.raises((DeniedError, Exception), match="/etc/loop"):
        System(str(tmp_path), {}).read("/etc/loop")


def test_the_known_names_of_defaults_files_are_digests_of_their_endpoints() -> None:
    for host, name in store.DEFAULTS.items():
        assert hashlib.sha256(host.encode()).hexdigest()[:20] == name


@pytest.mark.parametrize("name", seen.INFO)
def test_what_a_real_engine_answers_is_read_without_a_traceback(name: str) -> None:
    assert info.engine(seen.INFO[name], LOCAL).kind in {f.name for f in kinds.KINDS}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"errorDetail": {"message": "no space"}, "error": "no space"}, "no space"),
        ({"errorDetail": {"message": "no space"}}, "no space"),
        ({"error": "no space"}, "no space"),
        ('{"status": "Importing"}\r\n{"errorDetail": {"code": 1, "message": "no space"}}\r\n', "no space"),
        ('{"stream": "Loaded image: errorDetail:1"}\n', ""),
        ('{"status": "Importing"}\n{"errorDet', ""),
        ("[1]\n" * 3, ""),
        ("[" * 100000, ""),
        ("", ""),
    ],
)
def test_the_error_of_an_answer_that_began_well_is_found_in_each_of_its_fields(answer: object, reason: str) -> None:
    assert api.failure(answer) == reason
