"""The core types of docs/design.md, section 3, as immutable records, and the interface for reading a host.

The records are named tuples instead of dataclasses: importing ``dataclasses`` alone costs a sixth of a drift check.
"""

from collections.abc import Mapping, Sequence

from provisioner.typed import Any, NamedTuple, Protocol, TypeAlias

Value: TypeAlias = bool | int | str | None
State: TypeAlias = Mapping[str, Value]
# A key of the observed state that no configuration sets. Its text is worth reporting but is not a difference.
NOTE = "note"


class Unknown(str):
    """A placeholder for a value that this user cannot see. Its text says why. It is neither in sync nor drift."""

    __slots__ = ()


class Difference(NamedTuple):
    """One key that differs from the configuration.

    ``have`` is None if the key is not set, and ``Unknown`` if this user cannot see it.
    """

    key: str
    have: Value
    want: Value


Found: TypeAlias = tuple[tuple[str, Difference], ...]  # each difference with its resource


class Account(NamedTuple):
    """A user account from the host's databases. ``groups`` lists all of the user's groups."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


class Status(NamedTuple):
    """The result of stat(2) for a path: permission bits, owner, group, and whether it is a directory."""

    mode: int
    uid: int
    gid: int
    directory: bool
    inode: tuple[int, int] = (0, 0)  # device and inode number


class ClusterAccess(NamedTuple):
    """The data needed to reach a Kubernetes cluster as a user.

    Certificates and keys are PEM texts. ``source`` is the path of the kubeconfig.
    """

    server: str
    namespace: str = "default"
    source: str = ""
    authority: str = ""
    certificate: str = ""
    key: str = ""
    token: str = ""
    server_name: str = ""
    insecure: bool = False


class Ran(NamedTuple):
    """The result of running one of our test programs.

    ``status`` is the exit status, or None if the program did not run to its end; ``error`` then says why. ``inode`` is
    the device and inode number of the file that ran (for an emulated program, the emulator), or None if unknown.
    ``seconds`` is the processor time that it used.
    """

    status: int | None
    stdout: str
    error: str = ""
    inode: tuple[int, int] | None = None
    seconds: float = 0.0


class Reader(Protocol):
    """The read-only half of a host. All paths are absolute."""

    def __hash__(self) -> int:
        """Hash by identity, so that answers can be cached per host."""

    @property
    def asleep(self) -> bool:
        """Whether this is an image that is not running. Nothing is asked of its engine, and nothing restarts."""

    @property
    def uid(self) -> int:
        """The effective user ID; 0 is root."""

    @property
    def machine(self) -> str:
        """The CPU name, as ``uname -m`` prints it."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment variables that provisioner was started with."""

    @property
    def platform(self) -> str:
        """The operating system that provisioner runs on, as in ``sys.platform``."""

    @property
    def state(self) -> str:
        """The folder for persistent data: the host's, or the user's for a rootless engine."""

    @property
    def runtime(self) -> str:
        """The folder for the lock and for data that does not survive a reboot."""

    def personal(self) -> "Reader":
        """Return the same host, with data folders that belong to the current user."""

    @property
    def user(self) -> str:
        """The name of the current user."""

    @property
    def home(self) -> str:
        """The home folder of the current user."""

    def read(self, path: str, *, user: str = "") -> str | None:
        """Read a file. Undecodable bytes become surrogates.

        Returns: the text, or None if the file does not exist.
        Raises: DeniedError if this user may not read it.
        """

    def names(self, path: str, *, user: str = "") -> tuple[str, ...]:
        """Return the sorted names in a directory, or nothing if the directory does not exist."""

    def own_names(self, path: str) -> tuple[str, ...]:
        """Return the sorted names in a folder of ours, or nothing if other users could have led us there by a link."""

    def started(self, pid: int) -> str:
        """Return who started a process, and when: ``by ci since 14:03``, or ``by ann as root``. Empty if unknown."""

    def account(self, user: str) -> Account | None:
        """Return a user's account, or None if the user does not exist."""

    def download(self, socket: str, path: str) -> bytes | None:
        """Return the bytes of a GET from the engine at a Unix socket, or None if the engine answers "not found"."""

    def room(self, path: str) -> int | None:
        """Return the size in bytes of the file system that holds a path.

        Returns: None if the path does not exist, or if this user may not read it.
        """

    def stat(self, path: str) -> Status | None:
        """Return the status of the file at a path, following links, or None if nothing exists there."""

    def status(self, path: str) -> Status | None:
        """Return the status of a path itself, without following its links, or None if nothing exists there.

        The folder that holds the path may belong to any user.
        """

    def directory(self, path: str, user: str) -> bool | None:
        """Return whether a user finds a directory at a path, following links, or None if nothing exists there.

        Raises: DeniedError if this user may not see it.
        """

    def head(self, path: str, size: int, *, piped: bool = False) -> bytes | None:
        """Return the first ``size`` bytes of a file, or None if it does not exist. ``piped`` also allows a pipe."""

    def barred(self, path: str, user: str) -> str | None:
        """Return the folder where a user would have to make a path, if the user may not do that there, else None."""

    def unwritable(self, path: str) -> str:
        """Return why a file cannot be opened for writing. Empty if it can be, or does not exist. Writes nothing."""

    def unmakeable(self, path: str, user: str = "") -> str:
        """Return why ``user`` can make no file where a path is. Empty if one can be, or if only an attempt will tell.

        It is tried with a file that has no name, so nothing is left.
        """

    def free(self, path: str) -> int:
        """Return the free bytes, for root, on the file system that holds or would hold a path."""

    def now(self) -> str:
        """Return the time of day, as RFC 3339 in UTC with whole seconds."""

    def changeable(self, path: str) -> str | None:
        """Return the first folder on a file's path, or the file, that users other than root can change, or None."""

    def link(self, path: str) -> str | None:
        """Return the target of a symbolic link, or None if the path is not a symbolic link."""

    def get(self, socket: str, path: str) -> Any:
        """Return the JSON of a GET from the engine at a Unix socket, or None if the engine answers "not found"."""

    def distribution(self, socket: str, image: str, login: str = "") -> Any:
        """Return what the engine learns about an image from a registry, or None if no registry has it.

        ``login`` is the value of X-Registry-Auth.
        """

    def ask_cluster(self, access: ClusterAccess, path: str) -> Any:
        """Return the JSON of an object or list of a cluster, or None if it does not exist.

        Raises: ClusterError.
        """

    def ask(self, *argv: str, text: str = "", timeout: int = 20, user: str = "") -> "Ran":
        """Run a program that changes nothing, as ``user``, with ``text`` on its stdin."""

    def runs(self, programs: Sequence[bytes], *, bare: bool = False, patience: float = 10.0) -> list[Ran]:
        """Run static ELF test programs in parallel. ``bare`` (root only) runs them in an empty root directory.

        A program that runs longer than ``patience`` seconds is ended.
        """

    def program(self, name: str) -> str | None:
        """Return the path of a program on the host, or None if no trusted folder contains it."""
