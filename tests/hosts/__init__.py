"""Real Docker hosts for tests and the demo: disposable Debian systems with an engine that boot in about a second."""

import os

from tests.hosts.booting import boot
from tests.hosts.errors import HostError, LackError
from tests.hosts.host import Host, Result

__all__ = ["Host", "HostError", "LackError", "Result", "boot"]

os.umask(0o022)  # every user of a host must be able to read the folders of a layer
