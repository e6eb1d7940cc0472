"""Virtual machines for tests, with their own kernel, disks and CPU, and the same interface as tests.hosts."""

from tests.machines.booting import boot
from tests.machines.machine import Machine

__all__ = ["Machine", "boot"]
