"""Act as another user: look and write with that user's rights, never with root's, where that user may have laid traps.

Only the effective ids change, so root can be itself again, and the kernel judges every path as if the user had named
it. A program is never started like this: it gets the user's ids for good (``programs.spawn``).
"""

import contextlib
import os
from collections.abc import Iterator

from provisioner.errors import DeniedError, ProvisionerError
from provisioner.host import plain
from provisioner.model import Account

LIMIT = 1 << 20  # bytes; no file of buildx's is as large


def account(user: str) -> Account | None:
    """A user's account; None: there is no such user."""
    try:
        import pwd
    except ImportError:  # Windows: there is nobody but us
        return (
            Account(user, 0, 0, (), os.environ.get("USERPROFILE", "").replace("\\", "/")) if user == name(0) else None
        )
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        return None
    groups = tuple(os.getgrouplist(found.pw_name, found.pw_gid))
    return Account(found.pw_name, found.pw_uid, found.pw_gid, groups, found.pw_dir)


def name(uid: int) -> str:
    """A user's name; of one that nobody has named its number."""
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return os.environ.get("USERNAME") or str(uid)


def home(uid: int) -> str:
    """A user's home folder."""
    try:
        import pwd

        return pwd.getpwuid(uid).pw_dir
    except (ImportError, KeyError):  # a user that systemd made for one run
        return "/"


@contextlib.contextmanager
def become(account: Account) -> Iterator[None]:
    """The user's rights, and no others, while the block runs. Root only, one thread only."""
    groups, gid, uid = os.getgroups(), os.getegid(), os.geteuid()
    try:
        try:
            os.setgroups(account.groups)
            os.setegid(account.gid)
            os.seteuid(account.uid)
        except PermissionError:  # a unit of systemd's, or a container, that keeps CAP_SETUID from its root
            hint = "let the unit have CAP_SETUID and CAP_SETGID (see users.conf in its examples), or run it by hand"
            raise DeniedError(f"root may not become {account.name} in this process", hint=hint) from None
        yield
    finally:
        with contextlib.suppress(PermissionError):
            os.seteuid(uid)
            os.setegid(gid)
            os.setgroups(groups)


def read(at: str, path: str) -> bytes | None:
    """A plain file of a moderate size; None: there is none. A pipe, a device or an endless file is refused."""
    try:
        return plain.read(at, path, -1, LIMIT)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        raise DeniedError(f"{path}: its user may not read it", hint=f"whose is it? ls -l {path}") from None
    except OSError as e:
        raise ProvisionerError(f"{path}: {e.strerror}", hint="put it right, or move it away") from None


def alone(gid: int) -> bool:
    """Whether nobody but root and us is in a group, as in the group that many systems make for each user."""
    import grp
    import pwd

    ours = {0, os.geteuid()}
    try:
        members = {pwd.getpwnam(member).pw_uid for member in grp.getgrgid(gid).gr_mem}
    except KeyError:  # a group, or a member, that nobody knows the name of
        return False
    return members | {user.pw_uid for user in pwd.getpwall() if user.pw_gid == gid} <= ours
