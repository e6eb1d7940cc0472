"""Run our static ELF test programs from memory, and find out which file of the host runs them."""

import contextlib
import errno
import os
import select
import time
from collections.abc import Iterator

from provisioner.host import identity
from provisioner.model import Ran
from provisioner.typed import NamedTuple

# Since Linux 6.3: executable even if vm.memfd_noexec is 1. Before that, every memory file is executable.
_MFD_EXEC = 0x10
SIGKILL, SIGPIPE = 9, 13  # Linux numbers; ``signal`` turns all signals into enums, which costs a check 2 ms
LINUX = hasattr(os, "memfd_create")
_FLOOD = 1 << 16  # bytes; our test programs never print more
_WHY = {
    errno.ENOEXEC: "no emulator is registered for it",
    errno.ENOENT: "the emulator that is registered for it is gone, or not to be had from where it runs",
    errno.EACCES: "the kernel forbids to execute it, or its emulator (permissions, noexec, vm.memfd_noexec=2)",
    errno.ELOOP: "the emulator that is registered for it is emulated itself",
    errno.EPERM: "a policy of this host forbids to execute it, or its emulator",
}


class Started(NamedTuple):
    """A running test program: the read end of its stdout, a memory file for its stderr, the write end of its stdin."""

    pid: int
    out: int
    errors: int
    go: int


Inode = tuple[int, int]  # device and inode number
# The running program, or why it did not start, and the files that stay open until it ends.
Begun = tuple[Started | str, contextlib.ExitStack]


def start(program: bytes, *, bare: bool = False) -> Begun:
    """Start a program. ``finish`` waits for its end.

    ``bare`` (root only) runs it in a root directory without files, as in a container built from scratch. A program that
    runs there runs anywhere: its emulator is static, and the entry has the F flag.
    """
    with contextlib.ExitStack() as files:
        begun = _start(program, bare, files) if LINUX else "this system runs no program of Linux"
        return begun, files.pop_all()


def release(begun: Begun, deadline: float) -> Inode | None:
    """Wait for a test program's output, find out which file runs it, and let it exit. Call ``finish`` afterwards.

    posix_spawn returns before the kernel has replaced this Python process with the new program. Only its output proves
    that the new program is running.

    Returns: device and inode number of the file, or None if unknown.
    """
    started, _ = begun
    if not isinstance(started, Started):
        return None
    poll = select.poll()
    poll.register(started.out, select.POLLIN)
    try:
        spoke = any(event & select.POLLIN for _, event in poll.poll(max(0.0, deadline - time.monotonic()) * 1000))
        return _inode(started.pid) if spoke else None
    finally:
        os.close(started.go)


def finish(begun: Begun, deadline: float, inode: Inode | None) -> Ran:
    """Return how a test program ended. Kill it if it still runs at ``deadline``, a time of time.monotonic."""
    started, files = begun
    with files:
        return _finish(started, deadline, inode) if isinstance(started, Started) else Ran(None, "", started)


def _start(program: bytes, bare: bool, files: contextlib.ExitStack) -> Started | str:
    """Start a test program, which prints its name and then waits for its stdin. Return an error text if that fails.

    For ppc64le, QEMU 10 and later first print that they cannot resolve the name of a memory file, and then run it.

    The memory file stays open in this process and across exec, because an emulator opens it by the name of its start.
    That name is /proc/self/fd/N, or /N if this process's /proc/self/fd is the root directory.
    """
    wait, go = os.pipe()
    out, into = os.pipe()
    errors = os.memfd_create("stderr")
    files.callback(os.close, errors)
    actions = ((os.POSIX_SPAWN_DUP2, wait, 0), (os.POSIX_SPAWN_DUP2, into, 1), (os.POSIX_SPAWN_DUP2, errors, 2))
    try:
        file = _memory_file()
        files.callback(os.close, file)
        os.write(file, program)
        try:
            pid = _spawn(file, bare, actions)
        except PermissionError:  # perhaps because this process was another user before
            identity.show_files()
            pid = _spawn(file, bare, actions)
        return Started(pid, out, errors, go)
    except OSError as e:
        os.close(out)
        os.close(go)
        return _WHY.get(e.errno or 0, e.strerror or "it cannot be started")
    finally:
        for end in (wait, into):
            os.close(end)


def _spawn(file: int, bare: bool, actions: tuple[tuple[int, int, int], ...]) -> int:
    with _bare_root() if bare else contextlib.nullcontext("/proc/self/fd") as folder:
        path = f"{folder}/{file}"
        return os.posix_spawn(path, ("probe",), {}, file_actions=actions, setsigmask=(), setsigdef=(SIGPIPE,))


def _inode(pid: int) -> tuple[int, int] | None:
    """Return the file that a process executes. For an emulated program, it is the emulator that the entry holds open.

    A test program does not end while its stdin is open.

    Returns: device and inode number, or None if this user may not know.
    """
    try:
        found = os.stat(f"/proc/{pid}/exe")
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _memory_file() -> int:
    try:
        return os.memfd_create("probe", _MFD_EXEC)
    except OSError as e:
        if e.errno != errno.EINVAL:
            raise
        return os.memfd_create("probe", 0)


@contextlib.contextmanager
def _bare_root() -> Iterator[str]:
    """Make the root directory contain only this process's open files while the block runs. For a single thread only."""
    flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
    with identity.undisturbed():
        root, here = os.open("/", flags), os.open(".", flags)
        try:
            try:
                os.chroot("/proc/self/fd")
            except PermissionError as e:
                raise OSError(None, "this user may not change the root directory") from e
            try:
                yield ""
            finally:
                os.fchdir(root)
                os.chroot(".")
                os.fchdir(here)
        finally:
            os.close(root)
            os.close(here)


def _finish(probe: Started, deadline: float, inode: Inode | None) -> Ran:
    pid, out, errors, _ = probe
    said, status, seconds = b"", None, 0.0
    poll = select.poll()
    poll.register(out, select.POLLIN)
    try:
        while poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            data = os.read(out, _FLOOD)
            said += data
            if not data or len(said) >= _FLOOD:
                break
        while status is None and len(said) < _FLOOD and time.monotonic() < deadline:
            # its output is closed, so it should exit within microseconds
            found, left, used = os.wait4(pid, os.WNOHANG)
            if found:
                status, seconds = left, used.ru_utime + used.ru_stime
            else:
                time.sleep(0.0001)
    finally:
        os.close(out)
        if status is None:
            os.kill(pid, SIGKILL)
            os.waitpid(pid, 0)
    text = said.decode(errors="replace")
    if status is None:
        return Ran(None, text, "it did not end in time" if len(said) < _FLOOD else "it printed without end")
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        import signal

        return Ran(None, text, f"it was killed by {signal.Signals(-code).name}")
    complaint = os.pread(errors, 1000, 0).decode(errors="replace").strip() if code else ""
    return Ran(code, text, complaint, inode, seconds)
