"""Start QEMU with KVM if this computer's KVM can run such a kernel, otherwise with translation (TCG)."""

import functools
import os
import platform
import select
import subprocess
from pathlib import Path

from tests.hosts.images import ARCHITECTURES
from tests.machines import selinux
from tests.machines.recipes import BOARDS, CPUS, MEMORY, Recipe

KVM = Path("/dev/kvm")
ALIVE = b"probing"  # printed by an initial root from its kernel's command line
CARD = "card"  # the network device's name in the monitor
PATIENCE = 8.0  # seconds; a kernel under KVM boots in one

# Kills QEMU when the test run is killed.
WITH_PARENT = ("/usr/bin/setpriv", "--pdeathsig=KILL")


def argv(recipe: Recipe, kernel: Path, folder: Path, disks: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command line of a machine. ``disks`` are QEMU's block devices, named disk0 and so on."""
    board = BOARDS[recipe.architecture]
    append = f"root=/dev/vda rootflags={recipe.options} rw console={board.console} quiet mitigations=off"
    append += f" {selinux.KERNEL if recipe.selinux else 'audit=0'}"
    devices = (
        part
        for number, disk in enumerate(disks)
        for part in ("-blockdev", disk, "-device", f"virtio-blk-pci,drive=disk{number},id=vd{number},write-cache=on")
    )
    return (
        *(*WITH_PARENT, f"/usr/bin/{board.program}", *_processor(recipe, kernel)),
        *("-smp", str(CPUS), "-m", str(MEMORY), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-kernel", str(kernel / "vmlinuz"), "-initrd", str(kernel / "initrd"), "-append", append),
        *("-chardev", f"file,id=console,path={folder}/console,append=on", "-serial", "chardev:console"),
        *("-device", "virtio-serial-pci", "-chardev", f"socket,id=channel,path={folder}/channel,server=on,wait=off"),
        *("-device", "virtserialport,chardev=channel,name=channel,id=port"),
        *("-qmp", f"unix:{folder}/monitor,server=on,wait=off", "-device", "virtio-rng-pci"),
        *devices,
    )


def network(tap: str) -> tuple[str, ...]:
    """Return the part of a command line that gives a machine a network device. QEMU makes and removes the other end."""
    device = f"virtio-net-pci,id={CARD},netdev=lan,romfile="
    return ("-netdev", f"tap,id=lan,ifname={tap},script=no,downscript=no", "-device", device)


def version(recipe: Recipe, kernel: Path) -> tuple[str, ...]:
    """Return what a saved machine depends on: QEMU's version, and the processor on which it was saved."""
    program = f"/usr/bin/{BOARDS[recipe.architecture].program}"
    said = subprocess.run((program, "--version"), capture_output=True, text=True, check=True).stdout
    return (said.splitlines()[0], *_processor(recipe, kernel))


def _processor(recipe: Recipe, kernel: Path) -> tuple[str, ...]:
    board = BOARDS[recipe.architecture]
    if not recipe.cpu and accelerated(recipe.architecture, kernel):
        return ("-machine", f"{board.machine},accel=kvm", "-cpu", "host")
    return ("-machine", board.machine, "-accel", "tcg,thread=multi,tb-size=512", "-cpu", recipe.cpu or board.cpu)


@functools.cache
def accelerated(architecture: str, kernel: Path) -> bool:
    """Whether KVM can run a machine's kernel here. Some kinds of KVM run only kernels that were built for them."""
    if ARCHITECTURES[platform.machine()] != architecture or not os.access(KVM, os.R_OK | os.W_OK):
        return False
    board = BOARDS[architecture]
    said = f"console={board.console} {ALIVE.decode()}"
    probe = subprocess.Popen(
        (
            *(*WITH_PARENT, f"/usr/bin/{board.program}", "-machine", f"{board.machine},accel=kvm", "-cpu", "host"),
            *("-m", "512", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"),
            *("-kernel", str(kernel / "vmlinuz"), "-initrd", str(kernel / "initrd"), "-append", said),
        ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert probe.stdout is not None
    with probe:
        output = b""
        while select.select([probe.stdout], [], [], PATIENCE)[0] and (data := os.read(probe.stdout.fileno(), 1 << 16)):
            output += data
            if ALIVE in output:
                break
        probe.kill()
    return ALIVE in output
