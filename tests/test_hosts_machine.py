"""A machine that cannot boot a host says why in one sentence, and what would help."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
DEMO = (sys.executable, "-m", "tests.hosts", "demo", "trixie")
NAMESPACE = ("/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-ec")


def refused(*argv: str) -> tuple[int, str]:
    """Run something that ends with one sentence on stderr; its status and the sentence."""
    done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    [sentence] = done.stderr.splitlines()
    return done.returncode, sentence


def test_a_user_is_told_to_use_sudo() -> None:
    script = (
        "import os; from tests.hosts import __main__ as m; os.seteuid(65534); raise SystemExit(m.main(['demo', '29']))"
    )
    status, sentence = refused(sys.executable, "-c", script)
    assert status == 77
    assert "takes root: run it with sudo" in sentence


@pytest.mark.host
def test_a_machine_without_mounts_is_told_so() -> None:
    status, sentence = refused("/usr/bin/setpriv", "--bounding-set=-sys_admin", *DEMO)
    assert status == 77
    assert "allows no mounts of that kind" in sentence
    assert "docker run --privileged" in sentence


@pytest.mark.host
def test_an_old_kernel_is_told_so() -> None:
    status, sentence = refused("/usr/bin/setarch", "--uname-2.6", *DEMO)
    assert status == 69
    assert "hosts need Linux 6.7" in sentence


@pytest.mark.host
def test_another_distribution_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "os-release").write_text('ID=slackware\nPRETTY_NAME="Slackware 15"\n')
    script = 'mount --bind "$0" /etc/os-release; exec "$@"'
    status, sentence = refused(*NAMESPACE, script, str(tmp_path / "os-release"), *DEMO)
    assert status == 69
    assert "this is Slackware 15: use a Debian or Ubuntu machine" in sentence


@pytest.mark.host
def test_a_full_disk_is_told_so(tmp_path: Path) -> None:
    script = 'mount -t tmpfs -o size=64m tmpfs "$0"; PROVISIONER_CACHE="$0" exec "$@"'
    status, sentence = refused(*NAMESPACE, script, str(tmp_path), *DEMO)
    assert status == 69
    assert "0.1 GB free of the 4 GB that hosts need" in sentence


@pytest.mark.parametrize("words", [("demo", "slink"), ("demo",), ("dance",), ()])
def test_an_engine_or_a_command_that_is_not_known_is_bad_usage(words: tuple[str, ...]) -> None:
    status, sentence = refused(sys.executable, "-m", "tests.hosts", *words)
    assert status == 64
    assert "bookworm|trixie|forky|noble|29" in sentence


@pytest.mark.parametrize(("ci", "status"), [("true", 1), ("false", 0)])
def test_nothing_is_skipped_in_ci(tmp_path: Path, ci: str, status: int) -> None:
    (tmp_path / "test_skip.py").write_text("import pytest\ndef test_it() -> None:\n    pytest.skip('no reason')\n")
    argv = (sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-c", "pyproject.toml")
    done = subprocess.run(
        (*argv, str(tmp_path)), cwd=CHECKOUT, env={**os.environ, "CI": ci}, capture_output=True, text=True, check=False
    )
    assert done.returncode == status
    assert "no reason" in done.stdout
