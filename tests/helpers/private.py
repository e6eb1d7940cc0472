"""A host without an engine, made of namespaces. It has its own table of emulators and needs no privileges.

Since Linux 6.7 a user namespace may mount its own binfmt_misc. The host is a tree that shares this machine's /usr
and has its own /etc, /opt, /run, /usr/local/lib and /var/lib, which disappear with it. The agent runs there
unchanged, as root of that namespace. Everything that it does is real, but invisible outside.

The host also has its own /proc and its own processes. With this machine's /proc, the machine's table would become
visible as soon as the host unmounts its own, and root of this namespace may write to it.
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

# $1 is the checkout, the rest are emulators to copy. It ends when its stdin is closed.
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
    """A host without an engine, with ``emulators`` in /opt/qemu. Close it after use.

    Raises:
        OSError: this kernel or user cannot create one.
    """

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
        """End the host. All its files disappear."""
        self._holder.communicate()

    def run(self, *argv: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program as root of this host."""
        namespaces = (f"--target={self._first}", "--user", "--mount", "--pid", "--preserve-credentials")
        enter = ("nsenter", *namespaces, "chroot", "/mnt", *argv)
        return subprocess.run(enter, check=False, input=text, capture_output=True, text=True, timeout=60, env=CLEAN)

    def sh(self, script: str, *args: str) -> str:
        """Run a script that must succeed, and return its output."""
        done = self.run("sh", "-ec", script, "sh", *args)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def agent(self, *args: str) -> tuple[int, dict[str, Any], str]:
        """Run the agent and return its exit status, its document and its stderr."""
        done = self.run("python3", "-I", "-S", "-X", "pycache_prefix=/tmp", "-c", AGENT, *args, "--format=json")
        return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr

    def put(self, path: str, text: str) -> None:
        """Write a file, and create missing parent folders."""
        done = self.run("sh", "-ec", 'mkdir -p "$(dirname "$1")"; cat >"$1"', "sh", path, text=text)
        assert done.returncode == 0, done.stderr

    def configure(self, text: str) -> None:
        """Write the configuration and what an apply would store of it. This host's Python may lack YAML."""
        self.put(load.PATH, text)
        read = Configuration(parse.parse(text, load.PATH), load.PATH, text)
        self.put("/var/lib/provisioner/configuration.json", load.memory(read) or "")

    def register(self, row: Platform, interpreter: str, flags: str, *, name: str | None = None) -> None:
        """Register an entry as another program would."""
        line = binfmt.registration_line(row, interpreter, flags, name=name)
        self.sh(f'printf %s "$1" >{TABLE}/register', line)

    def entries(self) -> str:
        """Return the whole table, as the kernel prints it."""
        return self.sh(
            f"cd {TABLE}; for name in *; do case $name in register) ;; *) echo [$name]; cat $name ;; esac; done"
        )


@contextlib.contextmanager
def private_host(emulators: Sequence[str] = ()) -> Iterator[PrivateHost]:
    """Make a host for the duration of a ``with`` block."""
    host = PrivateHost(emulators)
    try:
        yield host
    finally:
        host.close()
