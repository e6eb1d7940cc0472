"""Make single-layer images for this machine's architecture, as a registry serves them: blobs, a manifest, an index."""

import gzip
import hashlib
import io
import json
import platform
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.hosts.recipes import Image
from tests.hosts.registry import Storage

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
ARCHITECTURE = ARCHITECTURES[platform.machine()]

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

# The real image contains a program that registers the emulators. It is not available as a Go module, and tests that
# copy the emulators out of the image do not need it.
BINFMT = """\
#!/bin/busybox sh
echo "this image has emulators to be copied out of /usr/bin and no program to register them" >&2
exit 1
"""


def add_buildkit(storage: Storage, image: Image, programs: Path, tree: Path, busybox: Path) -> None:
    """Add moby/buildkit: buildkitd, buildctl, Debian's runc with its libraries, and a shell."""
    files: dict[str, Path | str] = {
        "usr/bin/buildkitd": programs / "buildkitd",
        "usr/bin/buildctl": programs / "buildctl",
        "usr/bin/buildkit-runc": tree / "usr/sbin/runc",
        "bin/busybox": busybox,
        "bin/sh": busybox,
        **_libraries(tree, "/usr/sbin/runc"),
    }
    config = {
        "Entrypoint": ["buildkitd"],
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "BUILDKIT_SETUP_CGROUPV2_ROOT=1"],
        "Volumes": {"/var/lib/buildkit": {}},
    }
    _add(storage, image, _tar(files), config)


def add_binfmt(storage: Storage, image: Image, emulators: Path, busybox: Path) -> None:
    """Add tonistiigi/binfmt: static QEMU programs in /usr/bin that preserve argv[0]."""
    files: dict[str, Path | str] = {f"usr/bin/{program.name}": program for program in emulators.iterdir()}
    files |= {"usr/bin/binfmt": BINFMT, "bin/busybox": busybox}
    config = {"Entrypoint": ["/usr/bin/binfmt"], "Env": ["QEMU_PRESERVE_ARGV0=1"], "Volumes": {"/tmp": {}}}
    _add(storage, image, _tar(files), config)


def add(storage: Storage, image: Image, files: Mapping[str, Path | str], entrypoint: Sequence[str]) -> None:
    """Add an image of some files, all of them executable."""
    _add(storage, image, _tar(files), {"Entrypoint": list(entrypoint)})


def _add(storage: Storage, image: Image, layer: bytes, config: Mapping[str, object]) -> None:
    packed = gzip.compress(layer, compresslevel=1, mtime=0)
    machine = {"architecture": ARCHITECTURE, "os": "linux"}
    root = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}
    description = json.dumps({**machine, "config": config, "rootfs": root}).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor(CONFIG, storage.blob(image.name, description), description),
        "layers": [_descriptor(LAYER, storage.blob(image.name, packed), packed)],
    }
    encoded = json.dumps(manifest).encode()
    entry = {**_descriptor(MANIFEST, storage.manifest(image.name, encoded), encoded), "platform": machine}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    storage.manifest(image.name, json.dumps(index).encode(), image.tags)


def _descriptor(media_type: str, digest: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _tar(files: Mapping[str, Path | str]) -> bytes:
    """Pack files as executables owned by root. Times are omitted, so that equal files give equal digests."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in ("tmp", "run", "var/lib"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            tar.addfile(folder)
        for name, source in sorted(files.items()):
            content = source.encode() if isinstance(source, str) else source.read_bytes()
            file = tarfile.TarInfo(name)
            file.size, file.mode = len(content), 0o755
            tar.addfile(file, io.BytesIO(content))
    return packed.getvalue()


def _libraries(tree: Path, program: str) -> dict[str, Path]:
    """Return the libraries that a program of a tree loads, including the loader: paths in the image, and the files."""
    answer = subprocess.run(
        ("/usr/sbin/chroot", tree, "ldd", program), capture_output=True, text=True, check=True
    ).stdout
    paths = [word.lstrip("/") for word in answer.split() if word.startswith("/")]
    return {path: tree / path for path in paths}
