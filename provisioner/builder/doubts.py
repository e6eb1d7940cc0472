"""Key pairs of which this user cannot know whether the builder should have them: only others may read the key.

Root leaves out a pair whose key is locked with a password, because BuildKit fails on it (``engine.certificates``).
"""

from collections.abc import Collection, Mapping

from provisioner.builder import buildkitd, keys
from provisioner.builder.keys import Key
from provisioner.builder.wanted import Wanted
from provisioner.errors import DeniedError, ProvisionerError
from provisioner.model import Reader, Unknown, Value


def found(host: Reader, want: Wanted, copies: Collection[str], said: Mapping[str, Value]) -> dict[Key, Unknown]:
    """Return what is unknown where there are ``copies`` of certificates and a buildkitd.toml that has ``said`` this.

    A pair of which there is a copy was no doubt to who made it.
    """
    doubts: dict[Key, Unknown] = {}
    for name, path in want.certificates.items():
        pair = (name, f"{name.removesuffix('.key')}.cert")
        if name.endswith(".key") and not {*pair} & {*copies} and _closed(host, path):
            why = Unknown(f"{path}: this user may not read it")
            doubts |= dict.fromkeys((Key(keys.CERTIFICATE, one) for one in pair), why)
            file = f'"{path.rpartition("/")[2]}"'
            for leaf, value in buildkitd.leaves(want.toml).items():
                if leaf.endswith(".keypair") and file in str(value) and said.get(leaf) != value:
                    doubts[Key(keys.SETTING, leaf)] = why
    return doubts


def _closed(host: Reader, path: str) -> bool:
    """Return whether this user may not read a file that is there."""
    try:
        host.head(path, 1)
    except DeniedError:
        return True
    except ProvisionerError:
        return False
    return False
