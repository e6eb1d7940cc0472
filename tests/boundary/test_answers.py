"""Answers of sockets and files that other users control. They must not block us or fill our memory."""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provisioner.emulators import copied
from provisioner.errors import NoEngineError, ProvisionerError
from provisioner.host import System, plain, wire

HEAD = b"HTTP/1.0 200 OK\r\n\r\n"
Talk = Callable[[socket.socket], None]


def listen(path: Path, talk: Talk) -> Iterator[None]:
    """A server at a socket that runs ``talk`` for each client until the client disconnects."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen()

        def serve() -> None:
            with door.accept()[0] as guest:
                try:
                    guest.recv(65536)
                    talk(guest)
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


def drip(guest: socket.socket) -> None:
    """Send one byte at a time until the client disconnects."""
    guest.sendall(HEAD + b"{")
    while True:
        guest.sendall(b" ")
        time.sleep(0.05)


def flood(guest: socket.socket) -> None:
    """Send data without end until the client disconnects."""
    guest.sendall(HEAD + b'{"x": "')
    while True:
        guest.sendall(b"x" * 100_000)


@pytest.mark.timeout(30)
def test_an_answer_that_drips_in_ends_in_time(tmp_path: Path) -> None:
    for _ in listen(tmp_path / "s", drip):
        sent = wire.send("/s", lambda: wire.connected(str(tmp_path / "s")), "GET", "/info")
        begun = time.monotonic()
        with pytest.raises(NoEngineError, match="no answer in time"):
            wire.receive("/s", sent, seconds=0.5)
        assert time.monotonic() - begun < 5


@pytest.mark.timeout(60)
def test_an_answer_without_end_is_given_up(tmp_path: Path) -> None:
    for _ in listen(tmp_path / "s", flood):
        with pytest.raises(NoEngineError, match="sends more than 16 MiB"):
            System(str(tmp_path), {}).get("/s", "/info")


def test_an_engine_that_speaks_tls_alone_says_what_to_set(tmp_path: Path) -> None:
    said = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
    for _ in listen(tmp_path / "s", lambda guest: guest.sendall(said)):
        with pytest.raises(NoEngineError, match="this engine speaks TLS only") as refused:
            System(str(tmp_path), {}).get("/s", "/info")
        assert "DOCKER_TLS_VERIFY=1" in (refused.value.hint or "")


NONSENSE = {
    "a number without end": b'{"Containers": 1e999}',
    "not a number": b'{"Containers": NaN}',
    "a number of many digits": b'{"Containers": ' + b"1" * 5000 + b"}",
    "depth": b"[" * 100_000,
    "less depth": b'{"Labels": ' + b"[" * 500 + b"]" * 500 + b"}",
    "half": b'{"Containers":',
    "bytes": b"\xff\xfe\x00",
    "a page": b"<html>",
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_no_engine_s_answer(tmp_path: Path, name: str) -> None:
    for _ in listen(tmp_path / "s", lambda guest: guest.sendall(HEAD + NONSENSE[name])):
        with pytest.raises(NoEngineError, match="gives no whole JSON"):
            System(str(tmp_path), {}).get("/s", "/info")


CONTAINER = {
    "Id": "1",
    "Name": "/a",
    "Image": "sha256:2",
    "State": {"Status": "running", "Running": True, "Pid": 7},
    "Config": {"Image": "a", "Env": None, "Labels": {"a": "b"}},
    "HostConfig": {"PortBindings": {"80/tcp": None, "81/tcp": [{"HostPort": "81"}]}, "Ulimits": None},
    "Mounts": [{"Type": "bind", "RW": True}],
}
SHAPES = {
    ("/containers/json?all=1", "[]"): "",
    ("/containers/json", "null"): "",
    ("/containers/json", "{}"): "it is not a list",
    ("/containers/json", '[{"Id": "1"}, {}]'): "one of it lacks Id",
    ("/v1.44/system/df?type=image", '{"LayersSize": "5"}'): "LayersSize is not a whole number",
    ("/volumes?filters={}", '{"Volumes": -1}'): "Volumes is not a list",
    ("/volumes?filters={}", '{"Volumes": [{"Name": "x", "Labels": {"a": 1}}]}'): "a is not a text",
    ("/images/moby/buildkit:x/json", '{"Size": 1}'): "it lacks Id",
    ("/containers/a/json", json.dumps(CONTAINER)): "",
    ("/containers/a/json", json.dumps({**CONTAINER, "State": 5})): "State is not an object",
    ("/containers/a/json", json.dumps({**CONTAINER, "State": {"Status": "running"}})): "State lacks Running",
    ("/containers/a/json", json.dumps({**CONTAINER, "ExecIDs": [5]})): "one of ExecIDs is not a text",
    ("/containers/a/json", json.dumps({**CONTAINER, "Config": {"Image": "a", "Labels": {"do not stop!": "1"}}})): "",
    ("/volumes/x", '{"Name": "x", "Labels": {"*": "1", "a!": null, "": ""}}'): "",
    ("/volumes/x", '{"Name": "x", "Labels": {"a!": 1}}'): "a! is not a text",
    ("/info", '{"Labels": null, "Plugins": {"Authorization": ["a"]}}'): "",
    ("/info", '{"Plugins": {"Authorization": [null]}}'): "one of Authorization is not a text",
    ("/networks/bridge", "5"): "",
}


@pytest.mark.parametrize(("path", "text"), SHAPES)
def test_an_answer_of_another_shape_is_no_engine_s(path: str, text: str) -> None:
    said = SHAPES[path, text]
    with pytest.raises(NoEngineError, match=f": {said}$") if said else contextlib.nullcontext():
        assert wire.content("/s", path, text.encode()) == json.loads(text)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "loop", "endless name", "a NUL"])
def test_a_path_that_somebody_names_is_read_only_if_it_is_a_plain_file(tmp_path: Path, kind: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    path = {"device": "/dev/zero", "endless name": f"{tmp_path}/{'x' * 5000}", "a NUL": f"{tmp_path}/a\0b"}.get(
        kind, f"{tmp_path}/{kind}"
    )
    host = System("/", {})
    with contextlib.suppress(ProvisionerError):
        assert host.read(path) is None
    if kind in ("loop", "endless name", "a NUL"):
        assert (host.stat(path), host.names(path), host.size(path), host.room(path)) == (None, (), 0, None)


def test_a_mask_reads_as_nothing() -> None:
    assert System("/", {}).read("/dev/null") == ""


def test_a_file_larger_than_any_of_a_host_s_is_not_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.touch()
    os.truncate(file, 50_000_000)
    with pytest.raises(ProvisionerError, match="larger than 1 MiB"):
        plain.read(str(file), "/large", -1, 1 << 20)
    assert plain.read(str(file), "/large", 10) == b"\0" * 10


def test_an_engine_s_reason_is_kept_apart_from_the_sentence_about_it(tmp_path: Path) -> None:
    """A reason may contain the words of that sentence."""
    path, reason = tmp_path / "socket", "denied: the hub gave 429: toomanyrequests"
    body = json.dumps({"message": reason}).encode()
    serving = contextlib.contextmanager(listen)
    with serving(path, lambda guest: guest.sendall(b"HTTP/1.0 500 Oops\r\n\r\n" + body)):
        assert copied.refused(System("/", {}), str(path), "x gave y: z") == f": {reason}"
