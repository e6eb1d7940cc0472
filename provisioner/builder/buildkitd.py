"""buildkitd.toml: the content that the configuration asks for, and the content of a file, in a comparable form.

buildx rewrites the file when it reads it, and moves certificates to /etc/buildkit/certs/<registry>. So single values
are compared instead of bytes. Of a certificate's path, only the file name is compared.
"""

import functools
from collections.abc import Mapping

from provisioner.config import drivers
from provisioner.config.desired import Builder
from provisioner.engine import registries
from provisioner.engine.facts import Facts
from provisioner.engine.info import version
from provisioner.errors import ConfigError, ProvisionerError
from provisioner.model import Reader, Value
from provisioner.text import plain_json, tolerant, toml
from provisioner.typed import Any

NAME = "buildkitd.toml"
INSIDE = f"/etc/buildkit/{NAME}"
# buildx copies the host's own authorities into the first folder, and BuildKit's image has the usual ones in the second.
TRUSTED = f"/etc/buildkit/certs/{registries.HUB}:/etc/ssl/certs"
# Shares of the disk that holds the state volume. BuildKit's default limit is 80% or 100 GB, whichever is less.
GC = {"reservedSpace": "10%", "maxUsedSpace": "60%", "minFreeSpace": "20%"}
GC_SINCE = (0, 17)  # moby/buildkit 5079; before, gckeepstorage is the size below which a cache never shrinks
CAP = GC["maxUsedSpace"]
PATHS = frozenset(("ca", "keypair"))  # the keys of a registry that hold paths of certificates
OWN_GC = frozenset((*GC, "gc", "gckeepstorage", "gcpolicy"))  # if the user sets one, provisioner sets none


def wanted(builder: Builder, facts: Facts) -> dict[str, Any]:
    """Return the wanted buildkitd.toml. The configuration's own keys override those of ``inherit`` and ``gc``."""
    if builder.driver != drivers.CONTAINER:
        return dict(builder.buildkitd)
    base: dict[str, Any] = {}
    if builder.inherit:
        table = registries.mapping(facts.registries, builder.driver_options.get("network") == "host")
        base |= {"registry": table} if table else {}
    own = (builder.buildkitd.get("worker") or {}).get("oci") or {}
    if builder.gc == "sized" and not OWN_GC & own.keys() and knows_limits(builder):
        base["worker"] = {"oci": dict(GC)}
    return _over(base, builder.buildkitd)


def knows_limits(builder: Builder) -> bool:
    """Return whether an image's BuildKit knows the limits of ``GC``. A tag that is not a version counts as new."""
    number = version(drivers.image(builder.driver_options).partition("@")[0].rpartition(":")[2].removeprefix("v"))
    return number is None or number >= GC_SINCE


def share(size: int, percent: str) -> int:
    """Return a share of a disk as BuildKit calculates it.

    Returns:
        Gigabytes of 10^9 bytes. BuildKit counts whole units of 2^30 bytes, adds one, and treats each as 10^9 bytes.
    """
    return size * int(percent.rstrip("%")) // 100 // (1 << 30) + 1


def leaves(found: Mapping[str, Any]) -> dict[str, Value]:
    """Return every single value by its dotted path. Certificates are given by file name."""
    return dict(toml.leaves(_named(found)))


def said(host: Reader, text: bytes | None) -> Mapping[str, Value]:
    """Return the values in a text from buildx's store or from the container; empty if there is no text."""
    if text is None:
        return {}
    source = text.decode("utf-8", "replace")
    try:
        known = tolerant.mapping(host.read(remembered(host)))
    except ProvisionerError:
        known = {}
    found = known.get("leaves") if known.get("text") == source else None
    return found if isinstance(found, dict) else _parsed(source)


def remembered(host: Reader) -> str:
    """Return the file in which an apply stores what it has parsed."""
    return f"{host.state}/buildkitd.json"


def memory(text: bytes) -> str:
    """Return what an apply stores about a text, so that a check does not parse it again.

    Importing tomllib would take a tenth of the time of a check.
    """
    source = text.decode("utf-8", "replace")
    return plain_json.dumps({"text": source, "leaves": dict(_parsed(source))}) + "\n"


@functools.lru_cache
def _parsed(source: str) -> Mapping[str, Value]:
    try:
        return leaves(toml.read(source, NAME))
    except ConfigError as e:
        return {"": e.message}


def certificates(builder: Builder, facts: Facts) -> dict[str, str]:
    """Return the files that must be in /etc/buildkit/certs, each with the host's file to copy."""
    if builder.driver != drivers.CONTAINER or not builder.inherit:
        return {}
    table = registries.mapping(facts.registries, loopback=True)
    files: dict[str, str] = {}
    for registry, row in table.items():
        paths = [*row.get("ca", ()), *(p for pair in row.get("keypair", ()) for p in pair.values())]
        files |= {f"certs/{_folder(registry)}/{p.rpartition('/')[2]}": p for p in paths}
    return files


def _folder(registry: str) -> str:
    """Return the folder that buildx makes for a registry: every run of other characters becomes one ``_``."""
    made = ""
    for c in registry:
        kept = c.isascii() and (c.isalnum() or c in ".-")
        made += c if kept else "" if made.endswith("_") else "_"
    return made


def _over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two mappings. If both have a value, ``own`` overrides ``base``."""
    both = dict(base)
    for key, value in own.items():
        old = both.get(key)
        both[key] = _over(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return both


def _named(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mapping with the paths of certificates cut to their file names."""
    if not isinstance(table := found.get("registry"), Mapping):
        return dict(found)
    rows = {}
    for registry, row in table.items():
        known = isinstance(row, Mapping)  # a text written by a user may hold anything
        rows[registry] = {k: _cut(v) if k in PATHS else v for k, v in row.items()} if known else row
    return {**found, "registry": rows}


def _cut(found: Any) -> Any:
    """Cut paths to their file names, in nested lists and mappings."""
    if isinstance(found, list):
        return [_cut(entry) for entry in found]
    if isinstance(found, Mapping):
        return {k: _cut(v) for k, v in found.items()}
    return str(found).rpartition("/")[2]


def text(found: Mapping[str, Any]) -> str:
    """Return the text of the file that buildx gets."""
    return toml.write(found)
