"""The index of a build is read from what buildx writes, whatever that is."""

import gzip
import io
import json
import tarfile

import pytest

from provisioner.errors import ProvisionerError
from provisioner.proof import local


def archive(**files: object) -> bytes:
    """Return an archive with files of JSON."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            data = json.dumps(content).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def test_the_platforms_of_an_index_are_those_of_its_images() -> None:
    made = {"os": "linux", "architecture": "arm64"}
    files = {
        "index.json": {"manifests": [{"digest": "x:1", "mediaType": "manifest"}]},
        "blobs/x/1": {"config": {"digest": "x:2"}},
        "blobs/x/2": made,
    }
    assert local.read_index(archive(**files)) == ("x:1", frozenset({"linux/arm64"}))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b"", "has written nothing"),
        (b"no archive", r"output is not an image \(10 bytes\)"),
        (archive(), "output is not an image"),
        (gzip.compress(b"x", mtime=0)[:15], r"output is not an image \(15 bytes\)"),
        (archive(**{"index.json": {"manifests": []}}), "output is not an image"),
        (archive(**{"index.json": []}), "output is not an image"),
        (archive(**{"index.json": {"manifests": [{"digest": 1}]}}), "output is not an image"),
    ],
)
def test_what_is_no_archive_of_an_image_is_told_in_a_sentence(written: bytes, said: str) -> None:
    with pytest.raises(ProvisionerError, match=said) as raised:
        local.read_index(written)
    assert "docker" in (raised.value.hint or "")
