"""Certificates for registries on this host: docker's certs.d, and the authorities that the host itself trusts.

buildx copies the files when it makes the builder, and fails on one that it cannot read. BuildKit fails on a key pair
that does not load. Such files are left out, and told. Sources: docker's certs.d, buildx's util/confutil, BuildKit's
util/resolver, containerd's hosts.toml.
"""

from collections.abc import Iterator, Mapping

from provisioner.errors import DeniedError, ProvisionerError
from provisioner.model import Reader
from provisioner.typed import NamedTuple

CERTS = "/etc/docker/certs.d"
# Where a host's own authorities are: Debian, Fedora, SUSE and Arch. The daemon trusts them for every registry.
# update-ca-certificates takes every *.crt, also in folders below; the others take every file of the folder.
DEBIANS = "/usr/local/share/ca-certificates"
ANCHORS = (
    DEBIANS,
    "/etc/pki/ca-trust/source/anchors",
    "/etc/pki/trust/anchors",
    "/etc/ca-certificates/trust-source/anchors",
)
DEEPEST = 3  # folders below each other that we look into
PEM = b"-----BEGIN CERTIFICATE-----"
KEY, LOCKED = b"PRIVATE KEY-----", b"ENCRYPTED"
LARGEST = 1 << 20  # bytes of a file of certificates that we read
HOSTS = "hosts.toml"


class Certificates(NamedTuple):
    """The usable files of each registry, those of the host's own authorities, and a sentence for each broken one."""

    registries: Mapping[str, tuple[str, ...]] = {}
    authorities: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


def gather(host: Reader, folder: str = CERTS) -> Certificates:
    """Find the certificates. ``folder`` is where the engine has those of registries.

    Raises: DeniedError if this user may not look into the folder.
    """
    broken: list[str] = []
    return Certificates(dict(_registries(host, folder, broken)), _authorities(host, broken), tuple(broken))


def _registries(host: Reader, certs: str, broken: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each registry with its files in certs.d. Add what is wrong about the others to ``broken``."""
    for registry in host.names(certs):
        folder = f"{certs}/{registry}"
        every = host.names(folder)
        if HOSTS in every:
            broken.append(f"{folder}/{HOSTS} is for containerd, and BuildKit reads no such file")
        names = tuple(n for n in every if n.endswith((".crt", ".cert", ".key")))
        wrong = dict(_wrong(host, folder, names))
        broken += [f"{folder}/{name} {why}" for name, why in wrong.items()]
        if files := tuple(f"{folder}/{n}" for n in names if n not in wrong):
            yield registry, files


def _wrong(host: Reader, folder: str, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the names of files that are left out, each with the reason. A certificate and its key go together."""
    for name in names:
        stem, _, kind = name.rpartition(".")
        pair = {"cert": f"{stem}.key", "key": f"{stem}.cert"}.get(kind)
        if pair is not None and pair not in names:
            yield name, f"has no {'key' if kind == 'cert' else 'certificate'}: {pair} is missing"
        elif why := _unusable(host, f"{folder}/{name}", key=kind == "key"):
            yield name, why
        elif pair is not None and _unusable(host, f"{folder}/{pair}", key=kind == "cert"):
            yield name, f"is of no use without {pair}"


def _authorities(host: Reader, broken: list[str]) -> tuple[str, ...]:
    """Return the files of the host's own authorities, each name once, because buildx keeps them in one folder."""
    files: dict[str, str] = {}
    for path in (path for folder in reversed(ANCHORS) for path in _below(host, folder, folder == DEBIANS)):
        if why := _unusable(host, path):
            broken += [f"{path} {why}"] if path.endswith((".crt", ".pem")) else []
        else:
            files[path.rpartition("/")[2]] = path
    return tuple(path for _, path in sorted(files.items()))


def _below(host: Reader, folder: str, debian: bool, depth: int = DEEPEST) -> Iterator[str]:
    """Yield the paths in a folder that may be certificates."""
    for name in host.names(folder):
        path = f"{folder}/{name}"
        there = host.stat(path)
        if there is not None and there.directory:
            yield from _below(host, path, debian, depth - 1) if debian and depth > 1 else ()
        elif not debian or name.endswith(".crt"):
            yield path


def _unusable(host: Reader, path: str, *, key: bool = False) -> str:
    """Return what is wrong about a file, or an empty string. One that we may not read counts as good."""
    try:
        data = host.head(path, LARGEST)
    except DeniedError:
        return ""
    except ProvisionerError as e:
        return f"cannot be read ({e.message.rpartition(': ')[2]})"
    if data is None:
        return "is a link to nothing" if host.link(path) else "is gone"
    if not key:
        return "" if PEM in data else "holds no certificate in PEM form"
    return "holds no key in PEM form" if KEY not in data else "is locked with a password" if LOCKED in data else ""
