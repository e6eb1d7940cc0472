"""The addresses of engines: docker's own default, and an address as docker reads it."""

SOCKET = "/var/run/docker.sock"
DEFAULT = f"unix://{SOCKET}"
PIPE = "npipe:////./pipe/docker_engine"  # the default on Windows
PORT, TLS_PORT = 2375, 2376  # of TCP, without and with TLS
LOCAL = (DEFAULT, "unix:///run/docker.sock")  # one socket, because /var/run is a link


def address(text: str, *, tls: bool = False) -> str:
    """An address as docker reads it: blanks around it do not count, a name without a scheme is one of TCP's.

    Source: docker/cli's opts/hosts.go. ``tls`` decides the port where none is named.
    """
    text = text.strip()
    if text in ("", "unix://"):
        return DEFAULT
    if text == "npipe://":
        return PIPE
    scheme, found, rest = text.rpartition("://")
    if found and scheme != "tcp":
        return text
    where, slash, path = rest.partition("/")
    name, colon, port = where.rpartition(":") if not where.endswith("]") else (where, "", "")
    name, port = (name, port) if colon else (where, "")
    return f"tcp://{name or 'localhost'}:{port or (TLS_PORT if tls else PORT)}{slash}{path}"
