"""Virtual machines for tests: a kernel, disks and a CPU of their own, with the same face as tests.hosts."""

from tests.machines.booting import boot
from tests.machines.machine import Machine

__all__ = ["Machine", "boot"]
