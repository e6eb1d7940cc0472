"""A named pipe of Windows, as a connection to an engine."""

from io import FileIO

PREFIX = "//./pipe/"


class Pipe:
    """A connection through a pipe's file, with the few methods of a socket that are needed."""

    def __init__(self, file: FileIO) -> None:
        self._file = file

    def sendall(self, data: bytes) -> None:
        """Send all of the data."""
        while data:
            data = data[self._file.write(data) or 0 :]

    def recv(self, size: int) -> bytes:
        """Receive data. Returns nothing once the other end is closed, which Windows reports as an error."""
        try:
            return self._file.read(size) or b""
        except BrokenPipeError:
            return b""

    def settimeout(self, seconds: float) -> None:
        """Do nothing: Windows waits for a pipe as long as its other end is open."""

    def fileno(self) -> int:
        """Return the descriptor of the file."""
        return self._file.fileno()

    def close(self) -> None:
        """Close the pipe."""
        self._file.close()


def connect(path: str) -> Pipe:
    """Connect to the pipe at a path.

    Raises: OSError if nothing listens there.
    """
    return Pipe(FileIO(path, "r+"))
