"""The version of the engine's API that we request. Without a version, an engine uses its newest API."""

from provisioner.engine.info import Engine

WANTED, SINCE = "/v1.44", (25,)  # the oldest API that Engine 29 still supports, and the first engine that supports it


def prefix(found: Engine) -> str:
    """Return the prefix of an API path. It is empty if the engine is older or does not report its version."""
    return WANTED if found.version is not None and found.version >= SINCE else ""
