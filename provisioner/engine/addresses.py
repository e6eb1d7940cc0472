"""The addresses of engines: docker's own default, and an address as docker reads it."""

SOCKET = "/var/run/docker.sock"
DEFAULT = f"unix://{SOCKET}"
PIPE = "npipe:////./pipe/docker_engine"  # the default on Windows
LOCAL = (DEFAULT, "unix:///run/docker.sock")  # one socket, because /var/run is a link


def address(text: str) -> str:
    """An address as docker reads it: of a socket without a path the default, of a name without a scheme tcp."""
    if text in ("", "unix://"):
        return DEFAULT
    return text if "://" in text else f"tcp://{text}"
