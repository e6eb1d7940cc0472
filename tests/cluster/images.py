"""What the registries of a cluster's hosts serve beside the hosts' own images, as a layer."""

from pathlib import Path

from provisioner.platforms import binfmt
from provisioner.platforms import table as platforms
from tests.hosts import images, parts, recipes
from tests.hosts.cache import entry
from tests.hosts.registry import Storage

FLAGS = "POCF"
EMULATED = ("linux/arm64", "linux/riscv64", "linux/s390x")
# What the real image's own program does, which is not to be had as a module.
BINFMT = """\
#!/bin/busybox sh
table=/proc/sys/fs/binfmt_misc
[ -e $table/register ] || /bin/busybox mount -t binfmt_misc binfmt_misc $table
while read -r name line; do
  [ -e $table/$name ] || printf %s "$line" > $table/register
done <<'END'
"""


def layer() -> Path:
    """A folder for hosts that are nodes."""
    recipe = (recipes.PAUSE_IMAGE, recipes.BINFMT_IMAGE, _binfmt(), recipes.QEMU_SUITE, recipes.PROGRAMS)
    return entry("cluster-images", recipe, _build, parts.programs)


def _build(into: Path, programs: Path) -> None:
    storage = Storage(into / "var/lib/docker-registry")
    busybox = programs / "busybox-static/usr/bin/busybox"
    images.add(storage, recipes.PAUSE_IMAGE, {"bin/busybox": busybox}, ["/bin/busybox", "sleep", "infinity"])
    emulators = {f"usr/bin/{program.name}": program for program in (programs / "qemu-user/usr/bin").iterdir()}
    files: dict[str, Path | str] = {**emulators, "usr/bin/binfmt": _binfmt(), "bin/busybox": busybox}
    images.add(storage, recipes.BINFMT_IMAGE, files, ["/usr/bin/binfmt"])


def _binfmt() -> str:
    rows = (
        (p.emulator, binfmt.registration_line(p, f"/usr/bin/{p.emulator}", FLAGS)) for p in map(platforms.of, EMULATED)
    )
    return BINFMT + "".join(f"{name} {line}\n" for name, line in rows) + "END\n"
