"""A restart is given as long as this host's units, containers and last start take, whatever its clock says."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from provisioner.daemon import managers, patience
from provisioner.daemon.restart import Reload
from provisioner.engine.kinds import Layout
from provisioner.host import System
from tests.helpers import daemon as fake
from tests.helpers.steps import quiet

SYSTEMD = managers.MANAGERS[0]
SHOWN = """\
TimeoutStartUSec={start}
TimeoutStopUSec={stop}
InactiveExitTimestampMonotonic=1000000
ActiveEnterTimestampMonotonic={ended}
"""


class Host(System):
    """A host with systemd, and an engine with one container that may take long to stop."""

    stop_timeout: Any = None

    def get(self, socket: str, path: str) -> Any:
        return [{"Id": "1"}] if path == "/containers/json" else {"Config": {"StopTimeout": self.stop_timeout}}


@pytest.mark.parametrize(
    ("start", "stop", "took", "container", "least"),
    [
        ("infinity", "1min 30s", 1, None, 90),
        ("infinity", "1min 30s", 100, None, 100),  # seconds that the last start took
        ("infinity", "1min 30s", 1, 300, 300),  # and that a container may take to stop
    ],
)
def test_a_restart_may_take_as_long_as_stopping_and_the_last_start(
    tmp_path: Path, start: str, stop: str, took: int, container: int | None, least: int
) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    shown = SHOWN.format(start=start, stop=stop, ended=1_000_000 * (1 + took))
    (tmp_path / "usr/bin/systemctl").write_text(f"#!/bin/sh\necho '{shown}'\n")
    (tmp_path / "usr/bin/systemctl").chmod(0o755)
    host = Host(str(tmp_path), {})
    host.stop_timeout = container
    found = patience.of(host, SYSTEMD, Layout(), "/var/run/docker.sock", 90)
    assert found.seconds >= least
    assert found.longest >= found.seconds


class SetBack(fake.Host):
    """A host whose clock is set back while its daemon reloads. The engine refuses a span that ends before it begins."""

    moments = iter((1000.0, 400.0))

    def time(self) -> float:
        return next(self.moments)

    def request(self, socket: str, method: str, path: str, *_: Any, **__: Any) -> tuple[int, bytes]:
        span = {name: float(values[0]) for name, values in parse_qs(urlsplit(path).query).items() if name != "filters"}
        refused = span["since"] > span["until"]
        return (400, b"since cannot be after until") if refused else (200, b'{"status": "reload"}')


def test_a_reload_is_seen_although_the_clock_is_set_back(tmp_path: Path) -> None:
    host = SetBack(tmp_path)
    Reload("docker.service", "/var/run/docker.sock").do(host, quiet)
    assert host.reloads == 1
