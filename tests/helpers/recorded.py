"""A fake engine: recorded answers, served as HTTP over a real Unix socket. There is no daemon."""

import contextlib
import http.server
import json
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

Answer = Any  # JSON, or bytes as they are; a function is called for each request; None: 404


class Refused(bytes):
    """An answer with the status 500."""


Answers = Mapping[str, Answer | Callable[[], Answer]]  # by path; "POST /path" for other methods


def container(identity: str, **state: Any) -> dict[str, Any]:
    """What an engine tells of a container that has nothing special."""
    told = {"Status": "running" if state.get("Running") else "exited", "Running": False, "Pid": 0, "ExitCode": 0}
    parts = {"Config": {"Image": "image"}, "HostConfig": {"NetworkMode": "none"}, "Mounts": []}
    return {"Id": identity, "Name": f"/{identity}", "Image": "sha256:1", "State": {**told, **state}, **parts}


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    answers: Answers


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer("")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer("POST ")

    def do_DELETE(self) -> None:
        self._answer("DELETE ")

    def _answer(self, method: str) -> None:
        assert isinstance(self.server, _Server)
        answer = self.server.answers.get(method + self.path.partition("?")[0])
        content = answer() if callable(answer) else answer
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(404 if content is None else 500 if isinstance(content, Refused) else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        """Print nothing about requests."""


@contextlib.contextmanager
def engine(socket: Path, answers: Answers) -> Iterator[None]:
    """Answer at ``socket`` while the block runs. A path without an answer gives 404.

    To silence the engine, move the socket away. To let it answer again, move it back.
    """
    socket.parent.mkdir(parents=True, exist_ok=True)
    with _Server(str(socket), _Handler) as server:
        server.answers = answers
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            socket.unlink(missing_ok=True)
