"""Lend certificates to the users who register the builder, while buildx reads them.

A key in docker's certs.d is often for root alone. buildx runs as the builder's user and copies the files into its own
record, so it fails on one that this user may not read. Whoever may use Docker can read every file of the host by a
mount, so this gives away nothing. The files are copied, because a change of their modes would outlive this run.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provisioner.engine.facts import Facts
from provisioner.errors import CommandError, DeniedError, ProvisionerError
from provisioner.model import Reader
from provisioner.steps import Say, Step

if TYPE_CHECKING:
    from provisioner.host import System


@dataclass(frozen=True, slots=True)
class Lend(Step):
    """Copy the file ``source`` to ``path`` for root and the members of a group. The journal holds no content."""

    path: str
    source: str
    group: int

    def do(self, system: "System", say: Say) -> None:
        data = system.head(self.source, -1)
        if data is None:
            raise CommandError(f"{self.source} is gone", hint="run the command again")
        system.make_directories(self.path.rpartition("/")[0], 0o755)
        system.install(self.path, data, 0o640)
        system.set_owner((self.path,), 0, self.group)

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        return gone((self,))

    def sentence(self) -> str:
        return f"copy {self.source} to {self.path} while buildx reads it"


@dataclass(frozen=True, slots=True)
class TakeBack(Step):
    """Remove a copy and its folders. It has no inverse, because the journal would hold the key that was lent."""

    path: str

    def do(self, system: "System", say: Say) -> None:
        system.remove(self.path)
        folder = self.path.rpartition("/")[0]
        for path in (folder, folder.rpartition("/")[0]):  # the upper one stays while it holds other copies
            system.remove_directory(path)

    def stands(self, host: Reader) -> bool:
        return host.stat(self.path.rpartition("/")[0]) is None

    def sentence(self) -> str:
        return f"remove {self.path}"


def files(host: Reader, facts: Facts, sources: Iterable[str], users: Collection[str]) -> tuple[Lend, ...]:
    """Return the copies of files that a user may not read. The group of the engine's socket gets them."""
    others = [user for user in users if user != "root"]
    there = host.stat(facts.socket) if host.uid == 0 and others else None
    if there is None:
        return ()
    closed = [path for path in dict.fromkeys(sources) if any(_closed(host, path, user) for user in others)]
    return tuple(
        Lend(f"{host.runtime}/lent/{number}/{path.rpartition('/')[2]}", path, there.gid)
        for number, path in enumerate(closed)
    )


def gone(lent: Collection[Lend]) -> tuple[Step, ...]:
    """Return the steps that remove the copies and their folders."""
    return tuple(TakeBack(lend.path) for lend in lent)


def pointed(found: Any, copies: Mapping[str, str]) -> Any:
    """Return a buildkitd.toml that names the copies instead of the files."""
    if isinstance(found, Mapping):
        return {key: pointed(value, copies) for key, value in found.items()}
    if isinstance(found, list):
        return [pointed(value, copies) for value in found]
    return copies.get(found, found) if isinstance(found, str) else found


def _closed(host: Reader, path: str, user: str) -> bool:
    """Return whether a user may not read a file that root may read."""
    try:
        host.read(path, user=user)
    except DeniedError:
        return True
    except ProvisionerError:
        return False
    return False
