"""A named pipe of Windows, as far as a connection to an engine needs one. Nothing else imports it."""

from io import FileIO

PREFIX = "//./pipe/"


class Pipe:
    """A connection through a pipe's file, with the few calls of a socket."""

    def __init__(self, file: FileIO) -> None:
        self._file = file

    def sendall(self, data: bytes) -> None:
        """Send all of it."""
        while data:
            data = data[self._file.write(data) or 0 :]

    def recv(self, size: int) -> bytes:
        """What has come; empty once the other end is closed, which Windows tells by an error."""
        try:
            return self._file.read(size) or b""
        except BrokenPipeError:
            return b""

    def settimeout(self, seconds: float) -> None:
        """Windows waits for a pipe as long as its other end is open."""

    def fileno(self) -> int:
        """The file's number."""
        return self._file.fileno()

    def close(self) -> None:
        """Close it."""
        self._file.close()


def connect(path: str) -> Pipe:
    """Connect to the pipe at a path. OSError: nobody listens there."""
    return Pipe(FileIO(path, "r+"))
