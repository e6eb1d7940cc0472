"""Programs copied out of an image, into a directory for each version, with a manifest beside them.

No container of the image ever runs: the engine hands out the files of one that was made and not started. The image's
own way to register emulators wants a privileged container, ends with status 0 whatever happened, and what it registers
is gone with the next flush.
"""

import functools
import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from provisioner.emulators.emulated import VERSIONS
from provisioner.errors import CommandError, NoEngineError, ProvisionerError
from provisioner.host import System, temporary
from provisioner.model import Reader
from provisioner.platforms import elf
from provisioner.steps import CopyOut, Discard, RemoveDirectory, RemoveFile, Step, WriteFile

MANIFEST = "manifest.json"
INSIDE = "/usr/bin"
LABEL = "io.provisioner.copy"
PRESERVE = "QEMU_PRESERVE_ARGV0"  # tonistiigi/binfmt's own variable: its QEMU takes the P flag for granted


class Image(NamedTuple):
    """An image that the engine has: its digest, and whether its programs want the P flag."""

    digest: str
    preserve_argv0: bool


def local(host: Reader, socket: str, image: str) -> Image | None:
    """What the engine knows of an image; None: it does not have it."""
    found = host.get(socket, f"/images/{image}/json")
    if found is None:
        return None
    digests = [d.rpartition("@")[2] for d in found.get("RepoDigests") or ()]
    environment = (found.get("Config") or {}).get("Env") or ()
    wants_p = any(v.startswith(f"{PRESERVE}=") and v != f"{PRESERVE}=" for v in environment)
    return Image(digests[0] if digests else str(found["Id"]), wants_p)


@functools.lru_cache  # the answer is one for all platforms of a plan, and may be a time-out
def offered(host: Reader, socket: str, image: str) -> bool:
    """Whether a registry that the engine reaches has an image; asked by way of the engine, so that mirrors count."""
    try:
        return host.get(socket, f"/distribution/{image}/json") is not None
    except ProvisionerError:
        return False


def manifest(host: Reader, where: str) -> Mapping[str, Any]:
    """What was copied into a directory: image, digest, preserve_argv0, and the SHA-256 of each program; or nothing."""
    try:
        found = json.loads(host.read(f"{where}/{MANIFEST}") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def inverse(step: CopyOut, host: Reader) -> tuple[Step, ...]:
    """The steps that take away what a copy brings, and nothing that was there before."""
    pulled = "" if local(host, step.socket, step.image) else step.image
    files = (f"{step.folder}/{p}" for p in step.programs)
    undo: list[Step] = [RemoveFile(f) for f in files if host.stat(f) is None]
    undo += [RemoveFile(temporary(f"{step.folder}/{name}")) for name in (*step.programs, MANIFEST)]  # of a killed run
    path = f"{step.folder}/{MANIFEST}"
    old = host.read(path)
    undo.append(RemoveFile(path) if old is None else WriteFile(path, old))
    return (
        Discard(step.socket, pulled),
        *undo,
        *(RemoveDirectory(f) for f in reversed(_above(step.folder)) if host.stat(f) is None),
    )


def _above(where: str) -> tuple[str, ...]:
    """The directories that have to be there, from the outside in."""
    return VERSIONS.rpartition("/")[0], VERSIONS, where


def copy_out(system: System, step: CopyOut) -> None:
    """Pull the image if need be, copy its programs, each whole or not at all, and write down what they are.

    CommandError: it cannot be had, or its programs are not what an emulator has to be.
    """
    found = local(system, step.socket, step.image)
    pulled = found is None
    if found is None:
        _pull(system, step)
        found = local(system, step.socket, step.image)
    if found is None:
        raise CommandError(f"{step.image}: the engine has pulled it, and does not have it")
    if found.preserve_argv0 != step.preserve_argv0:  # it was guessed: nobody knew before the pull
        words = "take the P flag for granted" if found.preserve_argv0 else "do not take the P flag for granted"
        hint = f"docker pull {step.image}, then apply again: it is looked at when it is there"
        raise CommandError(f"{step.image}: its programs {words}, against what was planned", hint=hint)
    for path in _above(step.folder):
        system.make_directory(path, 0o755)
    sums = _programs(system, step)
    if pulled:  # it has done its service, and might keep the image store from being switched
        _delete(system, step.socket, step.image)
    before = manifest(system, step.folder).get("programs", {})
    content = {"image": step.image, **found._asdict(), "programs": {**before, **sums}}
    system.write(f"{step.folder}/{MANIFEST}", json.dumps(content, indent=2) + "\n", 0o644)


def _pull(system: System, step: CopyOut) -> None:
    name, _, digest = step.image.partition("@")
    tagged = "/" not in name.rpartition(":")[2] and ":" in name
    repository, tag = name.rsplit(":", 1) if tagged else (name, "latest")
    where = f"/images/create?fromImage={quote(repository, safe='')}&tag={quote(digest or tag, safe='')}"
    hint = "load or pull it by hand, name emulators.directory, or install the distribution's QEMU"
    try:
        answer = system.post(step.socket, where)
    except (CommandError, NoEngineError) as e:
        raise CommandError(f"{step.image} cannot be pulled: {e.message}", hint=hint) from None
    for said in [answer] if isinstance(answer, dict) else map(_said, str(answer).splitlines()):
        if "error" in said:
            raise CommandError(f"{step.image} cannot be pulled: {said['error']}", hint=hint)


def _said(line: str) -> Mapping[str, Any]:
    """A line of the engine's about a pull; nothing where it has broken off."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _programs(system: System, step: CopyOut) -> dict[str, str]:
    """Copy each program; its SHA-256."""
    import hashlib  # only a copy needs it

    _clean(system, step.socket)
    spec = {"Image": step.image, "Cmd": [INSIDE], "Labels": {LABEL: "1"}, "HostConfig": {"NetworkMode": "none"}}
    made = system.post(step.socket, "/containers/create", spec)["Id"]
    sums = {}
    try:
        for name in step.programs:
            data = _file(system, step, made, name)
            machine = elf.machine(data)
            if machine is None or elf.needs_interpreter(data) is not False:
                raise CommandError(f"{step.image}: its {name} is no static program, so it would fail in containers")
            system.install(f"{step.folder}/{name}", data, 0o755)
            sums[name] = hashlib.sha256(data).hexdigest()
    finally:
        _clean(system, step.socket)
    return sums


def _file(system: System, step: CopyOut, container: str, name: str) -> bytes:
    """One file of a container that was never started, out of the tar that the engine makes of it."""
    path = quote(f"{INSIDE}/{name}", safe="")
    status, answer = system.request(step.socket, "GET", f"/containers/{container}/archive?path={path}")
    if status == 404:
        raise CommandError(f"{step.image} has no {INSIDE}/{name}", hint="name another image, or fewer platforms")
    if status != 200:
        raise CommandError(f"{step.image}: the engine gave status {status} for {INSIDE}/{name}")
    with tarfile.open(fileobj=io.BytesIO(answer)) as tar:
        member = next((m for m in tar if m.isfile()), None)
        file = tar.extractfile(member) if member else None
        if file is None:
            raise CommandError(f"{step.image}: its {INSIDE}/{name} is no file")
        return file.read()


def discard(system: System, step: Discard) -> None:
    """Take away what a copy has left with the engine; what is gone already is no error."""
    _clean(system, step.socket)
    if step.image and local(system, step.socket, step.image):
        _delete(system, step.socket, step.image)


def _delete(system: System, socket: str, image: str) -> None:
    system.post(socket, f"/images/{image}", method="DELETE")


def _clean(system: System, socket: str) -> None:
    """Take away every container of ours, those of a run that was killed, too."""
    label = quote(json.dumps({"label": [f"{LABEL}=1"]}))
    for container in system.get(socket, f"/containers/json?all=1&filters={label}") or ():
        system.post(socket, f"/containers/{container['Id']}?force=1&v=1", method="DELETE")
