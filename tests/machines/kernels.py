"""Kernels of Debian suites, each with an initial root file system that loads the modules for the real one."""

import gzip
import lzma
import re
from functools import partial
from pathlib import Path

from tests.hosts import debian, parts, progress
from tests.hosts.cache import entry
from tests.machines.recipes import INIT, KERNEL, MODULES

BUSYBOX = {"busybox-static": ("usr/bin/busybox",)}
TREE_OF_BUSYBOX = "trixie"
# The packages that contain the image and the modules of each suite, by architecture.
PACKAGES: dict[str, dict[str, tuple[str, ...]]] = {
    "bookworm": {"linux-image-{}": ("boot", "lib/modules")},
    "trixie": {"linux-image-{}": ("boot", "usr/lib/modules")},
    "forky": {"linux-binary-{}": ("usr/lib/modules",), "linux-modules-{}": ("usr/lib/modules",)},
}


def kernel(suite: str, architecture: str) -> Path:
    """Return a folder with ``vmlinuz``, ``initrd`` and ``modules``, a folder named after the kernel's version."""
    recipe = (KERNEL, MODULES, INIT, PACKAGES[suite], TREE_OF_BUSYBOX)
    needs = (partial(parts.tree, suite), partial(busybox, architecture))
    return entry(f"kernel-{suite}-{architecture}", recipe, partial(_build, suite, architecture), *needs)


def busybox(architecture: str) -> Path:
    """Return a static busybox."""
    build = partial(debian.fetch, BUSYBOX, architecture=architecture)
    tree = partial(parts.tree, TREE_OF_BUSYBOX)
    return entry(f"busybox-{architecture}", (BUSYBOX, TREE_OF_BUSYBOX), build, tree) / "busybox-static/usr/bin/busybox"


def _build(suite: str, architecture: str, into: Path, tree: Path, busybox: Path) -> None:
    newest = KERNEL.format(architecture)
    debian.fetch(PACKAGES[suite], into, tree, architecture=architecture, newest=newest)
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
    (into / "initrd").write_bytes(gzip.compress(_initrd(into / "modules" / version, busybox), compresslevel=1))


def _initrd(modules: Path, busybox: Path) -> bytes:
    order = _order((modules / "modules.dep").read_text())
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


def _order(dependencies: str) -> list[str]:
    """Return the files of MODULES and their dependencies, dependencies first. Built-in modules have no file."""
    table = {name: needs.split() for name, _, needs in (line.partition(":") for line in dependencies.splitlines())}
    by_name = {re.sub(r"\.ko(\.xz)?$", "", Path(name).name).replace("-", "_"): name for name in table}
    order: list[str] = []
    for module in MODULES:
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
