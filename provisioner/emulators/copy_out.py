"""Copy programs out of an image into one directory for each version, with a manifest.

No container of the image ever runs: the engine reads the files out of a container that was created but not started.
The image's own way to register emulators needs a privileged container and exits with status 0 even if it fails. Its
entries disappear when something flushes the kernel's table.
"""

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from provisioner.emulators import copied
from provisioner.engine import api
from provisioner.errors import CommandError, NoEngineError
from provisioner.host.files import temporary
from provisioner.model import Reader
from provisioner.platforms import elf
from provisioner.platforms.machine import VERSIONS
from provisioner.steps import Say, Step
from provisioner.steps.files import RemoveDirectory, RemoveFile, WriteFile

if TYPE_CHECKING:
    from provisioner.host import System

INSIDE = "/usr/bin"
LABEL = "io.provisioner.copy"


@dataclass(frozen=True, slots=True)
class CopyOut(Step):
    """Copy programs out of an image's /usr/bin into a directory, with a manifest.

    If the engine does not have the image, the step pulls it and removes it afterwards. Nothing in the image runs.

    Raises:
        CommandError: The image cannot be pulled, or one of its programs cannot serve as an emulator.
    """

    socket: str
    image: str
    programs: tuple[str, ...]
    folder: str
    preserve_argv0: bool

    def do(self, system: "System", say: Say) -> None:
        found = copied.local(system, self.socket, self.image)
        pulled = found is None
        if found is None:
            _pull(system, self)
            found = copied.local(system, self.socket, self.image)
        if found is None:
            raise CommandError(f"{self.image}: the engine has pulled it, and does not have it")
        if found.preserve_argv0 != self.preserve_argv0:  # the plan guessed the flag, because the image was not here yet
            words = "take the P flag for granted" if found.preserve_argv0 else "do not take the P flag for granted"
            hint = f"docker pull {self.image}, then apply again: it is looked at when it is there"
            raise CommandError(f"{self.image}: its programs {words}, against what was planned", hint=hint)
        for path in _above(self.folder):
            system.make_directory(path, 0o755)
        sums = _programs(system, self)
        if pulled:  # the image is not needed any more, and could block switching the image store
            _delete(system, self.socket, self.image)
        names = copied.manifest(system, self.folder).get("programs", {})
        before = {name: copied.program(system, self.folder, name) for name in names}
        new = {name: copied.Copied(sha256, *found) for name, sha256 in sums.items()}
        rows = {name: row._asdict() for name, row in {**before, **new}.items() if row}
        content = {"image": self.image, "programs": rows}
        system.write(f"{self.folder}/{copied.MANIFEST}", json.dumps(content, indent=2) + "\n", 0o644)

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        """Return the steps that remove what the copy adds, and keep what was there before."""
        pulled = "" if copied.local(host, self.socket, self.image) else self.image
        files = (f"{self.folder}/{p}" for p in self.programs)
        undo: list[Step] = [RemoveFile(f) for f in files if host.stat(f) is None]
        undo += [
            RemoveFile(temporary(f"{self.folder}/{name}")) for name in (*self.programs, copied.MANIFEST)
        ]  # left by a run that was killed
        path = f"{self.folder}/{copied.MANIFEST}"
        old = host.read(path)
        undo.append(RemoveFile(path) if old is None else WriteFile(path, old))
        return (
            Discard(self.socket, pulled),
            *undo,
            *(RemoveDirectory(f) for f in reversed(_above(self.folder)) if host.stat(f) is None),
        )

    def made(self, host: Reader) -> Mapping[str, Any]:
        return copied.manifest(host, self.folder)

    def sentence(self) -> str:
        return f"copy {', '.join(self.programs)} out of {self.image} into {self.folder}"


@dataclass(frozen=True, slots=True)
class Discard(Step):
    """Remove what an interrupted copy left on the engine: its container, and an image pulled for it."""

    socket: str
    image: str = ""

    def do(self, system: "System", say: Say) -> None:
        _clean(system, self.socket)
        if self.image and copied.local(system, self.socket, self.image):
            _delete(system, self.socket, self.image)

    def sentence(self) -> str:
        pulled = f", and {self.image}" if self.image else ""
        return f"take away the container that programs were copied out of{pulled}"


@dataclass(frozen=True, slots=True)
class Drop(Step):
    """Remove a directory of copied programs. The undo copies them out of their image again."""

    socket: str
    folder: str

    def do(self, system: "System", say: Say) -> None:
        for name in system.names(self.folder):
            system.remove(f"{self.folder}/{name}")
        for path in reversed(_above(self.folder)):
            if not system.names(path):
                system.remove_directory(path)

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        found = copied.manifest(host, self.folder)
        rows = {name: copied.program(host, self.folder, name) for name in found.get("programs") or {}}
        kinds = {row.preserve_argv0 for row in rows.values() if row}
        image, names = str(found.get("image") or ""), tuple(sorted(name for name, row in rows.items() if row))
        if not image or len(kinds) != 1:
            return ()
        return (CopyOut(self.socket, image, names, self.folder, kinds.pop()),)

    def stands(self, host: Reader) -> bool:
        return host.stat(self.folder) is None

    def sentence(self) -> str:
        return f"remove the copied programs in {self.folder}"


def _above(where: str) -> tuple[str, ...]:
    """Return the directories that must exist, outermost first."""
    return VERSIONS.rpartition("/")[0], VERSIONS, where


def _pull(system: "System", step: CopyOut) -> None:
    name, _, digest = step.image.partition("@")
    tagged = "/" not in name.rpartition(":")[2] and ":" in name
    repository, tag = name.rsplit(":", 1) if tagged else (name, "latest")
    where = f"/images/create?fromImage={quote(repository, safe='')}&tag={quote(digest or tag, safe='')}"
    hint = "load or pull it by hand, name emulators.directory, or install the distribution's QEMU"
    try:
        answer = system.post(step.socket, where)
    except (CommandError, NoEngineError) as e:
        raise CommandError(f"{step.image} cannot be pulled: {e.message}", hint=hint) from None
    if reason := api.failure(answer):
        raise CommandError(f"{step.image} cannot be pulled: {reason}", hint=hint)


def _programs(system: "System", step: CopyOut) -> dict[str, str]:
    """Copy each program, and return the SHA-256 of each."""
    import hashlib  # only a copy needs this module

    _clean(system, step.socket)
    spec = {"Image": step.image, "Cmd": [INSIDE], "Labels": {LABEL: "1"}, "HostConfig": {"NetworkMode": "none"}}
    made = system.create_container(step.socket, spec)
    sums = {}
    try:
        for name in step.programs:
            data = _file(system, step, made, name)
            machine = elf.machine(data)
            if machine is None or elf.needs_interpreter(data) is not False:
                raise CommandError(f"{step.image}: its {name} is not a static program, so it would fail in containers")
            system.install(f"{step.folder}/{name}", data, 0o755)
            sums[name] = hashlib.sha256(data).hexdigest()
    finally:
        _clean(system, step.socket)
    return sums


def _file(system: "System", step: CopyOut, container: str, name: str) -> bytes:
    """Return one file of a container that was never started. The engine sends it as a tar archive."""
    path = quote(f"{INSIDE}/{name}", safe="")
    status, answer = system.request(step.socket, "GET", f"/containers/{container}/archive?path={path}")
    if status == 404:
        raise CommandError(f"{step.image} has no {INSIDE}/{name}", hint="name another image, or fewer platforms")
    if status != 200:
        raise CommandError(f"{step.image}: the engine gave status {status} for {INSIDE}/{name}")
    try:
        with tarfile.open(fileobj=io.BytesIO(answer), mode="r:") as tar:
            member = next((m for m in tar if m.isfile()), None)
            file = tar.extractfile(member) if member else None
            if file is None:
                raise CommandError(f"{step.image}: its {INSIDE}/{name} is not a regular file")
            return file.read()
    except tarfile.TarError:  # also if the connection ends too early
        raise CommandError(f"{step.image}: the engine sent an incomplete archive of {INSIDE}/{name}") from None


def _delete(system: "System", socket: str, image: str) -> None:
    system.post(socket, f"/images/{image}", method="DELETE")


def _clean(system: "System", socket: str) -> None:
    """Remove every container that a copy made, including those of a run that was killed."""
    label = quote(json.dumps({"label": [f"{LABEL}=1"]}))
    for container in system.get(socket, f"/containers/json?all=1&filters={label}") or ():
        system.post(socket, f"/containers/{container['Id']}?force=1&v=1", method="DELETE")
