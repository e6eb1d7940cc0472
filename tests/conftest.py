"""Fixtures that boot real Docker hosts, and what a skipped test means."""

import contextlib
import functools
import os
import signal
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Protocol

import pluggy
import pytest

from tests import hosts
from tests import machines as virtual
from tests.hosts import Host, LackError, machine
from tests.machines import Machine

ENGINES = ("trixie", "forky", "29")
PARTS = 25  # how many are shown
# Where the agent would write on the machine that the tests run on.
OURS = (
    *("/etc/provisioner", "/run/provisioner", "/var/lib/provisioner", "/var/lib/provisioner-check"),
    *("/usr/lib/provisioner", "/usr/local/lib/provisioner", "/usr/bin/provisioner", "/usr/local/bin/provisioner"),
    *("/usr/share/doc/docker-host-provisioner", "/etc/binfmt.d", "/etc/docker"),
)
CI = os.environ.get("CI", "") not in ("", "0", "false")


class Boot(Protocol):
    """Boot a host that lives until the end of the test; the parameters are those of tests.hosts.boot."""

    def __call__(
        self,
        engine: str = ...,
        *,
        layers: tuple[str | Path, ...] = ...,
        agent: bool = ...,
        files: Mapping[str, str | bytes] | None = ...,
        docker: bool = ...,
        init: str = ...,
        binfmt: bool = ...,
    ) -> Host: ...


class Machines(Protocol):
    """Start a machine that lives until the end of the test; the parameters are those of tests.machines.boot."""

    def __call__(
        self,
        name: str = ...,
        *,
        agent: bool = ...,
        files: Mapping[str, str | bytes] | None = ...,
        volatile: bool = ...,
        tap: str = ...,
    ) -> Machine: ...


@pytest.fixture(scope="session", autouse=True)
def untouched() -> Iterator[None]:
    """The machine underneath keeps every file that it had, and gets none."""
    before = _listed()
    yield
    assert _listed() == before, "a test has changed the machine that it ran on"


def _listed() -> set[tuple[str, int]]:
    """The files where the agent would write, each with the time of its last change."""
    found = (path for top in map(Path, OURS) for path in (top, *top.rglob("*")))
    return {(str(path), path.lstat().st_mtime_ns) for path in found if path.exists() or path.is_symlink()}


@pytest.fixture
def machines() -> Iterator[Machines]:
    """Start as many machines as a test wants; all are thrown away after it."""
    with contextlib.ExitStack() as running:
        yield lambda *args, **kwargs: running.enter_context(virtual.boot(*args, **kwargs))


@pytest.fixture
def boot() -> Iterator[Boot]:
    """Boot as many hosts as a test wants; all are thrown away after it."""
    with contextlib.ExitStack() as running:
        yield lambda *args, **kwargs: running.enter_context(hosts.boot(*args, **kwargs))


@pytest.fixture(params=ENGINES)
def engine_host(request: pytest.FixtureRequest, boot: Boot) -> Host:
    """A host with the agent and static emulators, for each engine that has a containerd store."""
    return boot(request.param, layers=("qemu",), agent=True)


def pytest_configure() -> None:
    """Let SIGTERM end a run as Ctrl-C does, so that its hosts are thrown away."""

    def interrupt(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what boots a host, so that ``-m "not host"`` never does."""
    for item in items:
        if {"boot", "machines"} & {*getattr(item, "fixturenames", ())}:
            item.add_marker("host")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what boots a host on a machine that cannot."""
    if item.get_closest_marker("host") and (lack := _lack()):
        pytest.skip(lack)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None, "pluggy.Result[pytest.TestReport]", None]:
    """In CI nothing may be skipped: what is not tested there is tested nowhere."""
    outcome = yield
    report = outcome.get_result()
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.longrepr = f"skipped, which CI=true forbids: {reason}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what each part took: its tests' seconds, with what was made and thrown away for them."""
    parts: dict[str, float] = defaultdict(float)
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        if isinstance(report, pytest.TestReport):
            parts[report.nodeid.partition("::")[0]] += report.duration
    longest = sorted(parts.items(), key=lambda part: -part[1])
    for part, seconds in longest[:PARTS]:
        terminalreporter.write_line(f"{seconds:7.1f} s  {part}")
    rest = sum(seconds for _, seconds in longest[PARTS:])
    terminalreporter.write_line(f"{rest:7.1f} s  everything else; {sum(parts.values()):.1f} s in all")


@functools.cache
def _lack() -> str:
    try:
        machine.check()
    except LackError as lack:
        return str(lack)
    return ""
