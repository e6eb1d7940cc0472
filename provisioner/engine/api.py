"""The version of the engine's API that we ask for. An unversioned path gets the newest, whose answers change."""

from provisioner.engine.info import Engine

WANTED, SINCE = "/v1.44", (25,)  # the oldest that Engine 29 still speaks, and the first engine that speaks it


def prefix(found: Engine) -> str:
    """What stands before a path; empty for an engine that is older, or does not say how old it is."""
    return WANTED if found.version is not None and found.version >= SINCE else ""
