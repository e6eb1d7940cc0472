"""Run a command on a host: as a process in the host's namespaces, root folder and cgroup."""

import shlex
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tests.hosts.errors import HostError
from tests.hosts.room import CGROUP2, into_cgroup

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"}
NAMESPACES = ("--user", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")

# $0 is the user, the rest is the command. It sets the environment of a login, without a session.
AS_USER = """\
export HOME="$(getent passwd "$0" | cut -d: -f6)" USER="$0" XDG_RUNTIME_DIR="/run/user/$(id -u "$0")"
exec setpriv --reuid="$0" --regid="$(id -g "$0")" --init-groups -- "$@"
"""

GRACE = 5  # seconds between SIGTERM and SIGKILL
TIMED_OUT = (124, 137)  # exit statuses of timeout(1) after a timeout


def entrance(leader: int) -> tuple[str, ...]:
    """Return the start of an argv that runs the rest on the host whose first process is ``leader``."""
    try:
        lines = Path(f"/proc/{leader}/cgroup").read_text().splitlines()
    except FileNotFoundError:
        raise HostError("the host went down by itself") from None
    [cgroup] = (line.removeprefix("0::") for line in lines if line.startswith("0::"))
    namespaces = ("/usr/bin/nsenter", f"--target={leader}", *NAMESPACES, "--root", "--wd", "--")
    return (*into_cgroup(CGROUP2 / cgroup.lstrip("/")), *namespaces)


def start(
    into: tuple[str, ...],
    argv: tuple[str, ...],
    user: str,
    env: Mapping[str, str] | None,
    stdin: int | None,
    output: int | None,
) -> subprocess.Popen[bytes]:
    """Start a command without the caller's environment. ``stdin`` and ``output`` are as for Popen."""
    if user != "root":
        argv = ("sh", "-c", AS_USER, user, *argv)
    environment = {**ENVIRONMENT, **(env or {})}
    return subprocess.Popen((*into, *argv), env=environment, cwd="/", stdin=stdin, stdout=output, stderr=output)


def run(
    into: tuple[str, ...],
    argv: tuple[str, ...],
    data: bytes,
    user: str,
    env: Mapping[str, str] | None,
    timeout: float,
) -> tuple[int, bytes, bytes]:
    """Run a command to its end and return its status and output.

    Raises:
        HostError: the command took longer than ``timeout`` seconds and was killed.
    """
    # The host itself enforces the limit, because killing nsenter would not end its child.
    limited = ("timeout", f"--kill-after={GRACE}", str(timeout), *argv)
    started = time.monotonic()
    with start(into, limited, user, env, subprocess.PIPE, subprocess.PIPE) as process:
        try:
            stdout, stderr = process.communicate(data, timeout + 2 * GRACE)
        except subprocess.TimeoutExpired:
            raise HostError(f"{shlex.join(argv)}: a process that it left holds its output open") from None
        finally:
            process.kill()
    if process.returncode in TIMED_OUT and time.monotonic() - started >= timeout:
        output = (stdout + stderr).decode(errors="replace")
        raise HostError(f"{shlex.join(argv)}: took longer than {timeout} s\n{output}")
    return process.returncode if process.returncode >= 0 else 128 - process.returncode, stdout, stderr
