"""buildkitd.toml: what the configuration asks for, and what a text of it says, in a form that can be compared.

buildx writes the file anew when it takes it, and moves certificates to /etc/buildkit/certs/<registry>. So the leaves
are compared, not the bytes, and of a certificate's path only the last part counts.
"""

import functools
import json
from collections.abc import Mapping

from provisioner.config import drivers
from provisioner.config.desired import Builder
from provisioner.engine import registries
from provisioner.engine.facts import Facts
from provisioner.engine.info import version
from provisioner.errors import ConfigError, DeniedError
from provisioner.model import Reader, Value
from provisioner.text import toml
from provisioner.typed import Any

NAME = "buildkitd.toml"
INSIDE = f"/etc/buildkit/{NAME}"
# Of the disk that holds the state volume. BuildKit's own: at most four fifths or 100 GB, whichever is less.
GC = {"reservedSpace": "10%", "maxUsedSpace": "60%", "minFreeSpace": "20%"}
GC_SINCE = (0, 17)  # moby/buildkit 5079; before, gckeepstorage is what a cache never shrinks below
CAP = GC["maxUsedSpace"]
PATHS = frozenset(("ca", "keypair"))  # of a registry's row, what holds certificates' paths
OWN_GC = frozenset((*GC, "gc", "gckeepstorage", "gcpolicy"))  # who says one of these decides about all


def wanted(builder: Builder, facts: Facts) -> dict[str, Any]:
    """buildkitd.toml as a mapping: the configuration's own keys over those of ``inherit`` and ``gc``."""
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
    """Whether the BuildKit of an image knows the limits of ``GC``; one whose tag is no version is taken for new."""
    number = version(drivers.image(builder.driver_options).partition("@")[0].rpartition(":")[2].removeprefix("v"))
    return number is None or number >= GC_SINCE


def share(size: int, percent: str) -> int:
    """The gigabytes that BuildKit makes of a share of a disk: whole 2^30 bytes and one more, each taken as 10^9."""
    return size * int(percent.rstrip("%")) // 100 // (1 << 30) + 1


def leaves(found: Mapping[str, Any]) -> dict[str, Value]:
    """Every leaf by its dotted path, certificates by their file's name."""
    return dict(toml.leaves(_named(found)))


def said(host: Reader, text: bytes | None) -> Mapping[str, Value]:
    """The leaves of a text that buildx keeps, or that lies in the container; none where there is no text."""
    if text is None:
        return {}
    source = text.decode("utf-8", "replace")
    try:
        known = json.loads(host.read(remembered(host)) or "{}")
    except (DeniedError, ValueError):
        known = {}
    found: Mapping[str, Value] = known["leaves"] if known.get("text") == source else _parsed(source)
    return found


def remembered(host: Reader) -> str:
    """The file of what an apply has parsed."""
    return f"{host.state}/buildkitd.json"


def memory(text: bytes) -> str:
    """What an apply remembers of a text, so that a check need not parse it: tomllib is a tenth of a check."""
    source = text.decode("utf-8", "replace")
    return json.dumps({"text": source, "leaves": dict(_parsed(source))}) + "\n"


@functools.lru_cache
def _parsed(source: str) -> Mapping[str, Value]:
    try:
        return leaves(toml.read(source, NAME))
    except ConfigError as e:
        return {"": e.message}


def certificates(builder: Builder, facts: Facts) -> dict[str, str]:
    """What is to lie in /etc/buildkit/certs, each with the host's file that it is a copy of."""
    if builder.driver != drivers.CONTAINER or not builder.inherit:
        return {}
    table = registries.mapping(facts.registries, loopback=True)
    files: dict[str, str] = {}
    for registry, row in table.items():
        paths = [*row.get("ca", ()), *(p for pair in row.get("keypair", ()) for p in pair.values())]
        files |= {f"certs/{_folder(registry)}/{p.rpartition('/')[2]}": p for p in paths}
    return files


def _folder(registry: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in ".-") else "_" for c in registry)


def _over(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Two mappings as one; where both say something, ``own`` counts."""
    both = dict(base)
    for key, value in own.items():
        old = both.get(key)
        both[key] = _over(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return both


def _named(found: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping with the paths of certificates cut to their last part."""
    if not isinstance(table := found.get("registry"), Mapping):
        return dict(found)
    rows = {}
    for registry, row in table.items():
        known = isinstance(row, Mapping)  # somebody's own text may hold anything
        rows[registry] = {k: _cut(v) if k in PATHS else v for k, v in row.items()} if known else row
    return {**found, "registry": rows}


def _cut(found: Any) -> Any:
    """Paths, in whatever lists and mappings, cut to their last part."""
    if isinstance(found, list):
        return [_cut(entry) for entry in found]
    if isinstance(found, Mapping):
        return {k: _cut(v) for k, v in found.items()}
    return str(found).rpartition("/")[2]


def text(found: Mapping[str, Any]) -> str:
    """The file that buildx is given."""
    return toml.write(found)
