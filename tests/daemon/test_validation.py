"""What dockerd says of a daemon.json, and what a refusal to read it means."""

from pathlib import Path

import pytest

from provisioner.daemon import validation
from provisioner.daemon.start_line import Start
from provisioner.host import System

FILE = "unable to configure the Docker daemon with file /dev/stdin"


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ("", "", ""),
        (f"{FILE}: unknown keys: debgu", "would-not-start", "dockerd would not start: "),
        # dockerd runs in a domain of its own, which may not open the pipe of a service.
        (f"{FILE}: open /dev/stdin: permission denied", "not-validated", "dockerd may not read the file that it is "),
    ],
)
def test_a_refusal_to_read_is_no_judgment(tmp_path: Path, said: str, code: str, words: str) -> None:
    dockerd = tmp_path / "dockerd"
    dockerd.write_text(f"#!/bin/sh\necho '{said}' >&2\ntest -z '{said}'\n")
    dockerd.chmod(0o755)
    found = validation.obstacle(System("", {}), "{}", Start((str(dockerd),), {}), "see it")
    assert (found.code if found else "") == code
    assert (found.message if found else "").startswith(words)
