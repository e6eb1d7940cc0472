"""Pipe an engine's answer to a program: whole, late, refused, or not read by the program."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from provisioner.errors import CommandError, NoEngineError
from provisioner.host import pipes

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}
HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: application/x-tar\r\n\r\n"


@pytest.fixture
def wire() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection: ours, with a short timeout, and the engine's."""
    ours, theirs = socket.socketpair()
    ours.settimeout(0.01)
    with ours, theirs:
        yield ours, theirs


def poured(ours: socket.socket, script: str) -> str:
    return pipes.pour(ours, ("sh", "-c", script), "/bin/sh", ENVIRONMENT, lambda _: None)


def test_an_engine_that_thinks_for_long_before_its_answer_is_waited_for(
    wire: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = wire

    def answer() -> None:
        for part in (HEAD[:20], HEAD[20:], b"first ", b"x" * 100_000):
            time.sleep(0.1)
            theirs.sendall(part)
        theirs.close()

    engine = threading.Thread(target=answer)
    engine.start()
    assert poured(ours, "wc -c") == "100006"
    engine.join()


def test_a_refusal_is_told_in_the_engine_s_words(wire: tuple[socket.socket, socket.socket]) -> None:
    wire[1].sendall(b"HTTP/1.0 404 Not Found\r\n\r\nno such image")
    wire[1].close()
    with pytest.raises(NoEngineError, match="no such image"):
        poured(wire[0], "cat")


@pytest.mark.parametrize("answer", [b"", b"what?\r\n\r\n"])
def test_what_is_no_answer_is_said_to_be_none(wire: tuple[socket.socket, socket.socket], answer: bytes) -> None:
    wire[1].sendall(answer)
    wire[1].close()
    with pytest.raises(NoEngineError):
        poured(wire[0], "cat")


def test_a_program_that_does_not_read_on_says_why(wire: tuple[socket.socket, socket.socket]) -> None:
    wire[1].sendall(HEAD + b"x" * 50_000)
    wire[1].close()
    with pytest.raises(CommandError, match="status 3: no room"):
        poured(wire[0], "echo no room; exit 3")
