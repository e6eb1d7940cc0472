"""Steps that change files and need no engine: directories, whole files, one value of a JSON file, and owners."""

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


TRIES = 3  # for a file that somebody else writes at the same moment


@dataclass(frozen=True, slots=True)
class MakeDirectory(Step):
    """Make one directory. Its parent must exist."""

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
    """Remove a directory if it is empty."""

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
    """Write ``text`` to a file atomically. ``mode`` applies only to a new file.

    The file is written as ``user``, or as the current user if that is empty.
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
    """Remove a file as ``user``. A missing file is not an error."""

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
    """Return the step that restores the current state of a path."""
    old, there = host.read(path, user=user), host.status(path) if user else host.stat(path)
    if old is None or there is None:
        return (RemoveFile(path, user),)
    return (WriteFile(path, old, there.mode, user),)


def _stands(host: Reader, path: str, text: str | None, user: str) -> bool | None:
    """Return whether a file is as a step leaves it.

    A changed file of a user gives None, because the user's programs change such files, too.
    """
    same = host.read(path, user=user) == text
    return None if user and not same else same


@dataclass(frozen=True, slots=True)
class SetLeaf(Step):
    """Set one value in a JSON file and keep every other byte. A ``value`` of None removes the key.

    If the file still equals ``before``, it becomes exactly ``after``, where None means no file. If somebody else
    changed it in the meantime, only this value is set in the changed file.
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
            except ChangedError:  # somebody saved the file at this very moment
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
        """Return the new text of the file for its current text. None means no file."""
        if text in (self.before, self.after):
            return self.after
        if text is None and self.value is None:
            return None
        json_read.load(text or "", self.path)  # somebody changed the file meanwhile, and may have broken it
        if self.value is None:
            new = json_edit.drop(text or "{}", self.keys)
            return None if self.after is None and not json_read.load(new, self.path) else new
        return json_edit.put(text or "", self.keys, self.value)


@dataclass(frozen=True, slots=True)
class SetOwner(Step):
    """Give files below a user's home directory to that user, or back to ``uid`` and ``gid``. None of them is a link."""

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
