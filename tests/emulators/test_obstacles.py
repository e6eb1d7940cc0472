"""The obstacles say why the kernel cannot have emulators, from the files of a host in a directory."""

from pathlib import Path

import pytest

from provisioner.emulators import boot, managers, modules, mounting, mounts, obstacles, packages, persistence
from provisioner.engine import endpoints, info
from provisioner.engine.facts import Facts
from provisioner.host import System
from provisioner.platforms import machine
from provisioner.platforms.kernel_table import Mount, Unmount
from provisioner.platforms.machine import BINFMT
from provisioner.steps import Obstacle
from provisioner.steps.files import WriteFile
from provisioner.steps.programs import Run

GUEST = "0 0 65536\n"
MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
23 22 0:21 / /proc rw,nosuid shared:2 - proc proc rw
24 23 0:30 / /proc/sys/fs/binfmt_misc {options} shared:3 - binfmt_misc binfmt_misc rw
25 22 0:44 / /srv/qemu\\040files rw,relatime shared:4 - nfs4 server:/qemu rw
"""
MODULE = "/lib/modules/{}/modules.dep"


def host(top: Path, **files: str) -> System:
    """Return a host with these files below /proc. Two underscores in a name stand for a slash."""
    for name, text in {"sys__kernel__osrelease": "6.12.1\n", "filesystems": "nodev\tbinfmt_misc\n", **files}.items():
        path = top / "proc" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (top / "proc/self").mkdir(exist_ok=True)
    return System(str(top), {})


def put(top: Path, path: str, text: str = "") -> None:
    (top / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
    (top / path.lstrip("/")).write_text(text)


def facts(*, mounted: bool) -> Facts:
    where = endpoints.Endpoint("default", "unix:///var/run/docker.sock", "default")
    return Facts(where, info.NONE, "", flags=(), daemon_json="", prior=False, native=(), entries={}, mounted=mounted)


CASES = {
    "3.10 has no F": ({"sys__kernel__osrelease": "3.10.0-1160.el7\n"}, True, "3.10.0-1160.el7 has no F flag"),
    "4.4 has no F": ({"sys__kernel__osrelease": "4.4.0-210-generic\n"}, True, "has no F flag"),
    "a user namespace before 6.7": (
        {"sys__kernel__osrelease": "6.1.0\n", "self__uid_map": GUEST},
        False,
        "this is a user namespace, and before Linux 6.7 (here 6.1.0)",
    ),
    "no module": ({"filesystems": "ext4\n"}, False, "no module of it is installed"),
    "read-only": ({"self__mountinfo": MOUNTS.format(options="ro,relatime")}, True, "is mounted read-only"),
    "switched off": ({"sys__fs__binfmt_misc__status": "disabled\n"}, True, "is switched off as a whole"),
    "blacklisted on the command line": (
        {"cmdline": "root=/dev/vda modprobe.blacklist=floppy,binfmt_misc quiet\n"},
        True,
        "the kernel's command line says modprobe.blacklist=floppy,binfmt_misc",
    ),
    "well": ({"self__mountinfo": MOUNTS.format(options="rw,relatime")}, True, None),
    "only an automount, or nothing yet": ({}, False, None),
    "a user namespace of 6.7": ({"sys__kernel__osrelease": "6.7.0\n", "self__uid_map": GUEST}, True, None),
    "a release that is no number": ({"sys__kernel__osrelease": "custom\n"}, True, None),
}


@pytest.mark.parametrize("name", CASES)
def test_an_obstacle_is_named(tmp_path: Path, name: str) -> None:
    files, mounted, words = CASES[name]
    found = obstacles.obstacle(host(tmp_path, **files), facts(mounted=mounted))
    assert (found is None) if words is None else (found is not None and words in found.message)
    assert found is None or found.hint


def test_a_module_that_is_installed_is_loaded_and_the_table_mounted(tmp_path: Path) -> None:
    there = host(tmp_path, filesystems="ext4\n")
    put(tmp_path, MODULE.format("6.12.1"), "kernel/fs/binfmt_misc.ko.xz:\n")
    assert obstacles.obstacle(there, facts(mounted=False)) is None
    steps = mounting.steps(there, facts(mounted=False))
    assert [s.argv for s in steps if isinstance(s, Run | Mount)] == [
        ("modprobe", "binfmt_misc"),
        ("mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT),
    ]
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    last = mounting.steps(there, facts(mounted=False))[-1]
    assert isinstance(last, Mount)
    assert last.argv == ("systemctl", "start", "proc-sys-fs-binfmt_misc.mount")


def test_a_table_that_others_use_since_stays_mounted(tmp_path: Path) -> None:
    there = host(tmp_path, sys__fs__binfmt_misc__status="enabled\n")
    mount = Mount(("mount",), unmount=("/bin/false",))
    put(tmp_path, "/etc/binfmt.d/zz-provisioner-arm.conf", ":qemu-arm:M::\\x7fELF::/usr/bin/qemu-arm:F\n")
    put(tmp_path, f"{BINFMT}/qemu-arm", "enabled\ninterpreter /usr/bin/qemu-arm\nflags: F\noffset 0\nmagic 7f454c46\n")
    assert mount.stands(there) is None  # only ours is there: an undo may unmount
    put(tmp_path, f"{BINFMT}/jar", "enabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n")
    assert mount.stands(there) is False
    said: list[str] = []
    [undo] = mount.inverse(there)
    undo.do(there, said.append)
    assert said == ["note: binfmt_misc stays mounted: it holds jar, which others have registered"]
    assert Unmount(()).stands(there) is False


FORBIDDEN: dict[str, tuple[dict[str, str], str]] = {
    "blacklist": ({"/etc/modprobe.d/a.conf": "# no\nblacklist binfmt-misc\n"}, "a.conf says blacklist binfmt-misc"),
    "install": (
        {"/usr/lib/modprobe.d/a.conf": "install binfmt_misc \\\n  /bin/false\n"},
        "a.conf says install binfmt_misc /bin/false",
    ),
    "an install that loads it": (
        {"/etc/modprobe.d/a.conf": "install binfmt_misc /sbin/modprobe --ignore-install binfmt_misc; true\n"},
        "",
    ),
    "another module": ({"/etc/modprobe.d/a.conf": "blacklist floppy\ninstall dccp /bin/false\n"}, ""),
    "hidden by a file of its name": (
        {"/etc/modprobe.d/a.conf": "", "/usr/lib/modprobe.d/a.conf": "blacklist binfmt_misc\n"},
        "",
    ),
    "no configuration": ({"/etc/modprobe.d/a.conf.bak": "blacklist binfmt_misc\n"}, ""),
    "built in": (
        {
            "/etc/modprobe.d/a.conf": "blacklist binfmt_misc\n",
            "/lib/modules/6.12.1/modules.builtin": "kernel/fs/binfmt_misc.ko\n",
        },
        "",
    ),
    "a container, whose machine loads modules": (
        {"/etc/modprobe.d/a.conf": "blacklist binfmt_misc\n", "/run/systemd/container": "lxc"},
        "",
    ),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_module_that_may_not_be_loaded_blocks_even_while_the_table_is_mounted(tmp_path: Path, name: str) -> None:
    files, words = FORBIDDEN[name]
    there = host(tmp_path)
    for path, text in files.items():
        put(tmp_path, path, text)
    assert words in modules.forbidden(there)
    assert bool(modules.forbidden(there)) is bool(words)
    for mounted in (True, False):
        found = obstacles.obstacle(there, facts(mounted=mounted))
        assert (found is None) if not words else (found is not None and found.code == "module-forbidden")


def test_the_package_of_ubuntu_s_modules_bears_the_release(tmp_path: Path) -> None:
    found = obstacles.obstacle(host(tmp_path, filesystems="ext4\n"), facts(mounted=False))
    assert found is not None
    assert "linux-modules-extra-6.12.1" in found.hint


def test_a_path_lies_on_the_mount_that_is_nearest_above_it(tmp_path: Path) -> None:
    there = host(tmp_path, self__mountinfo=MOUNTS.format(options="rw"))
    assert mounts.mount(there, "/srv/qemu files/qemu-arm").kind == "nfs4"
    assert mounts.mount(there, "/srv/qemu").point == "/"


SYSTEMD = "/usr/lib/systemd/systemd-binfmt"
WSL = "/usr/lib/systemd/system/systemd-binfmt.service.d/wsl.conf"
DROPIN = "[Unit]\nConditionVirtualization=!wsl\n"
LACKS: dict[str, tuple[dict[str, str], str, str]] = {
    "systemd": ({SYSTEMD: ""}, "/usr/local/lib/provisioner/qemu/latest/qemu-arm", ""),
    "no systemd-binfmt": ({}, "/usr/bin/qemu-arm", "systemd-binfmt is not installed"),
    "a network mount": (
        {SYSTEMD: "", "/proc/self/mountinfo": MOUNTS.format(options="rw")},
        "/srv/qemu files/qemu-arm",
        "/srv/qemu files is mounted over the network, later than systemd-binfmt.service runs",
    ),
    "Ubuntu on WSL": (
        {SYSTEMD: "", WSL: DROPIN, "/proc/sys/kernel/osrelease": "5.15.153.1-microsoft-standard-WSL2\n"},
        "/usr/bin/qemu-arm",
        "systemd-binfmt.service does not run on WSL (ConditionVirtualization=!wsl)",
    ),
    "Ubuntu on WSL, by its owner's decision": (
        {
            SYSTEMD: "",
            WSL: DROPIN,
            "/proc/sys/kernel/osrelease": "5.15.153.1-microsoft-standard-WSL2\n",
            "/etc/systemd/system/systemd-binfmt.service.d/zz.conf": "[Unit]\nConditionVirtualization=\n",
        },
        "/usr/bin/qemu-arm",
        "",
    ),
    "that drop-in elsewhere": ({SYSTEMD: "", WSL: DROPIN}, "/usr/bin/qemu-arm", ""),
    "an empty unit": (
        {SYSTEMD: "", "/etc/systemd/system/systemd-binfmt.service": ""},
        "/usr/bin/qemu-arm",
        "systemd-binfmt.service is masked",
    ),
    "a condition that nobody can judge now": (
        {SYSTEMD: "", "/run/systemd/system/systemd-binfmt.service.d/a.conf": "[Unit]\nConditionHost=other\n"},
        "/usr/bin/qemu-arm",
        "systemd-binfmt.service may not run (ConditionHost=other)",
    ),
    "a container with a read-only /proc/sys": (
        {
            SYSTEMD: "",
            "/usr/lib/systemd/system/systemd-binfmt.service": "[Unit]\nConditionPathIsReadWrite=/proc/sys\n",
            "/proc/1/mountinfo": "24 23 0:30 / /proc/sys ro,relatime - proc proc rw\n",
        },
        "/usr/bin/qemu-arm",
        "systemd-binfmt.service does not run: /proc/sys is read-only",
    ),
    "a container, where systemd skips the automount": (
        {SYSTEMD: "", "/run/systemd/container": "lxc"},
        "/usr/bin/qemu-arm",
        "binfmt_misc is not mounted at boot",
    ),
    "a container that mounts the table by fstab": (
        {
            SYSTEMD: "",
            "/run/systemd/container": "lxc",
            "/etc/fstab": f"binfmt_misc {BINFMT} binfmt_misc defaults 0 0\n",
        },
        "/usr/bin/qemu-arm",
        "",
    ),
    "a container with a line of fstab for later": (
        {
            SYSTEMD: "",
            "/run/systemd/container": "lxc",
            "/etc/fstab": f"binfmt_misc {BINFMT} binfmt_misc noauto,ro 0 0\n",
        },
        "/usr/bin/qemu-arm",
        "binfmt_misc is not mounted at boot",
    ),
    "a masked automount": (
        {SYSTEMD: "", "/etc/systemd/system/proc-sys-fs-binfmt_misc.automount": ""},
        "/usr/bin/qemu-arm",
        "binfmt_misc is not mounted at boot",
    ),
}


@pytest.mark.parametrize("name", LACKS)
def test_what_keeps_binfmt_d_from_being_read_is_named(tmp_path: Path, name: str) -> None:
    files, interpreter, words = LACKS[name]
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    there = host(tmp_path)
    for path, text in files.items():
        put(tmp_path, path, text)
    assert boot.lack(there, interpreter) == words


def test_a_masked_unit_is_named(tmp_path: Path) -> None:
    there = host(tmp_path)
    put(tmp_path, SYSTEMD)
    for folder in ("run/systemd/system", "etc/systemd/system"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/systemd/system/systemd-binfmt.service").symlink_to("/dev/null")
    assert boot.lack(there, "/usr/bin/qemu-arm") == "systemd-binfmt.service is masked"


@pytest.mark.parametrize("program", ["/usr/local/lib/provisioner/qemu/latest/qemu-arm", "/srv/qemu files/qemu-arm"])
def test_the_service_waits_for_a_network_mount_only_where_an_emulator_lies_on_one(tmp_path: Path, program: str) -> None:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    there = host(tmp_path, self__mountinfo=MOUNTS.format(options="rw"))
    steps = persistence.steps(there, (program,))
    assert not isinstance(steps, Obstacle)
    [text] = [step.text for step in steps if isinstance(step, WriteFile) and step.path.endswith(".service")]
    assert ("remote-fs.target" in text) is program.startswith("/srv")
    assert "{" not in text


@pytest.mark.parametrize(("text", "point"), [("/a\\040b", "/a b"), ("/a\\134b", "/a\\b"), ("/a\\011b", "/a\tb")])
def test_a_mount_point_is_read_as_the_kernel_writes_it(tmp_path: Path, text: str, point: str) -> None:
    there = host(tmp_path, self__mountinfo=f"24 23 0:30 / {text} rw - nfs4 s:/ rw\n")
    assert mounts.mount(there, f"{point}/x").kind == "nfs4"


def test_a_manager_that_nobody_knows_is_said(tmp_path: Path) -> None:
    assert "nothing that starts services here" in boot.lack(host(tmp_path), "/usr/bin/qemu-arm")


def test_binfmt_support_s_records_count(tmp_path: Path) -> None:
    there = host(tmp_path)
    put(tmp_path, "/usr/sbin/update-binfmts")
    fields = ("qemu-user-static", "magic", "0", "\\x7fELF\\x01", "", "/usr/bin/qemu-arm-static", "", "yes", "no", "yes")
    put(tmp_path, "/var/lib/binfmts/qemu-arm", "\n".join(fields) + "\n")
    put(tmp_path, "/var/lib/binfmts/python3", "python3\nextension\n")
    [found] = boot.rules(there)
    assert (found.rule.name, found.rule.flags) == ("qemu-arm", "OCF")


PACKAGES = {
    "ID=debian\nVERSION_ID='12'\n": ("apt-get", "qemu-user-static"),
    'ID=debian\nVERSION_ID="13"\n': ("apt-get", "qemu-user"),
    "ID=debian\n": ("apt-get", "qemu-user"),
    'ID=ubuntu\nVERSION_ID="24.04"\n': ("apt-get", "qemu-user-static"),
    "ID=fedora\n": ("dnf", "qemu-user-static"),
    "ID=opensuse-leap\n": ("zypper", "qemu-linux-user"),
    "ID=alpine\n": ("apk", "{}"),
    "ID=arch\n": ("pacman", "qemu-user-static"),
}


@pytest.mark.parametrize("release", PACKAGES)
def test_each_distribution_has_its_package(tmp_path: Path, release: str) -> None:
    program, package = PACKAGES[release]
    there = host(tmp_path)
    put(tmp_path, "/etc/os-release", release)
    put(tmp_path, f"/usr/bin/{program}")
    (tmp_path / f"usr/bin/{program}").chmod(0o755)
    found = packages.of(there)
    assert found is not None
    assert (found.manager.program, found.row.package) == (program, package)


EVERYBODY, MOUNTED = "0 0 4294967295", "mnt:[4026531841]"
CHROOTS = {
    "a chroot": ("other", EVERYBODY, MOUNTED, True),
    "the machine itself": ("same", EVERYBODY, MOUNTED, False),
    "a first process that is hidden": ("hidden", EVERYBODY, None, False),
    "a chroot in a container that has a whole system": ("other", "0 0 65536", MOUNTED, True),
    "a sandbox of one user": ("other", "0 1000 1", MOUNTED, False),
    "docker run --privileged --pid=host": ("other", EVERYBODY, "mnt:[4026531999]", False),
    "a service with RootDirectory=": ("other", EVERYBODY, "mnt:[4026532001]", False),
}


@pytest.mark.parametrize("name", CHROOTS)
def test_a_chroot_has_another_root_than_the_first_process_and_its_mounts(tmp_path: Path, name: str) -> None:
    first, ids, mounts, found = CHROOTS[name]
    there = host(tmp_path, self__uid_map=f"{ids}\n")
    for process, names in {"self": MOUNTED, "1": mounts}.items():
        (tmp_path / f"proc/{process}/ns").mkdir(parents=True)
        if names:
            (tmp_path / f"proc/{process}/ns/mnt").symlink_to(names)
    if first != "hidden":
        (tmp_path / "proc/1/root").symlink_to(tmp_path if first == "same" else "/")
    assert machine.chrooted(there) is found
    blocked = obstacles.obstacle(there, facts(mounted=True))
    assert (blocked is not None and blocked.code == "chroot") is found


OWN_TABLE = "security.privileged=false security.nesting=true"
MANAGERS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "LXD": ({"/dev/lxd/sock": ""}, (f"`lxc config set NAME {OWN_TABLE}`", "`lxc info`", "unpriv_binfmt", "Linux 6.7")),
    "Incus": (
        {"/dev/incus/sock": "", "/run/systemd/container": "lxc"},
        (f"`incus config set NAME {OWN_TABLE}`", "`incus info`", "unpriv_binfmt", "Linux 6.7"),
    ),
    "Proxmox": (
        {"/etc/hosts": "127.0.0.1 localhost\n# --- BEGIN PVE ---\n10.0.0.2 ct\n# --- END PVE ---\n"},
        (
            *("/etc/pve/lxc/ID.conf", "`unprivileged: 1`", "`features: nesting=1,keyctl=1`", "Linux 6.7"),
            "`lxc.apparmor.profile: unconfined`",
        ),
    ),
    "sysbox": (
        {"/proc/self/mountinfo": "36 24 0:52 /proc/sys /proc/sys rw - fuse sysboxfs rw\n"},
        ("sysbox lets no container use binfmt_misc",),
    ),
    "LXC": (
        {"/run/systemd/container": "lxc\n"},
        ("`lxc.idmap`", "nesting.conf", "`lxc.apparmor.profile = unconfined`", "Linux 6.7"),
    ),
    "another": ({}, ("a table of its own", "Linux 6.7")),
}


@pytest.mark.parametrize("refusal", ["kept-from-container", "mount-refused", "register-refused", "read-only"])
@pytest.mark.parametrize("name", MANAGERS)
def test_what_a_container_s_manager_has_to_allow_is_named_by_its_own_setting(
    tmp_path: Path, name: str, refusal: str
) -> None:
    files, words = MANAGERS[name]
    there = host(tmp_path)
    there.uid = 0
    for path, text in files.items():
        put(tmp_path, path, text)
    seen = facts(mounted=refusal != "mount-refused")
    match refusal:
        case "kept-from-container":
            seen = seen._replace(table_unseen="closed")
        case "mount-refused":
            put(tmp_path, "/usr/bin/unshare", "#!/bin/sh\necho mount: permission denied. >&2\nexit 32\n")
            (tmp_path / "usr/bin/unshare").chmod(0o755)
        case "register-refused":
            (tmp_path / BINFMT[1:] / "register").mkdir(parents=True)
        case _:
            mounts = tmp_path / "proc/self/mountinfo"
            mounts.write_text(MOUNTS.format(options="ro,relatime") + (mounts.read_text() if mounts.exists() else ""))
    found = obstacles.obstacle(there, seen)
    assert found is not None
    assert found.code == refusal
    for part in ("register the emulators on the machine itself", *words):
        assert part in found.hint
    assert ("Linux 6.7" in found.hint) is (name != "sysbox")
    assert found.hint.startswith("in a container: ") is (name == "another")


def test_a_file_that_is_none_keeps_nobody_from_the_hint(tmp_path: Path) -> None:
    there = host(tmp_path)
    for folder in ("etc/hosts", "etc/resolv.conf", "proc/self/mountinfo", "run/systemd/container"):
        (tmp_path / folder).mkdir(parents=True)
    assert managers.hint(there).startswith("in a container: ")
