"""A restart is given as long as this host's units, containers and last start take."""

from pathlib import Path
from typing import Any

import pytest

from provisioner.daemon import managers, patience
from provisioner.engine.kinds import Layout
from provisioner.host import System

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
