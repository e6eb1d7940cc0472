"""The storage of a Docker registry, in the on-disk layout of docker-registry (CNCF distribution)."""

import hashlib
from pathlib import Path


class Storage:
    """A folder of blobs, with links to them for each repository."""

    def __init__(self, folder: Path) -> None:
        self._top = folder / "docker/registry/v2"

    def blob(self, repository: str, content: bytes) -> str:
        """Store a layer or a configuration and return its digest."""
        digest = self._store(content)
        _link(self._top / "repositories" / repository / "_layers", digest)
        return digest

    def manifest(self, repository: str, content: bytes, tags: tuple[str, ...] = ()) -> str:
        """Store a manifest or an index under its digest and under ``tags``, and return its digest."""
        digest = self._store(content)
        manifests = self._top / "repositories" / repository / "_manifests"
        _link(manifests / "revisions", digest)
        for tag in tags:
            _link(manifests / "tags" / tag / "index", digest)
            _write(manifests / "tags" / tag / "current/link", digest.encode())
        return digest

    def _store(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        _write(self._top / "blobs/sha256" / digest[:2] / digest / "data", content)
        return f"sha256:{digest}"


def _link(folder: Path, digest: str) -> None:
    algorithm, _, value = digest.partition(":")
    _write(folder / algorithm / value / "link", digest.encode())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
