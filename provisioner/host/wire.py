"""HTTP/1.0 over a Unix socket: the part of the engine's protocol that provisioner needs.

Importing ``http.client`` costs 29 ms, and docker-py 104 ms. With HTTP/1.0, an answer is neither chunked nor kept open.
"""

import _socket  # ``socket`` adds 1.5 ms to a drift check and nothing that is needed here
from collections.abc import Callable
from time import monotonic

from provisioner.errors import NOT_RUNNING, DeniedError, NoEngineError
from provisioner.text import plain_json, tolerant
from provisioner.typed import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from provisioner.host.remote import Dialled
    from provisioner.host.windows_pipe import Pipe

Wire: TypeAlias = "_socket.socket | Pipe | Dialled"

ANSWER = 30.0  # maximum seconds without data
STRANGER = 5.0  # seconds for an answer from another user's socket
PATIENCE = 3600.0  # seconds for a long answer, such as that to a pull
BLOCK = 65536  # bytes per receive call
JSON, BULK = 16 << 20, 1 << 30  # byte limits of an answer about the engine, and of an answer that holds files


def send(
    socket: str, connect: Callable[[], Wire], method: str, path: str, body: bytes = b"", kind: str = "", login: str = ""
) -> Wire:
    """Connect and send a request. ``socket`` is the address that the user sees in errors.

    Raises: NoEngineError, DeniedError.
    """
    head = f"{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Length: {len(body)}\r\n"
    head += f"X-Registry-Auth: {login}\r\n" if login else ""
    try:
        wire = connect()
    except OSError as e:
        raise _unanswered(socket, e) from None
    except ValueError as e:  # an invalid port, or a name that no resolver accepts
        hint = "an address is unix://, npipe://, tcp:// or ssh://"
        raise NoEngineError(f"{_address(socket)} is not an address of an engine: {e}", hint=hint) from None
    try:
        wire.sendall((head + (f"Content-Type: {kind}\r\n" if kind else "") + "\r\n").encode() + body)
    except OSError as e:
        wire.close()
        raise _unanswered(socket, e) from None
    return wire


def connected(at: str) -> Wire:
    """Connect to a Unix socket or a named pipe.

    Raises: OSError, ValueError for a path that no socket can have.
    """
    if at.startswith("//./pipe/"):
        from provisioner.host import windows_pipe  # Windows

        return windows_pipe.connect(at)
    wire = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    wire.settimeout(ANSWER)
    try:
        wire.connect(at)
    except (OSError, ValueError):
        wire.close()
        raise
    return wire


def receive(
    socket: str,
    wire: Wire,
    seconds: float = PATIENCE,
    limit: int = BULK,
    heard: Callable[[str], None] | None = None,
) -> tuple[int, bytes]:
    """Receive the whole answer to a request: status and body. ``heard`` gets each part as it comes.

    Any user may listen on the socket. So ``seconds`` limits the time for the whole answer, and ``limit`` its size in
    bytes.

    Raises:
        NoEngineError: there is no answer, or it does not come from an engine.
    """
    parts, left, deadline = [], limit, monotonic() + seconds
    try:
        while left > 0:
            wire.settimeout(min(ANSWER, max(0.001, deadline - monotonic())))
            data = wire.recv(min(BLOCK, left))
            if not data:
                break
            parts.append(data)
            if heard:
                heard(data.decode(errors="replace"))
            left -= len(data)
            if monotonic() > deadline:
                raise TimeoutError
    except OSError as e:
        raise _unanswered(socket, e) from None
    finally:
        wire.close()
    if left <= 0:
        raise foreign(socket, f"sends more than {limit >> 20} MiB")
    header, _, content = b"".join(parts).partition(b"\r\n\r\n")
    version, _, status = header.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not status[:3].isdigit():
        raise foreign(socket, "does not speak HTTP")
    return int(status[:3]), content


def content(socket: str, path: str, body: bytes) -> Any:
    """Parse the JSON of an answer.

    Raises: NoEngineError if it is incomplete, or not from an engine, such as a web page or an infinite number.
    """
    try:
        found = tolerant.shallow(plain_json.loads(body, parse_float=_finite, parse_constant=_finite))
    except (ValueError, RecursionError):
        raise foreign(socket, f"gives no whole JSON for {path}") from None
    return shaped(socket, path, found)


def shaped(socket: str, path: str, found: Any) -> Any:
    """Return an answer if it has the shape of an engine's.

    Raises: NoEngineError if it has not.
    """
    from provisioner.host import shapes

    if said := shapes.wrong(path, found):
        raise foreign(socket, f"gives for {path} what no Docker engine says: {said}")
    return found


def _finite(text: str) -> float:
    found = float(text)
    if found - found != 0:
        raise ValueError(text)
    return found


def foreign(socket: str, what: str) -> NoEngineError:
    """Return the error for an answer that is not from an engine. ``what`` completes the sentence."""
    return NoEngineError(f"{_address(socket)}: what answers there {what}", hint="is it Docker's socket?")


def refused(socket: str, path: str, status: int, body: bytes) -> NoEngineError:
    """Return the error for an engine that answers a GET with an error."""
    text = body.decode(errors="replace").strip()
    if "HTTP request to an HTTPS server" in text:
        hint = "set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or name a docker context with certificates"
        return NoEngineError(f"{_address(socket)}: this engine speaks TLS only", hint=hint)
    said = _message(text)
    return NoEngineError(f"{_address(socket)}: GET {path} gave {status}: {said}", hint=_look(socket), said=said)


def _message(text: str) -> str:
    """Return the message in an error of the engine's, or the text itself if it has another form."""
    import json  # a check of a host in sync gets no error

    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return str(found["message"]).strip() if isinstance(found, dict) and found.get("message") else text


def _look(socket: str) -> str:
    """Return a hint where to look next."""
    socket = socket.partition("?tls=")[0]
    if "://" in socket:
        return f"try it: docker -H {socket} version"
    return "see why: systemctl status docker; journalctl -u docker"


def _address(socket: str) -> str:
    socket = socket.partition("?tls=")[0]
    return socket if "://" in socket else f"unix://{socket}"


def _unanswered(socket: str, e: OSError) -> NoEngineError | DeniedError:
    where = _address(socket)
    if isinstance(e, PermissionError):
        hint = "run as root, or as a member of the group docker"
        return DeniedError(f"{where}: this user may not talk to the engine", hint=hint)
    if isinstance(e, FileNotFoundError):
        hint = "start it with `systemctl start docker`, or point DOCKER_HOST at another engine"
        return NoEngineError(f"{where}: no engine listens there", hint=hint, code=NOT_RUNNING, address=where)
    reason = "no answer in time" if isinstance(e, TimeoutError) else e.strerror or e
    code = NOT_RUNNING if isinstance(e, ConnectionRefusedError) else "engine-unreachable"
    message = f"{where}: the engine does not answer ({reason})"
    return NoEngineError(message, hint=_look(socket), code=code, address=where)
