"""A file that cannot be written where it lies blocks its resource before anything is done."""

import errno
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from provisioner.config.desired import Desired, ImageStore
from provisioner.config.load import Configuration
from provisioner.errors import RolledBackError
from provisioner.host import System
from provisioner.model import Difference
from provisioner.runs import apply, writable
from provisioner.steps import Change
from provisioner.steps.files import MakeDirectory, RemoveFile, SetLeaf, WriteFile
from tests.helpers import daemon
from tests.helpers.steps import quiet

CHECKOUT = Path(__file__).parents[2]
FILE = "/etc/docker/daemon.json"
UNIT = {"INVOCATION_ID": "1", writable.UNIT: "provisioner-apply"}
ROOT = "1 0 0:1 / / rw - ext4 /dev/vda rw\n"


def made(*paths: str) -> Change:
    steps = (MakeDirectory("/etc/docker"), *(WriteFile(path, "{}") for path in paths))
    return Change("daemon", (Difference("debug", None, True),), steps)


@pytest.mark.parametrize(
    ("mounts", "code"),
    [
        ("", ""),
        ("2 1 0:2 / /etc rw - tmpfs t rw\n", ""),
        ("2 1 0:2 / /etc ro,relatime - squashfs s ro\n", "read-only"),
        ("2 1 0:2 / /etc ro - squashfs s ro\n3 2 0:3 / /etc/docker rw - tmpfs t rw\n", ""),
        ("2 1 0:2 /daemon.json /etc/docker/daemon.json rw - ext4 /dev/vda rw\n", "file-mounted"),
    ],
)
def test_the_mount_of_a_file_decides(tmp_path: Path, mounts: str, code: str) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text(ROOT + mounts)
    (tmp_path / "etc/docker").mkdir(parents=True)
    host = System(str(tmp_path), {})
    host.uid = 0
    change = writable.judged(host, made(FILE))
    assert {b.obstacle.code for b in change.blocked} == ({code} if code else set())
    assert bool(change.edits) is not bool(code)


def test_a_link_leads_to_where_the_file_lies(tmp_path: Path) -> None:
    for folder in ("proc/self", "etc/docker", "nix/store"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text(f"{ROOT}2 1 0:2 / /nix ro - ext4 /dev/vda ro\n")
    (tmp_path / FILE[1:]).symlink_to("/nix/store/daemon.json")
    host = System(str(tmp_path), {})
    host.uid = 0
    step = SetLeaf(FILE, ("debug",), True, None, "{}")
    change = writable.judged(host, Change("daemon", (Difference("debug", None, True),), (step,)))
    assert [b.obstacle.code for b in change.blocked] == ["read-only"]


@pytest.mark.parametrize(
    ("resource", "environment", "hint"),
    [
        ("daemon", {}, "findmnt --target /etc/docker"),
        ("daemon", {"INVOCATION_ID": "1"}, "findmnt --target /etc/docker"),  # a CI job, cloud-init, a service's shell
        ("daemon", UNIT, "run `sudo provisioner apply --only daemon` once by hand"),
        ("image store", UNIT, "apply --only image-store` once by hand"),
        ("image store", UNIT, "unless the drop-in elsewhere.conf lets it"),
        ("emulators", UNIT, "this unit may not write there"),
    ],
)
def test_a_unit_s_sandbox_is_named_where_there_is_one(
    tmp_path: Path, resource: str, environment: dict[str, str], hint: str
) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text(f"{ROOT}2 1 0:2 / /etc ro - ext4 /dev/vda ro\n")
    host = System(str(tmp_path), environment)
    host.uid = 0
    [blocked] = writable.judged(host, made(FILE)._replace(resource=resource)).blocked
    assert hint in blocked.obstacle.hint
    assert ("elsewhere.conf" in blocked.obstacle.hint) is (environment == UNIT and resource != "emulators")
    assert ("findmnt" in blocked.obstacle.hint) is (environment != UNIT)


class Policed(daemon.Host):
    """A host whose policy goes by the names of files: it lets one without a name be made, and not daemon.json."""

    def install(self, path: str, data: bytes, mode: int, **more: Any) -> None:
        if path == FILE:
            raise OSError(errno.EACCES, "Permission denied", path)
        super().install(path, data, mode, **more)


@pytest.mark.parametrize("leaf", ["log-level", "debug"], ids=["restart", "reload"])
def test_a_file_that_only_an_attempt_shows_to_be_refused_costs_no_restart(tmp_path: Path, leaf: str) -> None:
    host = Policed(tmp_path)
    text = '{"theirs": true}'
    (tmp_path / FILE[1:]).write_text(text)
    values: dict[str, Any] = {"log-level": "debug", "debug": True}
    wanted = Desired(image_store=ImageStore("unmanaged"), only=("daemon",), daemon={leaf: values[leaf]})
    with pytest.raises(RolledBackError, match="Permission denied"):
        apply.apply(host, Configuration(wanted), quiet, only=("daemon",))
    assert (host.restarts, host.reloads, (tmp_path / FILE[1:]).read_text()) == (0, 0, text)


FULL = 'mount -t tmpfs -o size=4k tmpfs "$1"; echo {} > "$1/file"; exec "$2" -c "$3" "$1" "$4"'
JUDGE = """
import sys
sys.path.insert(0, sys.argv[2])
from provisioner.host import System
from provisioner.runs import writable
from provisioner.steps import Change
from provisioner.model import Difference
from provisioner.steps.files import RemoveFile, WriteFile
file = sys.argv[1] + "/file"
for steps in (RemoveFile(file),), (WriteFile(file, "{ }"),), (RemoveFile(file), WriteFile(file + "2", "{}")):
    made = Change("daemon", (Difference("debug", None, True),), steps)
    print(*[b.obstacle.code for b in writable.judged(System(), made).blocked] or ["free"])
"""


def test_a_full_disk_blocks_no_removal(tmp_path: Path) -> None:
    argv = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", FULL, "sh")
    ran = subprocess.run(
        (*argv, str(tmp_path), sys.executable, JUDGE, str(CHECKOUT)), check=True, capture_output=True, text=True
    )
    assert ran.stdout.split() == ["free", "not-writable", "not-writable"]


class Protected(System):
    """A host with a folder that even root may not change, as `chattr +i` makes it."""

    def barred(self, path: str, user: str) -> str | None:
        return path


def test_a_protected_folder_blocks_a_removal(tmp_path: Path) -> None:
    (tmp_path / "etc/docker").mkdir(parents=True)
    (tmp_path / FILE[1:]).write_text("{}")
    host = Protected(str(tmp_path), {})
    host.uid = 0
    change = Change("daemon", (Difference("debug", None, True),), (RemoveFile(FILE),))
    [blocked] = writable.judged(host, change).blocked
    assert blocked.obstacle.code == "not-writable"
    assert "lsattr -d /etc/docker" in blocked.obstacle.hint
    assert not writable.judged(host, change._replace(edits=(RemoveFile("/etc/gone"),))).blocked
