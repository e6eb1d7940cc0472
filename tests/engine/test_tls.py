"""Connect to an engine with TLS, with valid and invalid certificates on both sides."""

import contextlib
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.errors import NoEngineError
from provisioner.host import System
from tests.helpers import certificates


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"ServerVersion": "28.5.2"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextlib.contextmanager
def server(folder: Path) -> Iterator[int]:
    """Run an engine on TCP that requires a client certificate. Yields its port."""
    settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    settings.load_cert_chain(folder / "server.pem", folder / "server-key.pem")
    settings.load_verify_locations(folder / "ca.pem")
    settings.verify_mode = ssl.CERT_REQUIRED
    settings.maximum_version = ssl.TLSVersion.TLSv1_2  # with TLS 1.3 the server refuses only after the handshake
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as found:
        found.handle_error = lambda *_: None  # type: ignore[method-assign]
        found.socket = settings.wrap_socket(found.socket, server_side=True)
        thread = threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield found.server_address[1]
        finally:
            found.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("tls")
    certificates.make(found)
    for name, ca, client in (("right", "ca", True), ("wrong", "other", True), ("alone", "ca", False)):
        (found / name).mkdir()
        (found / name / "ca.pem").write_bytes((found / f"{ca}.pem").read_bytes())
        if client:
            (found / name / "cert.pem").write_bytes((found / "client.pem").read_bytes())
            (found / name / "key.pem").write_bytes((found / "client-key.pem").read_bytes())
    (found / "empty").mkdir()
    return found


CASES = (
    ("127.0.0.1", "right", 1, ""),
    ("127.0.0.1", "wrong", 0, ""),  # without verification
    ("127.0.0.1", "wrong", 1, "TLS: "),
    ("127.0.0.2", "right", 0, "does not answer"),  # no engine listens there
    ("localhost", "right", 1, ""),
    ("127.0.0.1", "alone", 1, "TLS: "),
    ("127.0.0.1", "empty", 1, "TLS needs ca.pem"),
)


@pytest.mark.parametrize(("name", "certified", "verify", "said"), CASES)
def test_an_engine_is_spoken_to_as_far_as_the_certificates_go(
    folder: Path, name: str, certified: str, verify: int, said: str
) -> None:
    with server(folder) as port:
        where = f"tcp://{name}:{port}?tls={folder / certified}&verify={verify}"
        if not said:
            assert System().get(where, "/info") == {"ServerVersion": "28.5.2"}
            return
        with pytest.raises(NoEngineError, match=said) as raised:
            System().get(where, "/info")
        assert "?tls=" not in raised.value.message


@pytest.mark.parametrize(("verify", "variable"), [(1, "DOCKER_TLS_VERIFY=1"), (0, "DOCKER_TLS=1")])
def test_docker_itself_is_led_to_the_same_engine_with_the_same_certificates(verify: int, variable: str) -> None:
    said = System().at(f"tcp://there:2376?tls=/c&verify={verify}").ask("env").stdout.splitlines()
    assert {line for line in said if line.startswith("DOCKER_")} == {
        "DOCKER_HOST=tcp://there:2376",
        "DOCKER_CERT_PATH=/c",
        variable,
    }
