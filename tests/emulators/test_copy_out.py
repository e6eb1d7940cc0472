"""If an image cannot be pulled, the error names it and quotes the engine, even if the answer has several lines."""

import gzip
from pathlib import Path

import pytest

from provisioner.emulators import copied
from provisioner.emulators.copy_out import CopyOut
from provisioner.errors import CommandError
from provisioner.host import System
from tests.helpers.recorded import engine
from tests.helpers.steps import quiet

IMAGE = "tonistiigi/binfmt:qemu-v10.0.4"
STEP = CopyOut("/run/docker.sock", IMAGE, ("qemu-arm",), "/f", preserve_argv0=True)
ERROR = b'{"errorDetail": {"message": "denied"}, "error": "denied"}'
PULLING = b'{"status": "Pulling from tonistiigi/binfmt"}\r\n'


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ERROR, "cannot be pulled: denied"),
        (PULLING + ERROR, "cannot be pulled: denied"),
        (PULLING + b'{"errorDetail": {"message": "denied"}}', "cannot be pulled: denied"),
        (PULLING + b'{"status": "Extra', "does not have it"),
        (b"", "does not have it"),
    ],
    ids=["at once", "later", "as newer engines say it", "broken off", "nothing"],
)
def test_an_image_that_cannot_be_pulled_is_named(tmp_path: Path, answer: bytes, words: str) -> None:
    with engine(tmp_path / "run/docker.sock", {"POST /images/create": answer}), pytest.raises(CommandError) as raised:
        STEP.do(System(str(tmp_path), {}), quiet)
    assert IMAGE in raised.value.message
    assert words in raised.value.message


@pytest.mark.parametrize("archive", [b"", b"x" * 100, b"x" * 1024, gzip.compress(b"x", mtime=0)[:15]])
def test_an_archive_that_is_incomplete_is_said_to_be_so(tmp_path: Path, archive: bytes) -> None:
    (tmp_path / "usr/local/lib").mkdir(parents=True)
    answers = {
        f"/images/{IMAGE}/json": {"Id": "sha256:1", "Config": {"Env": [f"{copied.PRESERVE}=1"]}},
        "/containers/json": [],
        "POST /containers/create": {"Id": "c"},
        "/containers/c/archive": archive,
    }
    with engine(tmp_path / "run/docker.sock", answers), pytest.raises(CommandError, match="an incomplete archive of"):
        STEP.do(System(str(tmp_path), {}), quiet)
