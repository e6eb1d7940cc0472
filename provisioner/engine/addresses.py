"""The addresses of engines: Docker's default address, and how docker reads an address."""

SOCKET = "/var/run/docker.sock"
DEFAULT = f"unix://{SOCKET}"
PIPE = "npipe:////./pipe/docker_engine"  # Docker's default on Windows
PORT = 2375  # of TCP if the address names none, with TLS, too
LOCAL = (DEFAULT, "unix:///run/docker.sock")  # the same socket, because /var/run is a link


def address(text: str) -> str:
    """Normalize an address as docker does: strip blanks, and treat a name without a scheme as TCP.

    Source: docker/cli's opts/hosts.go.
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
    return f"tcp://{name or 'localhost'}:{port or PORT}{slash}{path}"
