"""Create the disks of a machine from the same trees as hosts."""

import platform
import subprocess
from functools import partial
from pathlib import Path

from tests.hosts import debian, layers, progress
from tests.hosts.cache import entry
from tests.hosts.images import ARCHITECTURES
from tests.hosts.recipes import ENGINES
from tests.machines import foreign, kernels, selinux
from tests.machines.recipes import CHANNEL, DATA, DATA_DISK, DATA_OPTIONS, DISK, Recipe

GUEST = Path(__file__).with_name("guest.py")
LAYERS = ("qemu",)
UNITS = "etc/systemd/system"

# $0: lower folders; $1: the kernel's modules; $2: the image. $PWD is scratch; its "upper" holds more files.
FILES = """\
mkdir -p work root
mount -t overlay overlay -o "lowerdir=$0,upperdir=upper,workdir=work" root
mkdir -p root/usr/lib/modules root/srv
cp -r "$1"/* root/usr/lib/modules/
rm -f root/etc/systemd/system/sysinit.target.wants/proc-sys-fs-binfmt_misc.mount
"""
IMAGE = f"""\
truncate -s {DISK} "$2"
/usr/sbin/mke2fs -q -t ext4 -E lazy_itable_init=1,discard -d root "$2"
"""
FORMAT = {
    "xfs": ("/usr/sbin/mkfs.xfs", "-q"),
    "btrfs": ("/usr/bin/mkfs.btrfs", "-q"),
}


def disks(name: str, recipe: Recipe) -> Path:
    """Return a folder with ``disk.img``, and with ``data.img`` if the machine has a second disk."""
    made = _script(recipe)
    content = (recipe, GUEST.read_text(), CHANNEL, DATA, DATA_OPTIONS, made, FORMAT, DISK, DATA_DISK, LAYERS)
    needs = (partial(kernels.kernel, recipe.kernel, recipe.architecture),)
    lowers = _lowers(recipe)
    return entry(f"disk-{name}", (content, lowers), partial(_build, recipe, lowers), *needs)


def _script(recipe: Recipe) -> str:
    return FILES + (selinux.LABEL if recipe.selinux else "") + IMAGE


def _lowers(recipe: Recipe) -> tuple[Path, ...]:
    """Return the folders that form a machine's root. Another CPU has no registry and so no image to pull."""
    if ARCHITECTURES[platform.machine()] == recipe.architecture:
        more = selinux.layers(ENGINES[recipe.engine].tree) if recipe.selinux else ()
        return layers.lowers(recipe.engine, (*more, *LAYERS))
    suite = ENGINES[recipe.engine].tree
    return foreign.emulators(suite, recipe.architecture), foreign.tree(suite, recipe.architecture)


def _build(recipe: Recipe, lowers: tuple[Path, ...], into: Path, kernel: Path) -> None:
    scratch = into.parent / "scratch"
    _furnish(scratch / "upper", recipe)
    script = (
        "/bin/sh",
        "-ec",
        _script(recipe),
        ":".join(map(str, lowers)),
        str(kernel / "modules"),
        str(into / "disk.img"),
    )
    progress.run("disk", (*debian.CONTAINED, *script), into.parent / "log", cwd=scratch)
    if recipe.data:
        image = into / "data.img"
        subprocess.run(("/usr/bin/truncate", "-s", DATA_DISK, image), check=True)
        progress.run("disk", (*FORMAT[recipe.data], str(image)), into.parent / "log")


def _furnish(upper: Path, recipe: Recipe) -> None:
    """Add what a machine has but a host does not."""
    files = {
        "etc/fstab": f"/dev/vda / ext4 {recipe.options} 0 0\n",
        "etc/hostname": "machine\n",
        "etc/machine-id": "",
        "usr/local/sbin/machine-channel": GUEST.read_text(),
        f"{UNITS}/machine-channel.service": CHANNEL,
    }
    if recipe.data:
        files[f"{UNITS}/machine-data.service"] = DATA.format(data=recipe.data, options=DATA_OPTIONS[recipe.data])
    for path, text in files.items():
        (upper / path).parent.mkdir(parents=True, exist_ok=True)
        (upper / path).write_text(text)
    wants = upper / UNITS / "sysinit.target.wants"
    wants.mkdir()
    for unit in (path.name for path in (upper / UNITS).glob("machine-*.service")):
        (wants / unit).symlink_to(f"../{unit}")
