"""Talk to the API server of a Kubernetes cluster over HTTPS.

Only ``calling`` imports this, and only when a cluster is asked: ``http.client`` and ``ssl`` cost a check 29 ms.
"""

import contextlib
import http.client
import os
import socket
import ssl
import tempfile
from collections.abc import Iterator
from urllib.parse import urlsplit

from provisioner.errors import ClusterError
from provisioner.host import tls
from provisioner.model import ClusterAccess

ANSWER = 10.0  # seconds that a connection and each answer may take
LIMIT = 32 << 20  # bytes of an answer; a list of pods is far smaller


class _Connection(http.client.HTTPSConnection):
    """A connection whose server certificate may name a different host than the address."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, name: str) -> None:
        super().__init__(host, port, timeout=ANSWER, context=context)
        self._tls, self._name = context, name

    def connect(self) -> None:
        """Connect, then start TLS."""
        plain = socket.create_connection((self.host, self.port), ANSWER)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self._name)
        except BaseException:
            plain.close()
            raise


def exchange(access: ClusterAccess, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, bytes]:
    """Send one request to the API server.

    Returns: the status and the body of the answer.
    Raises: ClusterError if nothing answers, or if the server is not the cluster that the kubeconfig names.
    """
    scheme, _, prefix, *_ = parts = urlsplit(access.server)
    if scheme != "https" or not parts.hostname:
        raise ClusterError(f"{access.server}: the address of a cluster must be https://HOST:PORT", hint=access.source)
    headers = {"Accept": "application/json", **({"Content-Type": kind} if kind else {})}
    if access.token:
        headers["Authorization"] = f"Bearer {access.token}"
    try:
        context = _context(access)
        name = access.server_name or parts.hostname
        connection = _Connection(parts.hostname, parts.port or 443, context, name)
        with contextlib.closing(connection):
            connection.request(method, prefix.rstrip("/") + path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(LIMIT)
    except (OSError, ValueError, http.client.HTTPException) as e:
        reason = "no answer in time" if isinstance(e, TimeoutError) else getattr(e, "reason", "") or e
        hint = f"see {access.source}, and whether the cluster is up: kubectl get nodes"
        raise ClusterError(f"the cluster at {access.server} does not answer ({reason})", hint=hint) from None


def _context(access: ClusterAccess) -> ssl.SSLContext:
    """Create the TLS settings.

    Raises: OSError or ValueError if a certificate or key is not valid.
    """
    context = tls.settings(access.authority or None)
    if access.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if access.certificate:
        with _file(f"{access.certificate}\n{access.key}\n") as path:
            context.load_cert_chain(path)
    return context


@contextlib.contextmanager
def _file(text: str) -> Iterator[str]:
    """Provide a path where OpenSSL can read a private key: in memory on Linux, otherwise a private temporary file."""
    if hasattr(os, "memfd_create"):
        with open(os.memfd_create("key"), "wb", buffering=0) as memory:
            memory.write(text.encode())
            yield f"/proc/self/fd/{memory.fileno()}"
        return
    with tempfile.TemporaryDirectory() as folder:  # Windows cannot open a file twice at the same time
        path = os.path.join(folder, "key")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        yield path
