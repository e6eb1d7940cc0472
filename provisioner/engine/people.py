"""Who gets the builder: the configured users, where ``auto`` means root and the person who asked.

Root runs the command for a person under sudo, doas and pkexec, and in a root shell of a user's session. In a unit, in
cron and in Ansible nobody asked.
"""

from collections.abc import Iterator

from provisioner.config.desired import AUTO
from provisioner.errors import DeniedError
from provisioner.model import Account, Reader, Status

PEOPLE = range(1000, 60000)  # the user IDs that distributions give to people
SWITCH = "/etc/nsswitch.conf"
LOCAL = {"files", "compat", "systemd", "cache", "db", "altfiles", "extrausers", "mymachines"}
NOBODY = "4294967295"  # the kernel's value for a process that belongs to no login


def resolved(host: Reader, users: tuple[str, ...], socket: str) -> tuple[str, ...]:
    """Return the names of the users, each once. The first one boots the builder."""
    if AUTO not in users:
        return users
    if host.uid != 0:
        mine = [host.user if at_home(host) else "root"]
    else:
        asked = person(host)
        mine = ["root", *([asked.name] if asked and reaches(host, socket, asked) else [])]
    return tuple(dict.fromkeys((*mine, *(u for u in users if u != AUTO))))


def at_home(host: Reader) -> bool:
    """Whether we run as a person, who owns a home folder. The user that systemd makes up for a unit owns none."""
    account = host.account(host.user)
    try:
        there = host.stat(account.home) if account else None
    except DeniedError:
        return False
    return account is not None and there is not None and there.uid == account.uid  # Windows has no user numbers


def told(host: Reader, users: tuple[str, ...], socket: str) -> Iterator[str]:
    """Yield a sentence that tells a person who gets the builder, if ``auto`` decided it."""
    asked = person(host) if AUTO in users and socket else None
    if asked is None:
        return
    if reaches(host, socket, asked):
        yield f"the builder is for root and {asked.name}, who asked (builder.users: auto)"
    else:
        cure = f"usermod --append --groups {group(host, socket)} {asked.name}"
        yield f"{asked.name} may not use Docker, so the builder is for root alone; {cure} changes that"


def person(host: Reader) -> Account | None:
    """Return the person for whom root runs this command, or None."""
    if host.uid != 0:
        return None
    name = asker(host)
    account = host.account(name) if name else None
    return account if account and account.uid != 0 and host.stat(account.home) else None


def asker(host: Reader) -> str | None:
    """Return the name that sudo, doas, pkexec or the login of root's shell tells, or None. It may have no account."""
    if name := host.environ.get("SUDO_USER") or host.environ.get("DOAS_USER"):
        return name
    uid = host.environ.get("PKEXEC_UID") or (host.read("/proc/self/loginuid") or NOBODY).strip()
    return None if uid in (NOBODY, "0") else _named(host, uid)


def reaches(host: Reader, socket: str, account: Account) -> bool:
    """Whether a user may connect to the engine's socket, by its owner, group and mode."""
    if account.uid == host.uid:
        return True  # we have just connected
    there = host.stat(socket)
    return there is not None and may(there, account)


def may(there: Status, account: Account) -> bool:
    """Whether a user may write to a file, by its owner, group and mode."""
    mine = (there.uid == account.uid and 0o200) or (there.gid in account.groups and 0o020) or 0o002
    return bool(there.mode & mine)


def group(host: Reader, socket: str) -> str:
    """Return the group that may use the engine, by its socket: its name, or its number if only a directory names it."""
    there = host.stat(socket)
    rows = (line.split(":") for line in (host.read("/etc/group") or "").splitlines())
    number = str(there.gid) if there else ""
    return next((row[0] for row in rows if row[2:3] == [number]), number or "docker")


def everyone(host: Reader) -> tuple[str, ...]:
    """Return root and the people of /etc/passwd, who may have a builder."""
    rows = [line.split(":") for line in (host.read("/etc/passwd") or "").splitlines()]
    people = (row[0] for row in rows if len(row) > 5 and row[2].isdigit() and int(row[2]) in PEOPLE)
    return ("root", *people)


def _named(host: Reader, uid: str) -> str | None:
    """Return the name for a user ID in /etc/passwd, or None."""
    rows = (line.split(":") for line in (host.read("/etc/passwd") or "").splitlines())
    return next((row[0] for row in rows if len(row) > 2 and row[2] == uid), None)


def elsewhere(host: Reader) -> bool:
    """Return whether accounts can come from a directory, such as LDAP, and not only from the files of this host."""
    rows = (line.partition("#")[0] for line in (host.read(SWITCH) or "").splitlines())
    named = (
        word for row in rows if row.partition(":")[0].strip() == "passwd" for word in row.partition(":")[2].split()
    )
    return any(word not in LOCAL and not {*word} & {*"[]="} for word in named)  # in brackets is what an answer leads to
