"""The effects of a switch of the image store, besides hiding images and containers.

Sources: docker/cli#5526 and docker/compose#14036 for image IDs; moby's GET /system/df for the cache.
"""

from collections.abc import Iterator

from provisioner.engine import api
from provisioner.engine.facts import Facts
from provisioner.errors import NoEngineError
from provisioner.model import Reader
from provisioner.text.sizes import human

IDENTIFIERS = (
    "image IDs become digests of indexes: what compares them, docker compose for one, makes its containers again"
)


def notes(host: Reader, facts: Facts) -> Iterator[str]:
    """Yield a sentence for each effect."""
    yield IDENTIFIERS
    if size := _cache(host, facts):
        yield f"the build cache of docker build ({human(size)}) goes out of sight; the builder has a cache of its own"


def _cache(host: Reader, facts: Facts) -> int:
    """Return the bytes of the engine's own build cache. 0 means that it is empty or unknown."""
    try:
        said = host.get(facts.socket, f"{api.prefix(facts.engine)}/system/df?type=build-cache") or {}
        return sum(int(record.get("Size") or 0) for record in said.get("BuildCache") or ())
    except (NoEngineError, ValueError, TypeError, AttributeError):
        return 0
