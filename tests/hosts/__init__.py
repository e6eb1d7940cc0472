"""Real Docker hosts for tests and for the demo: throw-away Debians with an engine, booted in about a second."""

from tests.hosts.booting import boot
from tests.hosts.errors import HostError, LackError
from tests.hosts.host import Host, Result

__all__ = ["Host", "HostError", "LackError", "Result", "boot"]
