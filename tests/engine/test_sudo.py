"""What sudo hides is said in a line that root can type."""

import shlex
from pathlib import Path

import pytest

from provisioner.engine import sudo
from provisioner.host import System
from provisioner.model import Account

HERE = "unix:///var/run/docker.sock"


class Host(System):
    """A host on which dev uses sudo."""

    def account(self, user: str) -> Account | None:
        return Account("dev", 1000, 1000, (), "/home/dev") if user == "dev" else None

    def read(self, path: str, *, user: str = "") -> str | None:
        return super().read(path)


@pytest.mark.parametrize("address", ["ssh://build", "tcp://x; reboot", "unix:///tmp/$(reboot)"])
def test_an_address_of_the_user_s_is_quoted_in_a_command(tmp_path: Path, address: str) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/stat").write_text("2 (provisioner) S 7 7")
    (tmp_path / "proc/7").mkdir()
    (tmp_path / "proc/7/environ").write_text(f"DOCKER_HOST={address}\0")
    host = Host(str(tmp_path), {"SUDO_USER": "dev"})
    host.uid = 0
    said = sudo.lost(host, HERE, "default") or ""
    assert shlex.split(said.partition(": --host")[2])[0] == address
