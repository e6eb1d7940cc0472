"""Steps that change files, and need no engine: directories, whole files, one leaf of a JSON file, owners."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provisioner import secrets
from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.steps import Say, Step, diffs
from provisioner.text import json_edit, json_read

if TYPE_CHECKING:
    from provisioner.host import System


TRIES = 3  # at a file that somebody else writes at the same moment


@dataclass(frozen=True, slots=True)
class MakeDirectory(Step):
    """Make one directory; its parent exists."""

    path: str
    mode: int = 0o755

    def do(self, system: "System", say: Say) -> None:
        system.make_directory(self.path, self.mode)

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        return () if host.stat(self.path) else (RemoveDirectory(self.path),)

    def stands(self, host: Reader) -> bool:
        there = host.stat(self.path)
        return there is not None and there.directory

    def sentence(self) -> str:
        return f"make the directory {self.path}"


@dataclass(frozen=True, slots=True)
class RemoveDirectory(Step):
    """Remove a directory that is empty; one that somebody else has filled stays."""

    path: str

    def do(self, system: "System", say: Say) -> None:
        system.remove_directory(self.path)

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        there = host.stat(self.path)
        return (MakeDirectory(self.path, there.mode),) if there else ()

    def stands(self, host: Reader) -> bool | None:
        return True if host.stat(self.path) is None else None

    def sentence(self) -> str:
        return f"remove the directory {self.path} if it is empty"


@dataclass(frozen=True, slots=True)
class WriteFile(Step):
    """Put ``text`` there, whole or not at all. ``mode`` counts only where no file stood before.

    A file of a ``user``'s is written as that user; empty: as ourselves.
    """

    path: str
    text: str
    mode: int = 0o644
    user: str = ""

    def do(self, system: "System", say: Say) -> None:
        system.write(self.path, self.text, self.mode, self.user)

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        return _as_it_is(host, self.path, self.user)

    def stands(self, host: Reader) -> bool | None:
        return _stands(host, self.path, self.text, self.user)

    def sentence(self) -> str:
        return f"write {self.path}"

    def diff(self) -> str:
        return diffs.unified(self.path, "", self.text)


@dataclass(frozen=True, slots=True)
class RemoveFile(Step):
    """Remove a file, as ``user`` where it is one of theirs; one that is gone already is no error."""

    path: str
    user: str = ""

    def do(self, system: "System", say: Say) -> None:
        system.remove(self.path, self.user)

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        return _as_it_is(host, self.path, self.user)

    def stands(self, host: Reader) -> bool | None:
        return _stands(host, self.path, None, self.user)

    def sentence(self) -> str:
        return f"remove {self.path}"


def _as_it_is(host: Reader, path: str, user: str) -> tuple[Step, ...]:
    """The step that leaves a path as it is now."""
    old, there = host.read(path, user=user), host.status(path) if user else host.stat(path)
    if old is None or there is None:
        return (RemoveFile(path, user),)
    return (WriteFile(path, old, there.mode, user),)


def _stands(host: Reader, path: str, text: str | None, user: str) -> bool | None:
    """Whether a file is as a step leaves it. Files of users are changed by their programs, which decides nothing."""
    same = host.read(path, user=user) == text
    return None if user and not same else same


@dataclass(frozen=True, slots=True)
class SetLeaf(Step):
    """Give one leaf of a JSON file a value, any JSON (None: take the leaf away), and keep every other byte.

    While the file still is ``before``, the outcome is exactly ``after`` (None: no file). When somebody else has
    changed it meanwhile, only the leaf is set, in the file as it is then.
    """

    path: str
    keys: tuple[str, ...]
    value: Any
    before: str | None
    after: str | None

    def __post_init__(self) -> None:
        secrets.learn({".".join(self.keys): self.value})

    def do(self, system: "System", say: Say) -> None:
        from provisioner.host.files import ChangedError

        for tries in reversed(range(TRIES)):
            old = system.read(self.path)
            new = self._in(old)
            if new is None:
                return system.remove(self.path)
            try:
                return system.write(self.path, new, 0o644, instead_of=old)
            except ChangedError:  # by somebody who saved it at this very moment
                if not tries:
                    raise
        return None

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        old = host.read(self.path)
        value = json_read.leaf(json_read.load(old or "", self.path), self.keys)
        return (SetLeaf(self.path, self.keys, value, self._in(old), old),)

    def stands(self, host: Reader) -> bool | None:
        try:
            found = json_read.load(host.read(self.path) or "", self.path)
        except ProvisionerError:
            return None
        return bool(json_read.leaf(found, self.keys) == self.value)

    def sentence(self) -> str:
        leaf = ".".join(self.keys)
        if self.value is not None:
            return f"set {leaf} to {json.dumps(secrets.value(leaf, self.value))} in {self.path}"
        return (
            f"take {leaf} out of {self.path}{', and remove the file if it is empty then' if self.after is None else ''}"
        )

    def diff(self) -> str:
        return diffs.unified(self.path, self.before or "", self.after or "")

    def _in(self, text: str | None) -> str | None:
        """What the file becomes, given what it is."""
        if text in (self.before, self.after):
            return self.after
        if text is None and self.value is None:
            return None
        json_read.load(text or "", self.path)  # somebody changed it meanwhile, and may have broken it
        if self.value is None:
            new = json_edit.drop(text or "{}", self.keys)
            return None if self.after is None and not json_read.load(new, self.path) else new
        return json_edit.put(text or "", self.keys, self.value)


@dataclass(frozen=True, slots=True)
class SetOwner(Step):
    """Give files below a user's home folder to that user (or back to ``uid`` and ``gid``), none of them a link."""

    paths: tuple[str, ...]
    uid: int
    gid: int

    def do(self, system: "System", say: Say) -> None:
        system.set_owner(self.paths, self.uid, self.gid)

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        owners = ((p, host.status(p)) for p in self.paths)
        return tuple(SetOwner((p,), s.uid, s.gid) for p, s in owners if s is not None)

    def sentence(self) -> str:
        return f"give {' '.join(self.paths)} to {self.uid}:{self.gid}"
