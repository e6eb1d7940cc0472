"""Kernels of Debian, each with an initial root file system that loads the modules for the real one."""

import gzip
import lzma
import re
from functools import partial
from pathlib import Path

from tests.hosts import debian, parts, progress
from tests.hosts.cache import entry
from tests.machines.recipes import INIT, KERNELS, Kernel

BUSYBOX = {"bookworm": "bin/busybox", "trixie": "usr/bin/busybox"}  # in the package, by suite
TREE_OF_BUSYBOX = "trixie"
# The packages that contain the image and the modules of each suite, by architecture.
PACKAGES: dict[str, dict[str, tuple[str, ...]]] = {
    "bookworm": {"linux-image-{}": ("boot", "lib/modules")},
    "trixie": {"linux-image-{}": ("boot", "usr/lib/modules")},
    "forky": {"linux-binary-{}": ("usr/lib/modules",), "linux-modules-{}": ("usr/lib/modules",)},
}


def kernel(name: str, architecture: str) -> Path:
    """Return a folder with ``vmlinuz``, ``initrd`` and ``modules``, a folder named after the kernel's version.

    ``name`` is a name in recipes.KERNELS.
    """
    wanted = KERNELS[name]
    recipe = (wanted.newest, wanted.modules, INIT, PACKAGES[wanted.suite], TREE_OF_BUSYBOX)
    needs = (partial(parts.tree, wanted.suite), partial(busybox, architecture))
    return entry(f"kernel-{name}-{architecture}", recipe, partial(_build, wanted, architecture), *needs)


def busybox(architecture: str, suite: str = TREE_OF_BUSYBOX) -> Path:
    """Return a static busybox."""
    wanted = {"busybox-static": (BUSYBOX[suite],)}
    build = partial(debian.fetch, wanted, architecture=architecture)
    folder = entry(f"busybox-{suite}-{architecture}", wanted, build, partial(parts.tree, suite))
    return folder / "busybox-static" / BUSYBOX[suite]


def _build(wanted: Kernel, architecture: str, into: Path, tree: Path, busybox: Path) -> None:
    newest = wanted.newest.format(architecture)
    debian.fetch(PACKAGES[wanted.suite], into, tree, architecture=architecture, newest=newest)
    [image] = [*into.glob("*/boot/vmlinuz-*"), *into.glob("*/usr/lib/modules/*/vmlinuz")]
    image.rename(into / "vmlinuz")
    [modules] = [found.parents[1] for found in into.glob("*/**/modules/*/kernel")]
    [version] = (found.name for found in modules.iterdir())
    base = modules.parents[1 if modules.parents[1].name != "usr" else 2]
    if not (base / "lib").exists():  # depmod looks there
        (base / "lib").symlink_to("usr/lib")
    progress.run("depmod", ("/sbin/depmod", "--basedir", str(base), version), into.parent / "log")
    (into / "modules").mkdir()
    (modules / version).rename(into / "modules" / version)
    initrd = _initrd(into / "modules" / version, wanted.modules, busybox)
    (into / "initrd").write_bytes(gzip.compress(initrd, compresslevel=1))


def _initrd(modules: Path, wanted: tuple[str, ...], busybox: Path) -> bytes:
    order = _order((modules / "modules.dep").read_text(), wanted)
    files = [
        ("init", 0o100755, INIT.encode()),
        ("modules", 0o100644, "\n".join(Path(name).name.removesuffix(".xz") for name in order).encode()),
        ("bin/busybox", 0o100755, busybox.read_bytes()),
    ]
    for name in order:
        content = (modules / name).read_bytes()
        plain = lzma.decompress(content) if name.endswith(".xz") else content
        files.append((f"lib/{Path(name).name.removesuffix('.xz')}", 0o100644, plain))
    folders = [(name, 0o040755, b"") for name in ("bin", "lib", "dev", "proc", "root")]
    return b"".join(_member(*file) for file in (*folders, *files, ("TRAILER!!!", 0, b"")))


def _order(dependencies: str, wanted: tuple[str, ...]) -> list[str]:
    """Return the files of modules and their dependencies, dependencies first. Built-in modules have no file."""
    table = {name: needs.split() for name, _, needs in (line.partition(":") for line in dependencies.splitlines())}
    by_name = {re.sub(r"\.ko(\.xz)?$", "", Path(name).name).replace("-", "_"): name for name in table}
    order: list[str] = []
    for module in wanted:
        if name := by_name.get(module):
            order += [need for need in (*reversed(table[name]), name) if need not in order]
    return order


def _member(name: str, mode: int, content: bytes) -> bytes:
    """Return one file in cpio's "newc" format."""
    links = 2 if mode & 0o040000 else 1
    numbers = (0, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + name.encode() + b"\0"
    return _padded(head) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
