"""Files are written atomically, and keep every attribute of the old file except the content."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from provisioner.errors import ProvisionerError
from provisioner.host import System

ACL = "system.posix_acl_access"
CHECKOUT = Path(__file__).parents[2]


def acl(*rows: tuple[int, int, int]) -> bytes:
    """Return an access control list in the kernel's format: tag, rights, id."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *row) for row in rows)


NOBODY = 0xFFFFFFFF
# The owner and user 1000 may read and write. The owning group has no rights.
LISTED = acl((1, 6, NOBODY), (2, 6, 1000), (4, 0, NOBODY), (16, 6, NOBODY), (32, 0, NOBODY))


def test_an_access_control_list_stays_and_the_group_gets_nothing(tmp_path: Path) -> None:
    file = tmp_path / "daemon.json"
    file.write_text("{}")
    os.setxattr(file, ACL, LISTED)
    before = file.stat().st_mode
    System(str(tmp_path), {}).write("/daemon.json", '{"debug": true}', 0o644)
    assert (os.getxattr(file, ACL), file.stat().st_mode) == (LISTED, before)


def test_extended_attributes_and_mode_stay(tmp_path: Path) -> None:
    file = tmp_path / "daemon.json"
    file.write_text("{}")
    file.chmod(0o604)
    os.setxattr(file, "user.comment", b"by hand")
    System(str(tmp_path), {}).write("/daemon.json", "{ }", 0o644)
    assert os.getxattr(file, "user.comment") == b"by hand"
    assert file.stat().st_mode & 0o7777 == 0o604


def test_a_folder_s_default_list_gives_nobody_more_than_the_old_file_did(tmp_path: Path) -> None:
    file = tmp_path / "daemon.json"
    file.write_text("{}")
    file.chmod(0o600)
    os.setxattr(tmp_path, "system.posix_acl_default", LISTED)
    System(str(tmp_path), {}).write("/daemon.json", "{ }", 0o644)
    assert ACL not in os.listxattr(file)
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_second_name_keeps_the_old_content_as_a_backup_has_it(tmp_path: Path) -> None:
    (tmp_path / "daemon.json").write_text("{}")
    os.link(tmp_path / "daemon.json", tmp_path / "backup.json")
    System(str(tmp_path), {}).write("/daemon.json", "{ }", 0o644)
    assert (tmp_path / "backup.json").read_text() == "{}"


def test_a_journal_with_a_second_name_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("x")
    os.link(tmp_path / "theirs", tmp_path / "000001.jsonl")
    with pytest.raises(ProvisionerError, match="has a second name"):
        System(str(tmp_path), {}).append("/000001.jsonl", "ours")
    assert (tmp_path / "theirs").read_text() == "x"


# Each script runs in its own mount namespace. $1 is the folder to mount at.
DISKS = {
    "full": ("mount -t tmpfs -o size=64k tmpfs $1; printf {} >$1/file; head -c 1m /dev/zero >$1/rest || :", 28),
    "read-only": ("mount -t tmpfs tmpfs $1; printf {} >$1/file; mount -o remount,ro $1", 30),
    "without a place for another file": (
        "mount -t tmpfs -o nr_inodes=3 tmpfs $1; printf {} >$1/file; touch $1/rest || :",
        28,
    ),
    "a mount at the file": (
        "mount -t tmpfs tmpfs $1; printf {} >$1/file; printf x >$1/over; mount --bind $1/over $1/file; "
        "rm $1/over; mount --make-private $1/file",
        16,
    ),
    "with a limit of file sizes": ("mount -t tmpfs tmpfs $1; printf {} >$1/file; ulimit -f 1", 27),
}
WRITE = """
import sys
sys.path.insert(0, sys.argv[2])
from provisioner.host import System
try:
    System(sys.argv[1], {}).write("/file", "x" * 50_000, 0o644)
except OSError as e:
    print(e.errno, e.filename)
"""


@pytest.mark.parametrize("disk", DISKS)
def test_a_disk_that_refuses_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path, disk: str) -> None:
    setup, number = DISKS[disk]
    script = f'set -e; {setup}; "$2" -c "$3" "$1" "$4"; cat $1/file; find $1 -name ".*"'
    argv = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh")
    ran = subprocess.run(
        (*argv, str(tmp_path), sys.executable, WRITE, str(CHECKOUT)), check=True, capture_output=True, text=True
    )
    told, *rest = ran.stdout.split("\n", 1)
    assert told == f"{number} /file"
    assert rest == ["x" if number == 16 else "{}"]


ASK = """
import sys
sys.path.insert(0, sys.argv[2])
from provisioner.host import System
host = System(sys.argv[1], {})
print(host.unmakeable("/file"), host.unwritable("/file"), sep="|", end="")
"""
FULL, PERMITTED = "No space left on device", "Operation not permitted"
# As DISKS: what is said of a new file in the folder, and of the file that is there.
REFUSALS = {
    "well": ("mount -t tmpfs tmpfs $1; printf {} >$1/file", "|"),
    "full": (DISKS["full"][0], f"{FULL}|"),
    "without a place for another file": (DISKS["without a place for another file"][0], f"{FULL}|"),
    "read-only": (DISKS["read-only"][0], "Read-only file system|Read-only file system"),
}
PROTECT = "mount -t tmpfs tmpfs $1; printf {} >$1/file; chattr "
PROTECTED = {
    "an immutable file": (f"{PROTECT} +i $1/file", f"|{PERMITTED}"),
    "an append-only file": (f"{PROTECT} +a $1/file", f"|{PERMITTED}"),
    "an immutable folder": (f"{PROTECT} +i $1", f"{PERMITTED}|"),
    "an append-only folder": (f"{PROTECT} +a $1", "the folder is append-only|"),
}
if os.geteuid() == 0:  # nobody else may protect a file
    REFUSALS |= PROTECTED


@pytest.mark.parametrize("disk", REFUSALS)
def test_a_plan_is_told_what_refuses_a_file_and_leaves_nothing_behind(tmp_path: Path, disk: str) -> None:
    setup, told = REFUSALS[disk]
    script = f'set -e; {setup}; ls -A $1 >"$5"; "$2" -c "$3" "$1" "$4"; ls -A $1 | cmp - "$5"'
    namespaces = ("--mount",) if os.geteuid() == 0 else ("--user", "--map-root-user", "--mount")
    mount, listed = tmp_path / "mount", tmp_path / "listed"
    mount.mkdir()
    argv = ("unshare", *namespaces, "sh", "-c", script, "sh", str(mount), sys.executable, ASK, str(CHECKOUT))
    ran = subprocess.run((*argv, str(listed)), check=True, capture_output=True, text=True)
    assert ran.stdout == told
