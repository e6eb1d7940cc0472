"""A host without an engine, made of namespaces: a table of emulators of its own, and nobody's privileges.

Since Linux 6.7 a user namespace may mount a binfmt_misc of its own. Below it lies a tree that has the machine's /usr to
look at, and an /etc, /opt, /run, /usr/local/lib and /var/lib that are its own and are gone with it. The agent runs
there as it is: as root of that namespace, with everything that it does for real, and nothing of it seen outside.

Its /proc is its own, too, and so are its processes. With the machine's /proc, what lies below the host's table would be
the machine's table as soon as the host unmounts its own, and root of this namespace may write there.
"""

import contextlib
import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from provisioner.config import load, parse
from provisioner.config.load import Configuration
from provisioner.platforms import binfmt
from provisioner.platforms.table import Platform

CHECKOUT = Path(__file__).resolve().parents[2]
TABLE = "/proc/sys/fs/binfmt_misc"
EMULATORS = "/opt/qemu"

# $1 is the checkout, the rest are emulators to copy; ends when its stdin does.
SETUP = f"""
set -e
mount -t tmpfs -o mode=755 tmpfs /mnt
cd /mnt
mkdir -p usr proc dev etc/binfmt.d opt/qemu run tmp src var/lib var/cache root
mount --rbind /usr usr
mount -t tmpfs -o mode=755 tmpfs usr/local/lib
for name in bin sbin lib lib64; do ln -s "usr/$name" "$name"; done
cp /etc/passwd /etc/group etc
mount -t proc proc proc
mount --rbind /dev dev
mount --bind "$1" src
mount -t binfmt_misc binfmt_misc ./{TABLE}
shift
for file; do cp "$file" "opt/qemu/$(basename "$file" -static)"; done
echo ready
exec cat
"""
AGENT = "import sys; sys.path.insert(0, '/src'); from provisioner.cli.main import main; sys.exit(main())"
CLEAN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}


class PrivateHost:
    """One such host; ``emulators`` lie in /opt/qemu. ``with`` ends it. OSError: this kernel or user cannot have one."""

    def __init__(self, emulators: Sequence[str] = ()) -> None:
        into = ("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child")
        argv = (*into, "sh", "-c", SETUP, "sh", str(CHECKOUT), *emulators)
        self._holder = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"ready\n":
            said = self._holder.communicate()[1].decode()
            raise OSError(f"no private host: {said}")
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children")
        self._first = int(children.read_text())

    def close(self) -> None:
        """End it; everything of it is gone."""
        self._holder.communicate()

    def run(self, *argv: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program as the root of this host."""
        namespaces = (f"--target={self._first}", "--user", "--mount", "--pid", "--preserve-credentials")
        enter = ("nsenter", *namespaces, "chroot", "/mnt", *argv)
        return subprocess.run(enter, check=False, input=text, capture_output=True, text=True, timeout=60, env=CLEAN)

    def sh(self, script: str, *args: str) -> str:
        """Run a script that must not fail; what it printed."""
        done = self.run("sh", "-ec", script, "sh", *args)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def agent(self, *args: str) -> tuple[int, dict[str, Any], str]:
        """Run the agent for emulators alone: its status, its document, and what it said on stderr."""
        done = self.run("python3", "-I", "-S", "-X", "pycache_prefix=/tmp", "-c", AGENT, *args, "--format=json")
        return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr

    def put(self, path: str, text: str) -> None:
        """Write a file, and the folders above it."""
        done = self.run("sh", "-ec", 'mkdir -p "$(dirname "$1")"; cat >"$1"', "sh", path, text=text)
        assert done.returncode == 0, done.stderr

    def configure(self, text: str) -> None:
        """Write the configuration, and what an apply would remember of it: this host's Python may know no YAML."""
        self.put(load.PATH, text)
        read = Configuration(parse.parse(text, load.PATH), load.PATH, text)
        self.put("/var/lib/provisioner/configuration.json", load.memory(read) or "")

    def register(self, row: Platform, interpreter: str, flags: str, *, name: str | None = None) -> None:
        """Register an entry as somebody else would."""
        line = binfmt.registration_line(row, interpreter, flags, name=name)
        self.sh(f'printf %s "$1" >{TABLE}/register', line)

    def entries(self) -> str:
        """The whole table, as the kernel prints it."""
        return self.sh(
            f"cd {TABLE}; for name in *; do case $name in register) ;; *) echo [$name]; cat $name ;; esac; done"
        )


@contextlib.contextmanager
def private_host(emulators: Sequence[str] = ()) -> Iterator[PrivateHost]:
    """One for the length of a ``with``."""
    host = PrivateHost(emulators)
    try:
        yield host
    finally:
        host.close()
