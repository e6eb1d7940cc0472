"""HTTP/1.0 over a Unix socket: what the engine speaks, in as much as we need of it.

``http.client`` costs 29 ms to import, docker-py 104. HTTP/1.0, so that an answer is neither chunked nor kept open.
"""

import _socket  # ``socket`` adds 1.5 ms to a drift check, and nothing that is needed here
from collections.abc import Callable

from provisioner.errors import DeniedError, NoEngineError
from provisioner.typed import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from provisioner.host.remote import Dialled
    from provisioner.host.windows_pipe import Pipe

Wire: TypeAlias = "_socket.socket | Pipe | Dialled"

ANSWER = 30.0  # seconds that the engine has for one answer


def send(socket: str, connect: Callable[[], Wire], method: str, path: str, body: bytes = b"", kind: str = "") -> Wire:
    """Connect and send a request; ``socket`` is what the user calls it. NoEngineError, DeniedError."""
    head = f"{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Length: {len(body)}\r\n"
    try:
        wire = connect()
    except OSError as e:
        raise _unanswered(socket, e) from None
    except ValueError as e:  # a port that is none, a name that no resolver takes
        hint = "an address is unix://, npipe://, tcp:// or ssh://"
        raise NoEngineError(f"{_address(socket)} is no address of an engine: {e}", hint=hint) from None
    try:
        wire.sendall((head + (f"Content-Type: {kind}\r\n" if kind else "") + "\r\n").encode() + body)
    except OSError as e:
        wire.close()
        raise _unanswered(socket, e) from None
    return wire


def connected(at: str) -> Wire:
    """A connection to a Unix socket, or to a named pipe. OSError."""
    if at.startswith("//./pipe/"):
        from provisioner.host import windows_pipe  # Windows

        return windows_pipe.connect(at)
    wire = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    wire.settimeout(ANSWER)
    try:
        wire.connect(at)
    except OSError:
        wire.close()
        raise
    return wire


def receive(socket: str, wire: Wire) -> tuple[int, bytes]:
    """The answer to a request that was sent: status and body, whole. NoEngineError: there is none."""
    try:
        answer = b"".join(iter(lambda: wire.recv(65536), b""))
    except OSError as e:
        raise _unanswered(socket, e) from None
    finally:
        wire.close()
    header, _, content = answer.partition(b"\r\n\r\n")
    version, _, status = header.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not status[:3].isdigit():
        raise foreign(socket, "does not speak HTTP")
    return int(status[:3]), content


def foreign(socket: str, what: str) -> NoEngineError:
    """The error for an answer that is none of an engine's; ``what`` ends the sentence."""
    return NoEngineError(f"{_address(socket)}: what answers there {what}", hint="is it Docker's socket?")


def refused(socket: str, path: str, status: int, body: bytes) -> NoEngineError:
    """The error for an engine that answers a GET with an error of its own."""
    text = body.decode(errors="replace").strip()
    return NoEngineError(f"{_address(socket)}: GET {path} gave {status}: {text}", hint=_look(socket))


def _look(socket: str) -> str:
    """Where to look next."""
    if "://" in socket:
        return f"try it: docker -H {socket} version"
    return "see why: systemctl status docker; journalctl -u docker"


def _address(socket: str) -> str:
    return socket if "://" in socket else f"unix://{socket}"


def _unanswered(socket: str, e: OSError) -> NoEngineError | DeniedError:
    where = _address(socket)
    if isinstance(e, PermissionError):
        hint = "run as root, or as a member of the group docker"
        return DeniedError(f"{where}: this user may not talk to the engine", hint=hint)
    if isinstance(e, FileNotFoundError):
        hint = "install Docker Engine, or say where it listens with DOCKER_HOST"
        return NoEngineError(f"{where}: no engine listens there", hint=hint)
    reason = "no answer in time" if isinstance(e, TimeoutError) else e.strerror or e
    return NoEngineError(f"{where}: the engine does not answer ({reason})", hint=_look(socket))
