"""Images come from a registry as from Docker Hub: with a token, by digest, through a redirection."""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.hosts import hub
from tests.hosts.errors import BuildError
from tests.hosts.registry import Storage

NAME = "some/image"
LAYERS = {"amd64": b"layer for amd64", "arm64": b"layer for arm64"}


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def encode(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


CONFIG = b"{}"
MANIFESTS = {
    cpu: encode({"config": {"digest": digest(CONFIG)}, "layers": [{"digest": digest(layer)}]})
    for cpu, layer in LAYERS.items()
}
INDEX = encode(
    {
        "manifests": [
            {"digest": digest(manifest), "platform": {"os": "linux", "architecture": cpu}}
            for cpu, manifest in MANIFESTS.items()
        ]
    }
)


class Hub(BaseHTTPRequestHandler):
    """Wants a token for everything, and sends whoever asks for a blob elsewhere."""

    blobs = {digest(content): content for content in (CONFIG, *LAYERS.values())}  # noqa: RUF012

    def do_GET(self) -> None:
        """Answer as Docker Hub does."""
        kind, _, reference = self.path.removeprefix(f"/v2/{NAME}/").partition("/")
        here = f"http://{self.headers['Host']}"
        if self.path.startswith("/token?service=a&scope=b"):
            self._answer(200, encode({"token": "secret"}))
        elif self.path.startswith("/elsewhere/"):  # its address is signed: a token as well is refused
            blob = self.blobs[self.path.rpartition("/")[2]]
            self._answer(*((400, b"") if "Authorization" in self.headers else (200, blob)))
        elif self.headers["Authorization"] != "Bearer secret":
            self._answer(401, b"", "WWW-Authenticate", f'Bearer realm="{here}/token",service="a",scope="b"')
        elif kind == "blobs":
            self._answer(307, b"", "Location", f"{here}/elsewhere/{reference}")
        else:
            documents = {"latest": INDEX, **{digest(manifest): manifest for manifest in MANIFESTS.values()}}
            self._answer(200, documents[reference])

    def _answer(self, status: int, content: bytes, *header: str) -> None:
        self.send_response(status)
        if header:
            self.send_header(*header)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class DamagedHub(Hub):
    """Has a layer that is not what its digest says."""

    blobs = Hub.blobs | {digest(LAYERS["arm64"]): b"damaged"}


@contextlib.contextmanager
def served(handler: type[Hub]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_one_architecture_is_copied_under_its_own_digests(tmp_path: Path) -> None:
    with served(Hub) as base:
        assert hub.answers(base)
        assert hub.copy(Storage(tmp_path), NAME, "latest", "arm64", base) == digest(INDEX)
    blobs = {path.read_bytes() for path in tmp_path.glob("docker/registry/v2/blobs/sha256/*/*/data")}
    assert blobs == {INDEX, MANIFESTS["arm64"], CONFIG, LAYERS["arm64"]}
    tag = tmp_path / f"docker/registry/v2/repositories/{NAME}/_manifests/tags/latest/current/link"
    assert tag.read_text() == digest(INDEX)


def test_a_damaged_layer_is_refused(tmp_path: Path) -> None:
    with served(DamagedHub) as base, pytest.raises(BuildError, match="came damaged"):
        hub.copy(Storage(tmp_path), NAME, "latest", "arm64", base)


def test_a_registry_that_is_not_there_does_not_answer() -> None:
    with served(Hub) as base:
        pass
    assert not hub.answers(base)
