"""What the proof by way of a registry makes of answers that are none of a registry's."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provisioner.config.desired import Builder, Desired
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.facts import Facts
from provisioner.engine.info import engine
from provisioner.engine.registries import Registries
from provisioner.errors import ProvisionerError, UsageError
from provisioner.host import System
from provisioner.proof import by_registry, registry_api

INDEX, MANIFEST = registry_api.INDEXES[0], registry_api.MANIFESTS[0]


@contextmanager
def answering(kind: str, body: bytes, status: int = 200) -> Iterator[str]:
    """Something at a port of this machine's loopback that always says the same; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("WWW-Authenticate", 'Bearer realm="https://auth.example/token",service="registry.example"')
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


WANTED = Desired(builder=Builder(users=("root",)))
ODD = {
    "a page": ("text/html", b"<html>log in</html>"),
    "a list": (INDEX, b"[]"),
    "an index without manifests": (INDEX, b"{}"),
    "an index of numbers": (INDEX, b'{"manifests": [1]}'),
    "an image without a configuration": (f"{MANIFEST}; charset=utf-8", b"{}"),
    "a configuration of another kind": (MANIFEST, b'{"config": "x"}'),
}


def host_and_facts(tmp_path: Path) -> tuple[System, Facts]:
    """A host whose docker says yes to everything."""
    docker = tmp_path / "usr/bin/docker"
    docker.parent.mkdir(parents=True)
    docker.write_text("#!/bin/sh\n")
    docker.chmod(0o755)
    where = Endpoint("default", "unix:///s", "default")
    return System(str(tmp_path), {}), Facts(where, engine({}, where), "/s", (), "/d", False, ("linux/amd64",), {}, True)


@pytest.mark.parametrize("name", ["https://reg.example", "reg.example/A", "reg.example:port", "-x y", ""])
def test_what_is_no_registry_s_name_is_refused_before_anything_is_built(name: str, tmp_path: Path) -> None:
    system, seen = host_and_facts(tmp_path)
    with pytest.raises(UsageError, match="is not a registry's name"):
        by_registry.prove(system, seen, WANTED, name, lambda _: None)


@pytest.mark.parametrize("name", ODD)
def test_an_answer_that_is_no_registry_s_is_named(name: str, tmp_path: Path) -> None:
    system, seen = host_and_facts(tmp_path)
    with answering(*ODD[name]) as host, pytest.raises(ProvisionerError, match=f"{host}: .* is not a manifest"):
        by_registry.prove(system, seen, WANTED, host, lambda _: None)


def test_a_platform_that_nobody_knows_is_called_what_it_is_called() -> None:
    assert registry_api.platform({"os": "unknown", "architecture": "unknown"}) == "unknown/unknown"
    assert registry_api.platform({"os": "linux", "architecture": "arm64", "variant": "v8"}) == "linux/arm64"


@pytest.mark.parametrize(
    ("name", "image", "url"),
    [
        ("docker.io/me", "docker.io/me/provisioner-proof", "https://registry-1.docker.io/v2/me/provisioner-proof/"),
        (
            "index.docker.io/me",
            "docker.io/me/provisioner-proof",
            "https://registry-1.docker.io/v2/me/provisioner-proof/",
        ),
        (
            "reg.example:5000/a",
            "reg.example:5000/a/provisioner-proof",
            "https://reg.example:5000/v2/a/provisioner-proof/",
        ),
    ],
)
def test_docker_hub_is_asked_where_docker_asks_it(name: str, image: str, url: str, tmp_path: Path) -> None:
    asked: list[str] = []

    class Host(System):
        def fetch(self, url: str, *_: object, **__: object) -> tuple[int, dict[str, str], bytes]:
            asked.append(url)
            return 200, {}, b""

    host = Host(str(tmp_path), {})
    home = host.account("root")
    assert home is not None
    folder = tmp_path / f"{home.home[1:]}/.docker"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"auths": {"https://index.docker.io/v1/": {"auth": "bWU6c2VjcmV0"}}}')
    there = registry_api.at(host, Registries(), name, "provisioner-proof", "root")
    there.ask("GET", "manifests/x")
    assert (there.image, asked[-1]) == (image, f"{url}manifests/x")
    assert ("Authorization" in there.headers) is (there.host == "docker.io")


@pytest.mark.parametrize("name", ["acme", "acme/team", "docker.io"])
def test_a_name_that_docker_takes_for_one_on_docker_hub_is_refused(name: str, tmp_path: Path) -> None:
    system, _ = host_and_facts(tmp_path)
    with pytest.raises(UsageError, match=r"Docker Hub|not a registry's name"):
        registry_api.at(system, Registries(), name, "x", "root")


def test_an_error_says_what_of_the_proof_stays_in_the_registry(tmp_path: Path) -> None:
    system, seen = host_and_facts(tmp_path)
    with answering(*ODD["a page"]) as host, pytest.raises(ProvisionerError, match="does not let us remove 1 manifest"):
        by_registry.prove(system, seen, WANTED, host, lambda _: None)


def test_a_registry_that_asks_for_a_token_is_read_by_buildx_and_keeps_what_was_pushed(tmp_path: Path) -> None:
    """As Docker Hub does: docker and buildx get the token, and we do not."""
    system, _ = host_and_facts(tmp_path)
    said, asked = json.dumps({"mediaType": INDEX, "manifests": []}), tmp_path / "asked"
    (tmp_path / "usr/bin/docker").write_text(f"#!/bin/sh\necho $* >>{asked}\necho '{said}'\n")
    digest = f"sha256:{'1' * 64}"
    with answering("application/json", b"{}", 401) as host:
        there = registry_api.at(system, Registries(), host, "provisioner-proof", "root")
        assert (there.get("proof-1")[0], there.get(digest)[0]) == (INDEX, INDEX)
        left = by_registry._remove(there, ("proof-1", digest, digest))
    inspect = "buildx imagetools inspect --raw"
    assert asked.read_text().splitlines() == [
        f"{inspect} {host}/provisioner-proof:proof-1",
        f"{inspect} {host}/provisioner-proof@{digest}",
    ]
    assert left == f"{host} does not let us remove 2 manifests of provisioner-proof"
