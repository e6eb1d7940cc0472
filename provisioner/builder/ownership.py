"""Files below a user's docker folder that belong to somebody else: `sudo docker build` with the user's HOME makes them.

buildx reads and replaces these files, and fails on one that it may not read. Sources: buildx's store/, localstate/ and
util/confutil/, BuildKit's session/auth/authprovider; docker/buildx#1426, docker/for-linux#1451, docker/for-mac#7356.
"""

from collections.abc import Iterator

from provisioner.builder import store
from provisioner.builder.store import Store
from provisioner.builder.wanted import Wanted
from provisioner.errors import ProvisionerError
from provisioner.model import Account, Reader

LISTED = ("instances", "defaults", "activity")  # buildx reads every file of these folders
LOGINS = (".token_seed", ".token_seed.lock")  # beside config.json
STATE = (".lock", ".buildNodeID", "current", "refs/version")


def foreign(host: Reader, kept: Store, want: Wanted, account: Account) -> list[str]:
    """Return the paths that exist and that somebody else than the user owns, without links, which are not given."""
    there = ((path, host.status(path)) for path in paths(host, kept, want))
    return [p for p, found in there if found is not None and found.uid != account.uid and host.link(p) is None]


def paths(host: Reader, kept: Store, want: Wanted) -> Iterator[str]:
    """Yield the paths that the user must own. They need not exist."""
    top, folder = kept.docker, kept.folder
    yield from (top, f"{top}/config.json", *(f"{top}/{name}" for name in LOGINS))
    yield from (f"{folder}/{name}".rstrip("/") for name in (*store.FOLDERS, *STATE))
    for name in LISTED:
        yield from (f"{folder}/{name}/{file}" for file in _names(host, f"{folder}/{name}", kept))
    builds = f"{folder}/refs/{want.builder.name}"
    yield from (builds, *(f"{builds}/{node.name}" for node in want.nodes))


def _names(host: Reader, folder: str, kept: Store) -> tuple[str, ...]:
    """Return the names in a user's folder. Root looks into a folder that sudo has left to root.

    The user may make a link to a folder of root's at any moment, whose names are not for the result of a check.
    """
    try:
        return host.names(folder, user=kept.user)
    except ProvisionerError:
        return host.own_names(folder)
