"""The parts of each machine: kernels, trees, file systems. Only data; see tests/hosts/recipes.py."""

from dataclasses import dataclass, field

PACKAGES = ("qemu-system-x86", "qemu-system-arm", "qemu-utils", "e2fsprogs", "xfsprogs", "btrfs-progs")

MEMORY = 2048  # MiB
CPUS = 2
DISK = "8G"
DATA_DISK = "4G"

# For the root file system, the disk and the channel, in loading order. Dependencies come first.
MODULES = ("virtio_pci", "virtio_mmio", "virtio_blk", "virtio_console", "ext4")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A machine under the name that tests use. ``data`` is the file system of a second disk for data roots."""

    engine: str  # a name in tests.hosts.recipes.ENGINES: the tree and the layers above it
    kernel: str  # a name in KERNELS
    architecture: str = "amd64"
    data: str = ""
    options: str = "noauto_da_alloc"  # of the root: disables ext4's own help for programs that forget to sync
    cpu: str = field(default="", repr=False)  # QEMU's name, if not the board's; a disk does not depend on it
    selinux: bool = field(default=False, repr=False)  # a disk depends on its layers and its script


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel of a suite under the name that machines use."""

    suite: str
    newest: str = "linux-image-cloud-{}"  # the package that depends on its newest version; {} is the architecture
    modules: tuple[str, ...] = MODULES


@dataclass(frozen=True, slots=True)
class Board:
    """How QEMU emulates an architecture."""

    program: str
    machine: str
    cpu: str  # without KVM
    console: str


MACHINES = {
    "bookworm": Recipe("forky", "bookworm"),  # bookworm's kernel only; its engine is older than the store
    "trixie": Recipe("trixie", "trixie"),
    "forky": Recipe("forky", "forky", data="xfs"),
    "btrfs": Recipe("forky", "forky", data="btrfs"),
    "selinux": Recipe("trixie", "trixie", selinux=True),
    "arm64": Recipe("trixie", "trixie", "arm64"),
    "arm64-only": Recipe("trixie", "trixie", "arm64", cpu="a64fx"),  # without a 32-bit mode
    "arm64-16k": Recipe("trixie", "trixie-16k", "arm64", cpu="cortex-a76"),  # pages and CPU of a Raspberry Pi 5
}

KERNELS = {
    "bookworm": Kernel("bookworm"),
    "trixie": Kernel("trixie"),
    "trixie-16k": Kernel("trixie", "linux-image-{}-16k", ("crc32c_generic", *MODULES)),  # pages of 16 KB; for arm64
    "forky": Kernel("forky"),
}

EVERY_RUN = ("trixie",)  # the machines that every test run starts

BOARDS = {
    "amd64": Board("qemu-system-x86_64", "q35", "max", "ttyS0"),
    "arm64": Board("qemu-system-aarch64", "virt,gic-version=3", "max,pauth-impdef=on", "ttyAMA0"),
}


@dataclass(frozen=True, slots=True)
class Cpu:
    """How to run another CPU's programs while its tree is created: QEMU's name for it, and the kernel's line."""

    name: str
    line: str


_ELF = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
_MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
CPUS_OF = {"arm64": Cpu("aarch64", f":other:M::{_ELF}:{_MASK}:{{}}:OCF")}

INIT = """\
#!/bin/busybox sh
export PATH=/bin
busybox mount -t devtmpfs devtmpfs /dev
busybox mount -t proc proc /proc
for module in $(busybox cat /modules); do busybox insmod "/lib/$module"; done
busybox cat /proc/cmdline
until [ -b /dev/vda ]; do busybox sleep .1; done
options=$(busybox sed -n 's/.*rootflags=\\([^ ]*\\).*/\\1/p' /proc/cmdline)
busybox mount -t ext4 -o "rw,$options" /dev/vda /root
busybox umount /proc
busybox mount --move /dev /root/dev
exec busybox switch_root /root /sbin/init
"""

# Nothing finds the second disk without udev. This unit mounts it before the units that need it.
DATA = """\
[Unit]
Description=The disk of the engine's data
DefaultDependencies=no
After=local-fs.target
Before=docker.service containerd.service docker.socket
ConditionPathExists=/dev/vdb

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/mount -t {data} -o {options} /dev/vdb /srv
ExecStart=/bin/mkdir -p /srv/docker /srv/containerd
ExecStart=/bin/mount --bind /srv/docker /var/lib/docker
ExecStart=/bin/mount --bind /srv/containerd /var/lib/containerd

[Install]
WantedBy=sysinit.target
"""
DATA_OPTIONS = {"xfs": "prjquota", "btrfs": "defaults"}

CHANNEL = """\
[Unit]
Description=Commands from outside
DefaultDependencies=no
After=local-fs.target systemd-journald.socket
Conflicts=shutdown.target

[Service]
ExecStart=/usr/bin/python3 -IS /usr/local/sbin/machine-channel
Restart=always
RestartSec=1
OOMScoreAdjust=-900
TasksMax=infinity
KillMode=process

[Install]
WantedBy=sysinit.target
"""
