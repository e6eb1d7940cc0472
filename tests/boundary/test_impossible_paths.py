"""No file can have such a path or name. JSON of a user's may hold one: it can write a NUL and half of a UTF-16 pair."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner.errors import ProvisionerError
from provisioner.host import System

Look = Callable[[System, str], object]
NAMES = {"a NUL": "x\0y", "half of a pair": "\ud800", "a long name": "x" * 300}
LOOKS: dict[str, tuple[Look, object]] = {
    "read": (lambda host, path: host.read(path), None),
    "read as a user": (lambda host, path: host.read(path, user="nobody"), None),
    "head": (lambda host, path: host.head(path, 4), None),
    "head of a pipe": (lambda host, path: host.head(path, 4, piped=True), None),
    "tail": (lambda host, path: host.tail(path, 0), ""),
    "size": (lambda host, path: host.size(path), 0),
    "names": (lambda host, path: host.names(path), ()),
    "names as a user": (lambda host, path: host.names(path, user="nobody"), ()),
    "own names": (lambda host, path: host.own_names(path), ()),
    "stat": (lambda host, path: host.stat(path), None),
    "directory": (lambda host, path: host.directory(path, "nobody"), None),
    "status": (lambda host, path: host.status(path), None),
    "link": (lambda host, path: host.link(path), None),
    "room": (lambda host, path: host.room(path), None),
    "account": (lambda host, path: host.account(path), None),
    "program": (lambda host, path: host.program(path), None),
    "program by name": (lambda host, path: host.program(path.rpartition("/")[2]), None),
}
ACTS: dict[str, Look] = {
    "unwritable": lambda host, path: host.unwritable(path),
    "unmakeable": lambda host, path: host.unmakeable(path),
    "barred": lambda host, path: host.barred(path, "nobody"),
    "free": lambda host, path: host.free(path),
    "changeable": lambda host, path: host.changeable(path),
    "write": lambda host, path: host.write(path, "ours", 0o644),
    "write as a user": lambda host, path: host.write(path, "ours", 0o644, "nobody"),
    "install": lambda host, path: host.install(path, b"ours", 0o755),
    "append": lambda host, path: host.append(path, "ours"),
    "remove": lambda host, path: host.remove(path),
    "remove as a user": lambda host, path: host.remove(path, "nobody"),
    "remove a temporary file": lambda host, path: host.remove_temporary(path),
    "make a directory": lambda host, path: host.make_directory(path, 0o755),
    "make directories": lambda host, path: host.make_directories(f"{path}/below", 0o755),
    "remove a directory": lambda host, path: host.remove_directory(path),
    "give away": lambda host, path: host.set_owner((path,), 65534, 65534),
    "tell the kernel": lambda host, path: host.tell(path, "ours"),
    "lock": lambda host, path: host.lock(path).__enter__(),
    "ask": lambda host, path: host.ask("sh", path),
    "ask a program": lambda host, path: host.ask(path),
    "run": lambda host, path: host.run(("sh", path), 5),
    "get": lambda host, path: host.get(path, "/info"),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("look", LOOKS)
def test_nothing_is_where_nothing_can_be(look: str, name: str) -> None:
    call, nothing = LOOKS[look]
    assert call(System("/", {}), f"/{NAMES[name]}") == nothing


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("act", ACTS)
def test_what_cannot_be_done_there_is_an_error_that_is_told(tmp_path: Path, act: str, name: str) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/sh").symlink_to("/bin/true")
    with contextlib.suppress(ProvisionerError, OSError):
        ACTS[act](System(str(tmp_path), {}), f"/{NAMES[name]}")
    assert [path.name for path in tmp_path.iterdir()] == ["usr"]
