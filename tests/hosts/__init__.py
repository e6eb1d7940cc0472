"""Real Docker hosts for tests and for the demo: throw-away Debians with an engine, booted in about a second."""

import os

from tests.hosts.booting import boot
from tests.hosts.errors import HostError, LackError
from tests.hosts.host import Host, Result

__all__ = ["Host", "HostError", "LackError", "Result", "boot"]

os.umask(0o022)  # the folders of a layer are those of a host, open to every user there
