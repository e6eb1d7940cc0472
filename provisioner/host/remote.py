"""Connect to an engine on another machine as docker does: over TCP, with or without TLS, or through ssh.

A check of this host's own engine never imports this module.
"""

import contextlib
import os
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

CONNECT = 30  # seconds
PORT = 2375


class Dialled:
    """A connection through the standard streams of a program. It ends when the program ends."""

    def __init__(self, argv: tuple[str, ...], environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(CONNECT)
        self._socket = ours
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  # no pipe: ssh's ControlPersist would hold it open
        with theirs:
            self._program = subprocess.Popen(
                argv,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=self._complaints,
                env=dict(environment),
                start_new_session=True,
            )
        self._heard = False

    def sendall(self, data: bytes) -> None:
        """Send all of the data. If the program has ended, ``recv`` reports it."""
        with contextlib.suppress(BrokenPipeError):
            self._socket.sendall(data)

    def recv(self, size: int) -> bytes:
        """Receive data.

        Raises: ConnectionError if the program failed before it sent anything.
        """
        try:
            data = self._socket.recv(size)
        except ConnectionResetError:  # the program ended before it read all of the data
            data = b""
        if not data and not self._heard:
            raise ConnectionError(0, self._said())
        self._heard = True
        return data

    def _said(self) -> str:
        """Return the last line of the program's error output. The program has closed its stream and is about to end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._program.wait(CONNECT)
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "ssh said nothing")

    def settimeout(self, seconds: float) -> None:
        """Set how long ``recv`` may wait."""
        self._socket.settimeout(seconds)

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the connection and end the program."""
        self._socket.close()
        self._program.kill()
        self._program.wait()
        self._complaints.close()


def connect(address: str, program: str, environment: Mapping[str, str]) -> "socket.socket | Dialled":
    """Connect to ``tcp://HOST:PORT``, or use ``program`` to connect to ``ssh://[USER@]HOST[:PORT][/SOCKET]``.

    ``tcp://HOST:PORT?tls=FOLDER&verify=1`` uses TLS, with the certificates of that folder.

    Raises: OSError.
    """
    address, tls, certificates = address.partition("?tls=")
    where = urlsplit(address)
    if where.scheme == "ssh":
        return Dialled((program, *dial(where)), environment)
    plain = socket.create_connection((where.hostname or "localhost", where.port or PORT), CONNECT)
    return _secured(plain, where.hostname or "localhost", certificates) if tls else plain


def _secured(plain: socket.socket, name: str, certificates: str) -> socket.socket:
    """Start TLS on a connection.

    Raises: OSError that names the certificate that does not work.
    """
    import ssl

    from provisioner.host import tls

    folder, _, verify = certificates.rpartition("&verify=")
    try:
        settings = tls.settings()
        if verify == "1":
            settings.load_verify_locations(f"{folder}/ca.pem")
        else:
            settings.check_hostname, settings.verify_mode = False, ssl.CERT_NONE
        if os.path.exists(f"{folder}/cert.pem"):
            settings.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
        return settings.wrap_socket(plain, server_hostname=name)
    except FileNotFoundError:
        plain.close()
        raise ConnectionError(0, f"TLS needs ca.pem, and with cert.pem also key.pem, in {folder}") from None
    except ssl.SSLError as e:
        plain.close()
        raise ConnectionError(0, f"TLS: {getattr(e, 'verify_message', '') or e.reason or e}") from None


def dial(where: SplitResult) -> tuple[str, ...]:
    """Return ssh's arguments. They match those of docker's connhelper."""
    options = ("-o", f"ConnectTimeout={CONNECT}", "-o", "BatchMode=yes", "-T")
    user = ("-l", where.username) if where.username else ()
    port = ("-p", str(where.port)) if where.port else ()
    at = ("--host", f"unix://{where.path}") if where.path.strip("/") else ()
    return (*options, *user, *port, "--", where.hostname or "", "docker", *at, "system", "dial-stdio")
