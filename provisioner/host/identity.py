"""Act as another user: read and write with that user's rights, because the user's folders may contain traps for root.

Only the effective IDs change, so that root can switch back. The kernel checks every path as if the user had named it.
Programs are never started this way: they get the user's IDs permanently (``programs``).
"""

import contextlib
import errno
import os
from collections.abc import Iterator

from provisioner.errors import DeniedError, ProvisionerError
from provisioner.host import plain
from provisioner.model import Account

LIMIT = 1 << 20  # bytes; all files of buildx are smaller
ASKING = (1, 2, 15)  # SIGHUP, SIGINT, SIGTERM: requests to stop
_PR_SET_DUMPABLE = 4  # prctl(2)


def account(user: str) -> Account | None:
    """Return a user's account, or None if the user does not exist."""
    try:
        import pwd
    except ImportError:  # Windows has only the current user
        return (
            Account(user, 0, 0, (), os.environ.get("USERPROFILE", "").replace("\\", "/")) if user == name(0) else None
        )
    try:
        found = pwd.getpwnam(user)
    except (KeyError, ValueError):  # a name that no user can have
        return None
    groups = tuple(os.getgrouplist(found.pw_name, found.pw_gid))
    return Account(found.pw_name, found.pw_uid, found.pw_gid, groups, found.pw_dir)


def name(uid: int) -> str:
    """Return a user's name, or the number if the user has no name."""
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return os.environ.get("USERNAME") or str(uid)


def home(uid: int) -> str:
    """Return a user's home folder."""
    try:
        import pwd

        return pwd.getpwuid(uid).pw_dir
    except (ImportError, KeyError):  # a user that systemd created for one run
        return "/"


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let requests to stop wait while the block runs, so that this process is itself again when they are heard.

    The undo that such a signal starts needs root's directory and root's rights.
    """
    import _signal  # type: ignore[import-not-found]  # ``signal`` turns all signals into enums, which takes 2 ms

    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, ASKING)
    try:
        yield
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)


@contextlib.contextmanager
def become(account: Account) -> Iterator[None]:
    """Use only the rights of a user while the block runs. For root and a single thread only."""
    with undisturbed(), _become(account):
        yield


@contextlib.contextmanager
def _become(account: Account) -> Iterator[None]:
    groups, gid, uid = os.getgroups(), os.getegid(), os.geteuid()
    try:
        try:
            os.setgroups(account.groups)
            os.setegid(account.gid)
            os.seteuid(account.uid)
        except PermissionError:  # a systemd unit or a container may withhold CAP_SETUID from root
            hint = "let the unit have CAP_SETUID and CAP_SETGID (see users.conf in its examples), or run it by hand"
            raise DeniedError(f"root may not become {account.name} in this process", hint=hint) from None
        yield
    finally:
        with contextlib.suppress(PermissionError):
            os.seteuid(uid)
            os.setegid(gid)
            os.setgroups(groups)


def show_files() -> None:
    """Let this process's children see its open files again. The kernel hides them once a process has changed its user.

    A test program is started from such a file. A unit's process lacks CAP_SYS_PTRACE, which would do without this.
    """
    import ctypes  # 3 ms, so only for a process that needs it

    with contextlib.suppress(AttributeError):  # only Linux has prctl
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def read(at: str, path: str) -> bytes | None:
    """Read a regular file of moderate size, or return None if it does not exist.

    Raises: DeniedError if the user may not read it, ProvisionerError for a pipe, a device or an oversized file.
    """
    try:
        return plain.read(at, path, -1, LIMIT)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a name that no file can have
        return None
    except PermissionError:
        raise DeniedError(f"{path}: its user may not read it", hint=f"whose is it? ls -l {path}") from None
    except OSError as e:
        if e.errno == errno.ENAMETOOLONG:
            return None
        raise ProvisionerError(f"{path}: {e.strerror}", hint="correct it, or move it away") from None


def alone(gid: int) -> bool:
    """Whether only root and the current user are in a group, as in the private group of a user on many systems."""
    import grp
    import pwd

    ours = {0, os.geteuid()}
    try:
        members = {pwd.getpwnam(member).pw_uid for member in grp.getgrgid(gid).gr_mem}
    except KeyError:  # a group or a member without a name
        return False
    return members | {user.pw_uid for user in pwd.getpwall() if user.pw_gid == gid} <= ours
