"""How the output of a test container decides whether a platform runs, and what is removed afterwards."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from provisioner.engine import own_image
from provisioner.errors import NoEngineError
from provisioner.host import System
from provisioner.platforms import table
from tests.helpers import large, recorded

SOCKET = "/s"
WARNING = "qemu-ppc64le: warning: something of its own\n"
LOGS = {
    "the word": (["ppc64le\n"], True, ""),
    "nothing for a while": (["", "ppc64le\n"], True, ""),
    "something of QEMU's own before it": ([WARNING, f"{WARNING}ppc64le\n"], True, ""),
    "something else, and it has ended": ([WARNING], False, "it said 'qemu-ppc64le: warning"),
}


def frame(text: str) -> bytes:
    """Return a log in the engine's format."""
    return b"\1\0\0\0" + len(text).to_bytes(4, "big") + text.encode() if text else b""


@pytest.mark.parametrize("name", LOGS)
def test_a_probe_is_heard_out(name: str, tmp_path: Path) -> None:
    said, runs, error = LOGS[name]
    logs = iter(map(frame, said))
    answers: recorded.Answers = {
        "POST /containers/create": {"Id": "c"},
        "POST /containers/c/start": b"",
        "/containers/c/json": recorded.container("c", Running=runs),
        "/containers/c/logs": lambda: next(logs),
    }
    with recorded.engine(tmp_path / "s", answers):
        row = own_image.run(System(str(tmp_path), {}), SOCKET, "image", "linux/ppc64le")
    assert (row.runs, row.error[: len(error)]) == (runs, error)


@pytest.mark.parametrize(
    ("size", "platform", "how"),
    [
        (4096, "linux/arm/v7", "native"),
        (16384, "linux/arm/v7", "native, but programs that were made for pages of 4 KB crash"),
        (16384, "linux/arm64", "native"),
    ],
)
def test_a_native_run_says_which_programs_the_kernel_s_pages_break(
    tmp_path: Path, size: int, platform: str, how: str
) -> None:
    word = table.of(platform).architecture
    host = large.host(tmp_path, size)
    (tmp_path / "proc/7").mkdir()
    (tmp_path / "proc/7/exe").symlink_to("/probe")
    answers: recorded.Answers = {
        "POST /containers/create": {"Id": "c"},
        "POST /containers/c/start": b"",
        "/containers/c/json": recorded.container("c", Running=True, Pid=7),
        "/containers/c/logs": frame(f"{word}\n"),
    }
    with recorded.engine(tmp_path / "s", answers):
        assert own_image.run(host, SOCKET, "image", platform) == (True, how, "")


def test_a_container_that_somebody_removes_meanwhile_is_said_to_be_gone(tmp_path: Path) -> None:
    answers: recorded.Answers = {"POST /containers/create": {"Id": "c"}, "POST /containers/c/start": b""}
    with recorded.engine(tmp_path / "s", answers):
        row = own_image.run(System(str(tmp_path), {}), SOCKET, "image", "linux/ppc64le")
    assert (row.runs, row.error) == (False, "somebody has removed the container of the test")


@pytest.mark.parametrize("answer", ["c", 5, [], {}, {"Id": 5}, {"Id": ""}, None, b"no JSON"])
def test_an_odd_answer_to_a_creation_is_no_engine_s(tmp_path: Path, answer: Any) -> None:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    with (
        recorded.engine(tmp_path / "s", {"POST /containers/create": body}),
        pytest.raises(NoEngineError, match="what no Docker engine says: it lacks Id"),
    ):
        own_image.run(System(str(tmp_path), {}), SOCKET, "image", "linux/ppc64le")


def test_an_image_of_a_proof_that_lost_its_name_is_removed_and_nobody_else_s(tmp_path: Path) -> None:
    """Without a store for several platforms, each platform's image takes the name of the one before it."""
    label = {own_image.LABEL: "1"}
    images: list[dict[str, Any]] = [
        {"Id": "sha256:1", "RepoTags": [], "Labels": label},
        {"Id": "sha256:2", "RepoTags": [], "Labels": {"theirs": "1"}},
        {"Id": "sha256:3", "RepoTags": [], "Labels": None},
    ]
    removed: list[str] = []
    gone = {f"DELETE /images/{i['Id']}": partial(removed.append, i["Id"]) for i in images}
    answers: recorded.Answers = {"/containers/json": [], "/images/json": images, **gone}
    with recorded.engine(tmp_path / "s", answers):
        own_image.clean(System(str(tmp_path), {}), SOCKET)
    assert removed == ["sha256:1"]
