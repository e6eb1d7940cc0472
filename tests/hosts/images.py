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

APPLETS = ("sh", "cat", "echo", "ls", "mkdir", "sleep", "test", "touch", "true", "uname")

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


def add_shell(storage: Storage, image: Image, busybox: Mapping[str, Path]) -> None:
    """Add an image of several architectures that has only a shell and its commands. ``busybox`` is by architecture."""
    config = {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]}
    layers = {name: _tar({"bin/busybox": program}, APPLETS) for name, program in busybox.items()}
    entries = [_variant(storage, image, layer, config, name) for name, layer in layers.items()]
    _index(storage, image, entries)


def add(storage: Storage, image: Image, files: Mapping[str, Path | str], entrypoint: Sequence[str]) -> None:
    """Add an image of some files, all of them executable."""
    _add(storage, image, _tar(files), {"Entrypoint": list(entrypoint)})


def _add(storage: Storage, image: Image, layer: bytes, config: Mapping[str, object]) -> None:
    _index(storage, image, [_variant(storage, image, layer, config, ARCHITECTURE)])


def _index(storage: Storage, image: Image, entries: Sequence[Mapping[str, object]]) -> None:
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    storage.manifest(image.name, json.dumps(index).encode(), image.tags)


def _variant(
    storage: Storage, image: Image, layer: bytes, config: Mapping[str, object], architecture: str
) -> dict[str, object]:
    """Store one architecture's image and return its entry for the index."""
    packed = gzip.compress(layer, compresslevel=1, mtime=0)
    machine = {"architecture": architecture, "os": "linux"}
    root = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}
    description = json.dumps({**machine, "config": config, "rootfs": root}).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor(CONFIG, storage.blob(image.name, description), description),
        "layers": [_descriptor(LAYER, storage.blob(image.name, packed), packed)],
    }
    encoded = json.dumps(manifest).encode()
    return {**_descriptor(MANIFEST, storage.manifest(image.name, encoded), encoded), "platform": machine}


def _descriptor(media_type: str, digest: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _tar(files: Mapping[str, Path | str], links: Sequence[str] = ()) -> bytes:
    """Pack files as executables owned by root, and links to busybox. Without times, equal files give equal digests."""
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
        for name in links:
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return packed.getvalue()


def _libraries(tree: Path, program: str) -> dict[str, Path]:
    """Return the libraries that a program of a tree loads, including the loader: paths in the image, and the files."""
    answer = subprocess.run(
        ("/usr/sbin/chroot", tree, "ldd", program), capture_output=True, text=True, check=True
    ).stdout
    paths = [word.lstrip("/") for word in answer.split() if word.startswith("/")]
    return {path: tree / path for path in paths}
