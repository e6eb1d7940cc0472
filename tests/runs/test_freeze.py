"""A hold stops applies for a time, and for a reason."""

import json
from pathlib import Path

import pytest

from provisioner.errors import Exit, HoldError, UsageError
from provisioner.host import System
from provisioner.runs import freeze

NOW = "2026-11-23T10:00:00Z"


@pytest.fixture
def system(tmp_path: object) -> System:
    host = System(str(tmp_path), {"SUDO_USER": "ada"}, "x86_64")
    host.make_directory("/etc", 0o755)
    return host


def test_a_hold_is_on_until_its_time(system: System) -> None:
    put = freeze.put(system, "release\n week", "8h")
    assert (put.reason, put.by) == ("release week", "ada")
    assert freeze.read(system, put.since) == put
    assert freeze.read(system, put.until) is None
    with pytest.raises(HoldError, match=r"until .*: release week \(ada\)") as raised:
        freeze.refuse(system, put.since)
    assert raised.value.status == Exit.BUSY
    assert freeze.release(system) == put
    assert freeze.read(system, put.since) is None
    assert freeze.release(system) is None


@pytest.mark.parametrize("environ", [{"DOAS_USER": "ada"}, {"PKEXEC_UID": "1000"}, {}])
def test_a_hold_says_who_asked_for_it(tmp_path: Path, environ: dict[str, str]) -> None:
    host = System(str(tmp_path), environ, "x86_64")
    for folder in ("/etc", "/proc", "/proc/self"):
        host.make_directory(folder, 0o755)
    host.write("/etc/passwd", "ada:x:1000:1000::/home/ada:/bin/sh\n", 0o644)
    host.write("/proc/self/loginuid", "1000", 0o644)
    assert freeze.put(host, "release week", "8h").by == "ada"


BROKEN = (
    {"until": 7},
    {"until": "2026-12-01T08:00+01:00"},  # not in UTC, so it does not sort as text
    {"until": "tomorrow"},
    {"why": "x"},
    {"since": None},
    {"until": "2026-1-1T0:0:0Z"},
)
WHOLE = {"reason": "r", "until": "2026-12-01T00:00:00Z", "since": NOW, "by": "ada"}


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"reason": 1}', "null", "[" * 100_000, *(json.dumps({**WHOLE, **b}) for b in BROKEN)]
)
def test_a_hold_that_cannot_be_read_holds(system: System, text: str) -> None:
    system.make_directory(freeze.FOLDER, 0o755)
    system.write(freeze.PATH, text, 0o644)
    with pytest.raises(HoldError, match="cannot be read"):
        freeze.refuse(system, NOW)


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("90m", "2026-11-23T11:30:00Z"),
        ("8h", "2026-11-23T18:00:00Z"),
        ("2d", "2026-11-25T10:00:00Z"),
        ("2026-12-01", "2026-12-01T00:00:00Z"),
        ("2026-12-01T08:00Z", "2026-12-01T08:00:00Z"),
        ("2026-12-01T08:00+02:00", "2026-12-01T06:00:00Z"),
    ],
)
def test_times_may_be_lengths_days_or_moments(text: str, until: str) -> None:
    assert freeze.moment(text, NOW) == until


@pytest.mark.parametrize("text", ["", "h", "8", "-8h", "tomorrow", "2026-13-01", "2026-11-23", "0m", "9999d", "٨h"])
def test_a_time_that_is_none_or_past_or_far_away_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        freeze.moment(text, NOW)


def test_a_hold_needs_a_reason(system: System) -> None:
    with pytest.raises(UsageError, match="reason"):
        freeze.put(system, "  ", "8h")
