"""The states of an emulator. Each one is made for real and reported by a check; an apply fixes it or is blocked.

The tests run in a private host (tests/helpers/private.py), with no engine, no privileges and its own table.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from provisioner.emulators import boot
from provisioner.platforms import binfmt, table
from tests.helpers.private import TABLE, PrivateHost, private_host
from tests.platforms.test_probes_run import qemu

ROW = table.of("riscv64")  # foreign to every machine that tests run on
OTHER = table.of("s390x")
QEMU, ENTRY = "/opt/qemu/qemu-riscv64", "qemu-riscv64"
CONFIGURATION = "platforms: [riscv64]\nemulators: {{source: directory, directory: /opt/qemu{more}}}\n"
NEIGHBOURS = (
    ":WSLInterop:M::MZ::/usr/bin/true:PF",
    ":python3:M::\\x2b\\x0e\\x0d\\x0a::/usr/bin/true:",
    ":jar:E::jar::/usr/bin/true:",
    ":llvm:M::BC::/usr/bin/true:",
)
SCRIPT = "#!/bin/sh\n{line}\n"
NAIVE = f'exec {QEMU} "$@"'  # does not know the P flag
PATCHED = f'program=$1; name=$2; shift 2; exec {QEMU} -0 "$name" "$program" "$@"'  # requires the P flag


@pytest.fixture(scope="module")
def ground() -> Iterator[PrivateHost]:
    """Yield one private host for all tests. OpenRC boots it, and its service binfmt reads binfmt.d."""
    try:
        with private_host((qemu(ROW), qemu(OTHER))) as host:
            host.sh(
                "mkdir -p /run/openrc /etc/runlevels/boot; touch /etc/runlevels/boot/binfmt; cp -r /opt/qemu /opt/kept"
            )
            yield host
    except OSError as e:
        pytest.skip(str(e))


@pytest.fixture
def host(ground: PrivateHost) -> PrivateHost:
    """Return the private host with other entries in its table and none of ours."""
    ground.sh(
        f"mountpoint -q {TABLE} || mount -t binfmt_misc binfmt_misc {TABLE}; echo 1 >{TABLE}/status;"
        f"echo -1 >{TABLE}/status; rm -rf /etc/binfmt.d/* /opt/qemu /var/lib/provisioner; cp -r /opt/kept /opt/qemu;"
        f'for line; do printf %s "$line" >{TABLE}/register; done',
        *NEIGHBOURS,
    )
    ground.configure(CONFIGURATION.format(more=""))
    return ground


def found(host: PrivateHost, *args: str) -> dict[str, object]:
    """Return each key that differs in a check, with its observed value."""
    status, document, said = host.agent("check", "--only=emulators", *args)
    assert status in (0, 2), said
    return {d["key"].removeprefix(ROW.name).strip() or "now": d["have"] for d in document["differences"]}


def theirs(host: PrivateHost) -> str:
    """Return all entries but the one that an apply changes."""
    return "".join(part for part in host.entries().split("[") if not part.startswith(f"{ENTRY}]"))


class State(NamedTuple):
    """How to make the state, what a check reports now, and whether an apply fixes it without ``replace``."""

    make: Callable[[PrivateHost], None]
    now: str
    mended: bool
    quick: str = ""  # what reading alone reports, if that differs; "-": nothing


def _ours(host: PrivateHost) -> None:
    status, _, said = host.agent("apply", "--only=emulators")
    assert status == 0, said


def _ours_then(script: str) -> Callable[[PrivateHost], None]:
    def make(host: PrivateHost) -> None:
        _ours(host)
        host.sh(script)

    return make


def _theirs(flags: str, script: str = "", line: str = "", row: table.Platform = ROW) -> Callable[[PrivateHost], None]:
    """Return a function that makes somebody else's entry with QEMU's usual name, and then runs ``script``."""

    def make(host: PrivateHost) -> None:
        interpreter = "/opt/theirs"
        if line:
            host.put(interpreter, SCRIPT.format(line=line))
            host.sh(f"chmod 755 {interpreter}")
        else:
            host.sh(f"rm -f {interpreter}; cp {QEMU} {interpreter}")
        host.register(row, interpreter, flags, name=ENTRY)
        host.sh(script or "true")

    return make


STATES = {
    "missing": State(lambda host: None, "not registered", mended=True),
    "flushed": State(_ours_then(f"echo -1 >{TABLE}/{ENTRY}"), "not registered", mended=True),
    "no F flag": State(_theirs("OC"), f"runs on the host only: {ENTRY} has no F flag", mended=False),
    "disabled": State(_theirs("F", f"echo 0 >{TABLE}/{ENTRY}"), f"disabled: {ENTRY}", mended=False),
    "ours disabled": State(_ours_then(f"echo 0 >{TABLE}/{ENTRY}"), f"disabled: {ENTRY}", mended=True),
    "another magic": State(
        _theirs("F", row=OTHER), f"not registered: {ENTRY} is there, with another magic", mended=False
    ),
    "P is too much": State(
        _theirs("PF", line=NAIVE),
        f"broken: {ENTRY} has the P flag, which /opt/theirs does not understand",
        mended=False,
        quick="-",
    ),
    "P is missing": State(_theirs("F", line=PATCHED), "broken: ", mended=False, quick="-"),
    "may not execute what it wrote": State(
        _theirs("F", line="echo 'qemu: mprotect of jit buffer: Permission denied' >&2; exit 1"),
        "broken: SELinux forbids QEMU to run the code that it makes",
        mended=False,
        quick="-",
    ),
    "gone, and not pinned": State(
        _theirs("OC", "rm /opt/theirs"),
        "broken: the emulator that is registered for it is gone, or not to be had from where it runs",
        mended=False,
        quick=f"runs on the host only: {ENTRY} has no F flag",
    ),
    "not in containers": State(
        _theirs("F", line=NAIVE),
        "runs on the host only: the emulator that is registered for it is gone, or not to be had from where it runs",
        mended=False,
        quick="-",
    ),
    "replaced since it was pinned": State(
        _ours_then(f"cp {QEMU} {QEMU}.new; mv {QEMU}.new {QEMU}"),
        f"runs an older file: {QEMU} was replaced since it was registered",
        mended=True,
        quick="-",
    ),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_is_named_and_mended_or_held_without_touching_its_neighbours(host: PrivateHost, name: str) -> None:
    state = STATES[name]
    state.make(host)
    before, now = theirs(host), found(host)
    assert str(now["now"]).startswith(state.now), now
    quick = found(host, "--quick")
    assert str(quick.get("now", "-")).startswith(state.quick or state.now)
    status, document, said = host.agent("apply", "--only=emulators")
    assert status == (0 if state.mended else 5), said
    assert bool(found(host)) is not state.mended
    assert theirs(host) == before
    if not state.mended:
        assert "belongs to somebody else" in document["left"][0]["blocked"][0]["message"]
        host.configure(CONFIGURATION.format(more=", replace: true"))
        assert host.agent("apply", "--only=emulators")[0] == 0
        assert found(host) == {}
        assert theirs(host) == before


@pytest.mark.parametrize("name", [n for n, s in STATES.items() if not s.mended and n != "gone, and not pinned"])
def test_what_replace_took_is_put_back_by_rollback(host: PrivateHost, name: str) -> None:
    STATES[name].make(host)
    before, entries = found(host), host.entries()
    host.configure(CONFIGURATION.format(more=", replace: true"))
    expected = found(host)
    assert host.agent("apply", "--only=emulators")[0] == 0
    status, _, said = host.agent("rollback")
    assert status == 0, said
    assert host.entries() == entries
    assert found(host) == expected
    assert expected.keys() >= before.keys()


# A dynamic program whose loader becomes QEMU. It works wherever its loader is.
DYNAMIC = f"""
    .globl _start
_start: mov (%rsp), %rax
    lea 8(%rsp), %rsi
    lea 16(%rsp, %rax, 8), %rdx
    lea qemu(%rip), %rdi
    mov $59, %eax
    syscall
qemu: .asciz "{QEMU}"
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="its source is in the assembly of amd64")
def test_a_dynamic_emulator_is_named_with_and_without_running_it(host: PrivateHost) -> None:
    if shutil.which("as") is None or shutil.which("ld") is None:
        pytest.skip("no binutils are installed")
    host.put("/tmp/dynamic.s", DYNAMIC)
    loader = "/lib64/ld-linux-x86-64.so.2"
    host.sh(f"cd /tmp; as -o dynamic.o dynamic.s; ld -pie --dynamic-linker={loader} -o /opt/theirs dynamic.o")
    host.register(ROW, "/opt/theirs", "F")
    words = "runs on the host only: /opt/theirs is dynamically linked"
    assert found(host)["now"] == words
    assert found(host, "--quick")["now"] == words


def test_ours_without_its_file_is_named_and_nothing_can_be_done(host: PrivateHost) -> None:
    _ours(host)
    host.sh(f"rm {QEMU}")
    now = found(host)
    assert now["now"] == f"runs, but {QEMU} is gone since it was registered"
    assert now["at boot"] == f"registered by /etc/binfmt.d/zz-provisioner-riscv64.conf with {QEMU}, which is gone"
    status, document, _ = host.agent("apply", "--only=emulators")
    assert status == 5
    assert "there is no static qemu-riscv64 in /opt/qemu" in document["left"][0]["blocked"][0]["message"]


def test_a_working_entry_of_somebody_else_is_kept(host: PrivateHost) -> None:
    host.register(ROW, "/opt/kept/qemu-riscv64", "F", name="rosetta")
    host.put("/etc/binfmt.d/rosetta.conf", binfmt.registration_line(ROW, "/opt/kept/qemu-riscv64", "F", name="rosetta"))
    host.configure("platforms: [riscv64]\n")
    entries = host.entries()
    assert found(host) == {}
    status, document, _ = host.agent("apply", "--only=emulators")
    assert (status, document["changed"], host.entries()) == (0, False, entries)


def test_a_working_entry_that_no_file_registers_gets_one_and_stays(host: PrivateHost) -> None:
    host.register(ROW, QEMU, "OCF")
    entries = host.entries()
    assert found(host) == {"at boot": "not registered"}
    _ours(host)
    assert host.entries() == entries
    assert found(host) == {}


def test_a_distribution_s_file_does_not_win_over_ours_at_boot(host: PrivateHost) -> None:
    host.put("/etc/binfmt.d/qemu-riscv64.conf", binfmt.registration_line(ROW, "/opt/kept/qemu-riscv64", "P"))
    host.register(ROW, "/opt/kept/qemu-riscv64", "P")
    assert found(host)["at boot"] == "registered by /etc/binfmt.d/qemu-riscv64.conf without the F flag"
    host.configure(CONFIGURATION.format(more=", replace: true"))
    _ours(host)
    assert found(host) == {}


def test_a_flush_by_hand_is_repaired_by_registering_and_nothing_else(host: PrivateHost) -> None:
    _ours(host)
    host.sh(f"echo -1 >{TABLE}/status")
    _, document, _ = host.agent("apply", "--only=emulators")
    assert [e["does"] for e in document["changes"][0]["steps"]] == [f"register {ENTRY} with the kernel"]
    assert found(host) == {}


def test_a_table_that_is_not_mounted_is_mounted_and_rollback_unmounts_it(host: PrivateHost) -> None:
    host.sh(f"umount {TABLE}")
    assert found(host)["binfmt_misc"] == "not mounted"
    _ours(host)
    assert found(host) == {}
    assert host.agent("rollback")[0] == 0
    assert found(host)["binfmt_misc"] == "not mounted"


def test_a_table_that_is_switched_off_is_somebody_s_decision(host: PrivateHost) -> None:
    host.sh(f"echo 0 >{TABLE}/status")
    assert found(host)["binfmt_misc"] == "switched off"
    status, document, _ = host.agent("apply", "--only=emulators")
    assert status == 5
    assert "echo 1" in document["left"][0]["blocked"][0]["hint"]


def test_a_read_only_table_is_named(host: PrivateHost) -> None:
    host.sh(f"mount -o remount,bind,ro {TABLE}")
    try:
        status, document, _ = host.agent("apply", "--only=emulators")
    finally:
        host.sh(f"mount -o remount,bind,rw {TABLE}")
    assert status == 5
    assert f"{TABLE} is mounted read-only" in document["left"][0]["blocked"][0]["message"]


def test_a_register_that_root_may_not_write_to_is_named_before_anything_is_done(host: PrivateHost) -> None:
    host.sh(f"touch /run/refused; chmod 0 /run/refused; mount --bind /run/refused {TABLE}/register")
    host.sh("mount -o remount,bind,ro /proc/sys/fs/binfmt_misc/register")  # root may open any file of its namespace
    try:
        status, document, _ = host.agent("apply", "--only=emulators")
        blocked = document["left"][0]["blocked"][0]
    finally:
        host.sh(f"umount {TABLE}/register")
    assert (status, document["changed"]) == (5, False)
    assert "root may not register emulators here" in blocked["message"]
    assert "AppArmor" in blocked["hint"]


def test_somebody_s_translator_of_another_name_keeps_its_programs_until_the_configuration_says_replace(
    host: PrivateHost,
) -> None:
    host.sh(f"cp {QEMU} /opt/box64")
    host.register(ROW, "/opt/box64", "", name="box")
    host.put("/etc/binfmt.d/box.conf", binfmt.registration_line(ROW, "/opt/box64", "", name="box"))
    status, document, _ = host.agent("apply", "--only=emulators")
    assert (status, document["changed"]) == (5, False)
    assert "box (/opt/box64) runs these programs on this host" in document["left"][0]["blocked"][0]["message"]
    host.configure(CONFIGURATION.format(more=", replace: true"))
    _ours(host)
    assert found(host) == {}
    assert host.agent("rollback")[0] == 0
    assert "[box]\nenabled\n" in host.entries()
    assert ENTRY not in host.entries()


@pytest.mark.parametrize("path", [QEMU, "/opt/qemu"])
def test_an_interpreter_that_others_can_change_is_refused(host: PrivateHost, path: str) -> None:
    host.sh(f"chmod go+w {path}")
    status, document, _ = host.agent("apply", "--only=emulators")
    assert status == 5
    assert f"{path} can be changed by others than root" in document["left"][0]["blocked"][0]["message"]


def test_credentials_are_as_configured(host: PrivateHost) -> None:
    _ours(host)
    assert "flags: POCF\n" in host.entries()  # Linux 5.12 and QEMU 6 keep argv[0]
    host.configure(CONFIGURATION.format(more=", credentials: false"))
    assert found(host) == {"credentials": True}
    _ours(host)
    assert found(host) == {}
    assert "flags: PF\n" in host.entries()


def test_three_variants_of_arm_share_one_entry_and_v3_of_the_host_s_own_cpu_gets_none(host: PrivateHost) -> None:
    host.sh("cp /opt/kept/qemu-s390x /opt/qemu/qemu-arm")
    wanted = "arm/v5, arm/v6, arm/v7, amd64/v4, windows/amd64"
    host.configure(f"platforms: [{wanted}]\nemulators: {{source: directory, directory: /opt/qemu}}\n")
    _, document, said = host.agent("plan", "--only=emulators")
    if os.uname().machine == "x86_64":
        assert [e["does"] for e in document["changes"][0]["steps"]] == [
            "write /etc/binfmt.d/zz-provisioner-arm.conf",
            "register qemu-arm with the kernel",
        ]
    assert "windows/amd64 is build-only" in said


class Manager(NamedTuple):
    """A service manager: the files that show it, the reason that is reported, and how our service starts."""

    signs: str
    lack: str
    start: str


# OpenRC's own program is not available here. This script changes a runlevel as OpenRC does.
RC_UPDATE = "#!/bin/sh\\nto=/etc/runlevels/$3/$2\\ncase $1 in add) ln -sf /etc/init.d/$2 $to;; *) rm -f $to;; esac\\n"

MANAGERS = {
    "sysvinit": Manager(
        "touch /etc/inittab; mkdir -p /etc/rc2.d /etc/init.d",
        "sysvinit does not read binfmt.d",
        "/etc/init.d/provisioner-emulators start",
    ),
    "openrc": Manager(
        "mkdir -p /run/openrc /etc/init.d /etc/runlevels/default /snap/bin;"
        f"printf '{RC_UPDATE}' >/snap/bin/rc-update; chmod 755 /snap/bin/rc-update",
        "OpenRC's service binfmt is in no runlevel",
        "ebegin() { :; }; eend() { :; }; . /etc/runlevels/default/provisioner-emulators; start",
    ),
}


@pytest.mark.parametrize("name", MANAGERS)
def test_a_service_registers_at_boot_where_binfmt_d_does_not_suffice(host: PrivateHost, name: str) -> None:
    manager = MANAGERS[name]
    host.sh(f"rm -rf /run/openrc /etc/runlevels /etc/inittab; {manager.signs}")
    try:
        _ours(host)
        assert found(host) == {}
        host.sh(f"rm {boot.SCRIPT}")
        assert found(host)["at boot"] == f"not registered: {manager.lack}"
        _ours(host)
        assert found(host) == {}
        host.sh(f"echo -1 >{TABLE}/{ENTRY}; umount {TABLE}; {manager.start}")
        assert found(host) == {}
        assert host.agent("rollback", "1")[0] == 0
        assert found(host)["at boot"] == "not registered"
        assert host.sh("ls /etc/binfmt.d /etc/init.d /etc/rc2.d 2>/dev/null | grep provisioner || true") == ""
    finally:
        host.sh(
            "rm -rf /etc/inittab /etc/rc*.d; mkdir -p /run/openrc /etc/runlevels/boot; touch /etc/runlevels/boot/binfmt"
        )


def test_the_private_host_is_not_the_machine() -> None:
    assert not Path("/etc/binfmt.d/zz-provisioner-riscv64.conf").exists()


# An ordinary machine, with its table mounted. $1 is a Python, and $2 is what it runs on that machine.
MACHINE = f'mount -t binfmt_misc binfmt_misc {TABLE} || exit 99; "$1" -c "$2" && ls {TABLE}'
WITHOUT_ITS_TABLE = f"""
from tests.helpers.private import private_host
with private_host() as host:
    host.sh("umount {TABLE}")
    assert host.sh("ls {TABLE}") == ""
    assert host.run("sh", "-c", "echo :jar:E::jar::/bin/true: >{TABLE}/register").returncode != 0
"""


@pytest.mark.usefixtures("ground")
def test_a_machine_whose_table_is_mounted_keeps_it_as_it_is() -> None:
    into = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", MACHINE, "sh")
    done = subprocess.run((*into, sys.executable, WITHOUT_ITS_TABLE), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["register", "status"]), done.stderr
