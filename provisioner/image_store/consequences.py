"""What a switch of the image store changes beside the images and containers that it hides.

Source: docker/cli#5526 and docker/compose#14036 for the identifiers; moby's GET /system/df for the cache.
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
    """A sentence for each."""
    yield IDENTIFIERS
    if size := _cache(host, facts):
        yield f"the build cache of docker build ({human(size)}) goes out of sight; the builder has a cache of its own"


def _cache(host: Reader, facts: Facts) -> int:
    """The bytes of the engine's own build cache; 0: there is none, or the engine does not say."""
    try:
        said = host.get(facts.socket, f"{api.prefix(facts.engine)}/system/df?type=build-cache") or {}
        return sum(int(record.get("Size") or 0) for record in said.get("BuildCache") or ())
    except (NoEngineError, ValueError, TypeError, AttributeError):
        return 0
