"""The effects of a switch of the image store, besides hiding images and containers.

Sources: docker/cli#5526 and docker/compose#14036 for image IDs; moby's GET /system/df for the cache.
"""

from collections.abc import Iterator

from provisioner.engine import api, settings
from provisioner.engine.facts import Facts
from provisioner.errors import NoEngineError
from provisioner.model import Reader
from provisioner.text import command_line, tolerant
from provisioner.text.sizes import human

AGAIN = "what compares them, docker compose for one, makes its containers again"
IDENTIFIERS = f"image IDs become digests of indexes: {AGAIN}"
BACK = f"image IDs become digests of configurations again: {AGAIN}"


def notes(host: Reader, facts: Facts) -> Iterator[str]:
    """Yield a sentence for each effect of a switch to containerd's store, or back from it."""
    yield BACK if facts.engine.containerd else IDENTIFIERS
    flags = command_line.values(facts.flags, "--storage-opt")
    options = (*tolerant.strings(settings.every(host, facts).get("storage-opts")), *flags)
    if options and not facts.engine.containerd:
        what = f"the storage-opts {' '.join(options)} are for the other store's driver"
        yield f"{what}: containers have no quota by them in containerd's store, which reads none"
    if size := _cache(host, facts):
        yield f"the build cache of docker build ({human(size)}) goes out of sight; the builder has a cache of its own"


def _cache(host: Reader, facts: Facts) -> int:
    """Return the bytes of the engine's own build cache. 0 means that it is empty or unknown."""
    try:
        said = host.get(facts.socket, f"{api.prefix(facts.engine)}/system/df?type=build-cache") or {}
        return sum(int(record.get("Size") or 0) for record in said.get("BuildCache") or ())
    except (NoEngineError, ValueError, TypeError, AttributeError):
        return 0
