"""The image store, tried: an image of our own is made in it and run, with no registry and no builder.

Engines 24 to 28 start with a store that fails every run, and report it as if it worked: a snapshotter that containerd
did not load, for one. What a trial leaves when it is killed has a proof's names, and goes with the next of either.
"""

import io
import tarfile
from urllib.parse import quote

from provisioner.errors import CommandError, ProvisionerError
from provisioner.host import System
from provisioner.platforms import elf, table
from provisioner.proof import local
from provisioner.steps import TryStore

TAG = "trial"


def run(system: System, step: TryStore) -> None:
    """Make the image, run it, take it away. ProvisionerError: the store does not work; the inverse clears up."""
    local.clean(system, step.socket)
    _make(system, step)
    row = local.run(system, step.socket, f"{local.IMAGE}:{TAG}", step.platform, step.within)
    if not row.runs:
        raise _failed(row.error)
    local.clean(system, step.socket)


def _make(system: System, step: TryStore) -> None:
    changes = "".join(f"&changes={quote(line)}" for line in ('ENTRYPOINT ["/probe"]', f"LABEL {local.LABEL}=1"))
    into = f"repo={local.IMAGE}&tag={TAG}&platform={quote(step.platform, safe='')}"
    rootfs = _rootfs(elf.program(table.of(step.platform).architecture))
    try:
        answer = system.post(step.socket, f"/images/create?fromSrc=-&{into}{changes}", rootfs, kind="application/x-tar")
    except CommandError as e:
        raise _failed(e.message) from None
    if isinstance(answer, dict) and "error" in answer:
        raise _failed(str(answer["error"]))


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
