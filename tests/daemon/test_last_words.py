"""What the daemon said last, on a host without systemd-python. ``tests/host/test_last_words.py`` compares both."""

from pathlib import Path

import pytest

from provisioner.daemon import managers, restart
from provisioner.host import System

OWN = "a first line\nfailed to start daemon: no\nthe end"
MANAGERS = {m.name: m for m in managers.MANAGERS}
JOURNALCTL = """#!/bin/sh
case " $* " in
*" {match} "*) printf '%s' '{own}' ;;
*" --unit=docker.service "*) echo "docker.service: Start request repeated too quickly." ;;
esac
"""


def host(root: Path, match: str, own: str) -> System:
    """A host whose journalctl knows what a unit said itself, and what systemd says about it."""
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/journalctl").write_text(JOURNALCTL.format(match=match, own=own))
    (root / "usr/bin/journalctl").chmod(0o755)
    return System(str(root), {})


@pytest.mark.parametrize(
    ("manager", "match"),
    [("systemd", "_SYSTEMD_UNIT=docker.service"), ("systemd --user", "--user _SYSTEMD_USER_UNIT=docker.service")],
)
@pytest.mark.parametrize(
    ("own", "words"),
    [
        (OWN, "failed to start daemon: no"),
        ("unknown flag: --nothing\n", "unknown flag: --nothing"),
        ("", "docker.service: Start request repeated too quickly."),
    ],
)
def test_journalctl_is_asked_for_the_daemon_s_own_words_first(
    tmp_path: Path, manager: str, match: str, own: str, words: str
) -> None:
    assert restart.last_words(host(tmp_path, match, own), MANAGERS[manager], "docker.service") == words


@pytest.mark.parametrize("manager", ["systemd", "systemd --user"])
def test_without_library_and_program_nothing_is_known(tmp_path: Path, manager: str) -> None:
    assert (
        restart.last_words(System(str(tmp_path), {}), MANAGERS[manager], "docker.service") == "its journal says nothing"
    )
