"""What the proof by way of a registry makes of answers that are none of a registry's."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provisioner.config.desired import Desired
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.facts import Facts
from provisioner.engine.info import engine
from provisioner.errors import ProvisionerError, UsageError
from provisioner.host import System
from provisioner.proof import by_registry, registry_api

INDEX, MANIFEST = registry_api.INDEXES[0], registry_api.MANIFESTS[0]


@contextmanager
def answering(kind: str, body: bytes) -> Iterator[str]:
    """Something at a port of this machine's loopback that always says the same; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
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
    with pytest.raises(UsageError, match="is no registry's name"):
        by_registry.prove(system, seen, Desired(), name, lambda _: None)


@pytest.mark.parametrize("name", ODD)
def test_an_answer_that_is_no_registry_s_is_named(name: str, tmp_path: Path) -> None:
    system, seen = host_and_facts(tmp_path)
    with answering(*ODD[name]) as host, pytest.raises(ProvisionerError, match=f"{host}: .* is no manifest"):
        by_registry.prove(system, seen, Desired(), host, lambda _: None)


def test_a_platform_that_nobody_knows_is_called_what_it_is_called() -> None:
    assert registry_api.platform({"os": "unknown", "architecture": "unknown"}) == "unknown/unknown"
    assert registry_api.platform({"os": "linux", "architecture": "arm64", "variant": "v8"}) == "linux/arm64"
