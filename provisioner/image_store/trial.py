"""Test the image store: create an image of our own in it and run it, without a registry or a builder.

Engines 24 to 28 start with a store that fails every run, and report it as if it worked. A snapshotter that containerd
has not loaded is one cause. Leftovers of a killed test have the name and the label of ``own_image``, so the next
clean-up removes them.
"""

import io
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from provisioner.engine import api, own_image
from provisioner.errors import CommandError, ProvisionerError
from provisioner.model import Reader
from provisioner.platforms import elf, table
from provisioner.steps import Say, Step

if TYPE_CHECKING:
    from provisioner.host import System

TAG = "trial"


@dataclass(frozen=True, slots=True)
class TryStore(Step):
    """Create an image of our test program in the active store, run it, check its output, and remove the image.

    Raises: ProvisionerError if the store does not work. The inverse step cleans up.
    """

    socket: str
    platform: str
    within: str = ""

    def do(self, system: "System", say: Say) -> None:
        own_image.clean(system, self.socket)
        _make(system, self.socket, self.platform)
        ran = own_image.run(system, self.socket, f"{own_image.IMAGE}:{TAG}", self.platform, self.within)
        if not ran.runs:
            raise _failed(ran.error)
        own_image.clean(system, self.socket)

    def inverse(self, host: Reader) -> tuple[Step, ...]:
        return (ClearTrial(self.socket),)

    def sentence(self) -> str:
        return "run an image of our own in the store"


@dataclass(frozen=True, slots=True)
class ClearTrial(Step):
    """Remove from the engine what an interrupted test has left."""

    socket: str

    def do(self, system: "System", say: Say) -> None:
        own_image.clean(system, self.socket)

    def sentence(self) -> str:
        return "take away the image that was tried"


def _make(system: "System", socket: str, platform: str) -> None:
    changes = "".join(f"&changes={quote(line)}" for line in ('ENTRYPOINT ["/probe"]', f"LABEL {own_image.LABEL}=1"))
    into = f"repo={own_image.IMAGE}&tag={TAG}&platform={quote(platform, safe='')}"
    rootfs = _rootfs(elf.program(table.of(platform).architecture))
    try:
        answer = system.post(socket, f"/images/create?fromSrc=-&{into}{changes}", rootfs, kind="application/x-tar")
    except CommandError as e:
        raise _failed(e.message) from None
    if reason := api.failure(answer):
        raise _failed(reason)


def _rootfs(program: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo("probe")
        info.size, info.mode = len(program), 0o755
        tar.addfile(info, io.BytesIO(program))
    return buffer.getvalue()


def _failed(words: str) -> ProvisionerError:
    hint = "is its snapshotter there? ctr plugins ls; see /etc/containerd/config.toml"
    return ProvisionerError(f"the engine came up, but runs nothing in containerd's store: {words}", hint=hint)
