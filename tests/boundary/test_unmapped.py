"""In a container without privileges, everything of users outside belongs to nobody, the kernel's own files included."""

import os
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
TABLE = "/proc/sys/fs/binfmt_misc"

# $1 is the checkout, $2 the program. The root folder belongs to the only user who has a number inside. /proc does not.
OUTSIDE = """\
set -e
mount -t tmpfs -o mode=755 tmpfs /mnt
cd /mnt
mkdir usr proc src tmp
mount --rbind /usr usr
mount --bind "$1" src
mount --rbind /proc proc
for name in bin sbin lib lib64; do ln -s "usr/$name" "$name"; done
if [ "$3" = 0 ]; then chown 12345:12345 .; become="setpriv --reuid=12345 --regid=12345 --clear-groups"; fi
exec $become unshare --user --map-root-user --mount sh -ec "$4" sh "$2"
"""
INSIDE = f"""\
mount -t binfmt_misc binfmt_misc ./{TABLE}
exec chroot . /usr/bin/python3 -IS -X pycache_prefix=/tmp -c "$1"
"""
PROGRAM = """\
import os, sys
sys.path.insert(0, "/src")
from provisioner.errors import DeniedError
from provisioner.host import System
host = System("", {})
print(os.stat("/").st_uid, os.stat("/proc").st_uid)
host.tell("/proc/sys/fs/binfmt_misc/register", ":ours:E::ours::/bin/true:")
print(os.listdir("/proc/sys/fs/binfmt_misc"))
for path in ("/usr/file", "/proc/1/file"):
    try:
        host.tell(path, "ours")
    except DeniedError as e:
        print(e)
"""


def test_the_kernel_s_table_is_written_where_its_files_belong_to_nobody() -> None:
    namespaces = ("--mount",) if os.geteuid() == 0 else ("--user", "--map-root-user", "--mount")
    argv = ("unshare", *namespaces, "sh", "-ec", OUTSIDE, "sh", str(CHECKOUT), PROGRAM, str(os.geteuid()), INSIDE)
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    owners, entries, *refused = done.stdout.splitlines()
    assert owners == "0 65534"
    assert "'ours'" in entries
    assert [line.partition(":")[0] for line in refused] == ["/usr/file", "/proc/1/file"], refused
