"""The nouns of docs/design.md, section 3, as immutable records, and what may be asked of a host.

The records are named tuples rather than dataclasses: importing ``dataclasses`` alone costs a sixth of a drift check.
"""

from collections.abc import Mapping, Sequence

from provisioner.typed import Any, NamedTuple, Protocol, TypeAlias

Value: TypeAlias = bool | int | str | None
State: TypeAlias = Mapping[str, Value]
NOTE = "note"  # a key that nobody wants: what is no difference, and yet worth a word


class Unknown(str):
    """What stands for a value that this user may not see; its text says why. It is neither as wanted nor drift."""

    __slots__ = ()


class Difference(NamedTuple):
    """One key that is not as wanted. ``have``: None where nothing is there, ``Unknown`` where it cannot be seen."""

    key: str
    have: Value
    want: Value


Found: TypeAlias = tuple[tuple[str, Difference], ...]  # differences, each with its resource


class Account(NamedTuple):
    """A user as the host's databases have it; ``groups`` are all of its groups."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


class Status(NamedTuple):
    """What stat(2) says of a path: permission bits, owner, group, and whether it is a directory."""

    mode: int
    uid: int
    gid: int
    directory: bool
    inode: tuple[int, int] = (0, 0)  # device and number


class ClusterAccess(NamedTuple):
    """How a user reaches a Kubernetes cluster. Certificates and keys are PEM texts; ``source`` is the kubeconfig."""

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
    """How a program of our own ended: its exit status (None: it never ran to an end), stdout, and why not.

    ``inode``: device and number of the file that ran, for an emulated program its emulator's; None: not known.
    """

    status: int | None
    stdout: str
    error: str = ""
    inode: tuple[int, int] | None = None


class Reader(Protocol):
    """The half of a host that only looks. All paths are absolute."""

    def __hash__(self) -> int:
        """By identity, so that what was asked of one host can be remembered for that host."""

    @property
    def asleep(self) -> bool:
        """Whether this is an image that does not run: then nothing of it is asked, and nobody restarts anything."""

    @property
    def uid(self) -> int:
        """The effective user; 0 is root."""

    @property
    def machine(self) -> str:
        """The CPU's name as ``uname -m`` gives it."""

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment that the user gave us."""

    @property
    def platform(self) -> str:
        """The operating system that we run on, as ``sys.platform`` calls it."""

    @property
    def state(self) -> str:
        """The folder of what we keep: the host's, or for an engine of a user's that user's."""

    @property
    def runtime(self) -> str:
        """The folder of our lock, and of what is gone after a boot."""

    def personal(self) -> "Reader":
        """The same host, with what we keep in the folders of the user that we are."""

    @property
    def user(self) -> str:
        """The name of the user that we are."""

    @property
    def home(self) -> str:
        """The home folder of the user that we are."""

    def read(self, path: str, *, user: str = "") -> str | None:
        """A file's text, undecodable bytes kept as surrogates; None: there is none. DeniedError: may not look."""

    def names(self, path: str, *, user: str = "") -> tuple[str, ...]:
        """The names in a directory, sorted; none where there is no such directory."""

    def started(self, pid: int) -> str:
        """Who has started a process, and when: ``by ci since 14:03``; empty: nobody can tell."""

    def account(self, user: str) -> Account | None:
        """A user's account; None: there is no such user."""

    def download(self, socket: str, path: str) -> bytes | None:
        """The bytes that the engine at a Unix socket gives for a GET; None: it knows no such thing."""

    def room(self, path: str) -> int | None:
        """How many bytes the file system of a path holds; None: there is no such path, or none may look."""

    def stat(self, path: str) -> Status | None:
        """What stands at a path, links followed; None: nothing."""

    def status(self, path: str) -> Status | None:
        """What stands at a path itself, links not followed, whoever's folder it lies in; None: nothing."""

    def head(self, path: str, size: int, *, piped: bool = False) -> bytes | None:
        """The first bytes of a file, or of a pipe where one may be meant; None: there is none."""

    def unwritable(self, path: str) -> str:
        """Why a file cannot be opened for writing; empty: it can, or is not there. Nothing is written."""

    def free(self, path: str) -> int:
        """The bytes that root may still write where a path lies or would lie."""

    def now(self) -> str:
        """The time of day, as RFC 3339 in UTC with whole seconds."""

    def changeable(self, path: str) -> str | None:
        """The first folder on the way to a file, or the file, that others than root can change; None: there is none."""

    def link(self, path: str) -> str | None:
        """Where a symbolic link points to; None: it is none."""

    def get(self, socket: str, path: str) -> Any:
        """The JSON that the engine at a Unix socket gives for a GET; None: it knows no such thing."""

    def ask_cluster(self, access: ClusterAccess, path: str) -> Any:
        """Return the JSON of an object or list of a cluster; None: there is none. Raises: ClusterError."""

    def ask(self, *argv: str, text: str = "", timeout: int = 20, user: str = "") -> "Ran":
        """Run a program that changes nothing, ``text`` on its stdin, as ``user``."""

    def runs(self, programs: Sequence[bytes], *, bare: bool = False) -> list[Ran]:
        """Run static ELF programs of ours all at once; ``bare``, for root: in an empty root directory."""

    def program(self, name: str) -> str | None:
        """Where the host keeps a program; None: nowhere that we trust."""
