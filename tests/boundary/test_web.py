"""Requests to a registry go through the proxy that the daemon uses."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from provisioner.engine.registries import Registries
from provisioner.errors import ProvisionerError
from provisioner.host import System, web
from provisioner.proof import registry_api


class Proxy(http.server.ThreadingHTTPServer):
    """A proxy that answers for every registry, and opens no tunnel. ``asked`` holds what it was asked, and by whom."""

    def __init__(self) -> None:
        asked: list[tuple[str, str, str | None]] = []

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append((self.command, self.path, self.headers["Proxy-Authorization"]))
                self.send_response(502 if self.command == "CONNECT" else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_CONNECT(self) -> None:
                self.do_GET()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Answer)
        self.asked = asked


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def test_a_registry_behind_a_proxy_is_asked_through_it(proxy: Proxy) -> None:
    way = f"http://me:a%20word@127.0.0.1:{proxy.server_port}"
    status, _, _ = web.fetch("http://registry.invalid:5000/v2/", "GET", {}, proxy=way)
    assert status == 200
    assert proxy.asked == [("GET", "http://registry.invalid:5000/v2/", "Basic bWU6YSB3b3Jk")]


def test_a_registry_with_tls_gets_a_tunnel_and_a_refused_one_is_named(proxy: Proxy) -> None:
    with pytest.raises(ProvisionerError, match=r"https://registry\.invalid: no registry answers \(Tunnel"):
        web.fetch("https://registry.invalid/v2/", "GET", {}, proxy=f"127.0.0.1:{proxy.server_port}")
    assert proxy.asked[0][:2] == ("CONNECT", "registry.invalid:443")


@pytest.mark.parametrize(
    ("where", "proxied"), [("registry.example", True), ("hub.lan:5000", False), ("127.0.0.1:5000", False)]
)
def test_the_daemon_s_proxy_counts_with_its_exceptions(where: str, proxied: bool) -> None:
    known = Registries(
        insecure=("hub.lan:5000",), proxies={"https_proxy": "http://192.0.2.1:3128", "no_proxy": ".lan,hub.lan"}
    )
    found = registry_api.at(Encrypted(), known, where, "image", "root")
    assert (found.proxy != "") is proxied


class Encrypted(System):
    """A host on which every registry uses TLS."""

    def __init__(self) -> None:
        super().__init__("/", {})

    def fetch(self, *_: object, **__: object) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, b""
