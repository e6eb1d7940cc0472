"""apt, dnf, zypper and pacman install what is missing from repositories on the host, and an undo removes it again."""

import json
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import Boot
from tests.helpers.booted import ENTRY, agent, steps
from tests.helpers.builders import CONFIG
from tests.hosts import Host, parts, recipes

pytestmark = [pytest.mark.host, pytest.mark.timeout(600)]
PLUGIN = "/usr/libexec/docker/cli-plugins/docker-buildx"
# apt-get update fails, because of a repository that is not there.
BROKEN = ("/etc/apt/sources.list.d/broken.list", "deb [trusted=yes] file:///repo/broken ./\n")
YUM = "[local]\nname=local\nbaseurl=file:///repo/{}\nenabled=1\ngpgcheck=0\n"
# An image that a switch of the store would hide, on a host without the program that copies it.
KEPT = "mv /usr/bin/ctr /usr/bin/ctr.away; cd /tmp; echo x > x; tar c x | docker import - keep:1"
PACMAN = "[options]\nArchitecture = auto\nSigLevel = Never\n[here]\nServer = file:///repo/{}\n"


class Case(NamedTuple):
    """A package manager: its programs, nfpm's word for its packages, QEMU's package and program, and its repository.

    ``file`` names a repository of the folder {} to the manager, and ``make`` is run in that folder. ``ctr`` is the
    package of containerd's client, if that is one of its own.
    """

    programs: tuple[str, ...]
    packager: str
    qemu: str
    emulator: str
    file: tuple[str, str]
    make: str
    ctr: str = ""


CASES = {
    "apt-get": Case(
        ("apt-get",),
        "deb",
        "qemu-user",
        "/usr/bin/qemu-aarch64",
        ("/etc/apt/sources.list", "deb [trusted=yes] file:/repo/{} ./\n"),
        "for f in *.deb; do test -e $f || continue; dpkg-deb -f $f; echo Filename: ./$f; echo Size: $(stat -c %s $f);"
        " echo SHA256: $(sha256sum $f | cut -d' ' -f1); echo; done > Packages; apt-get -q update",
    ),
    "dnf": Case(
        ("dnf", "dnf-3"),
        "rpm",
        "qemu-user-static",
        "/usr/bin/qemu-aarch64-static",
        ("/etc/yum.repos.d/local.repo", YUM),
        "createrepo_c --quiet . && (rpm --initdb; dnf clean all)",
    ),
    "zypper": Case(
        ("zypper",),
        "rpm",
        "qemu-linux-user",
        "/usr/bin/qemu-aarch64",
        ("/etc/zypp/repos.d/local.repo", YUM),
        "createrepo_c --quiet . && zypper --non-interactive refresh --force",
        "containerd-ctr",
    ),
    "pacman": Case(
        ("pacman",),
        "archlinux",
        "qemu-user-static",
        "/usr/bin/qemu-aarch64-static",
        ("/etc/pacman.conf", PACMAN),
        "mkdir -p /var/lib/pacman; repo-add -q here.db.tar.gz $(ls *.pkg.tar.zst 2>/dev/null); pacman --sync --refresh",
    ),
}


def package(into: Path, case: Case, name: str, file: Path, path: str) -> Path:
    """Make a package of one file."""
    described = {"name": name, "arch": "amd64", "version": "9.1", "maintainer": "nobody", "description": "for a test"}
    contents = [{"src": str(file), "dst": path, "file_info": {"mode": 0o755}}]
    configuration = into / f"{name}.json"
    configuration.write_text(json.dumps({**described, "contents": contents}))
    argv = (parts.nfpm(), "package", f"--config={configuration}", f"--packager={case.packager}", f"--target={into}/")
    subprocess.run(argv, check=True, capture_output=True)
    configuration.unlink()
    [made] = [p for p in into.iterdir() if p.name.startswith(name)]
    return made


def publish(host: Host, manager: str, case: Case, into: Path, *, empty: bool = False) -> None:
    """Give the host a repository with buildx and QEMU, or an empty one."""
    folder = "/repo/empty" if empty else f"/repo/{manager}"
    host.sh(f"mkdir -p {folder}", check=True)
    if not empty:
        into.mkdir()
        plugin = parts.tree(recipes.QEMU_SUITE) / PLUGIN[1:]
        emulator = parts.qemu() / "usr/bin/qemu-aarch64"
        ctr = parts.tree(recipes.QEMU_SUITE) / "usr/bin/ctr"
        files = [("docker-buildx", plugin, PLUGIN), (case.qemu, emulator, case.emulator)]
        for name, file, path in (*files, *([(case.ctr, ctr, "/usr/bin/ctr")] if case.ctr else ())):
            made = package(into, case, name, file, path)
            host.put(f"{folder}/{made.name}", made.read_bytes())
    place, text = case.file
    host.put(place, text.format(folder.removeprefix("/repo/")))
    host.sh(f"cd {folder} && ({case.make})", check=True, timeout=120)


def test_what_is_missing_is_installed_by_each_package_manager_and_removed_by_an_undo(
    boot: Boot, tmp_path: Path
) -> None:
    host = boot("trixie", layers=(parts.package_managers(),), agent=True)
    host.sh("dpkg --purge docker-buildx", check=True)
    programs = {program for case in CASES.values() for program in case.programs}
    for program in programs:
        host.sh(f"mv /usr/bin/{program} /usr/bin/{program}.away", check=True)
    for manager, case in CASES.items():
        for program in case.programs:
            host.sh(f"mv /usr/bin/{program}.away /usr/bin/{program}", check=True)
        publish(host, manager, case, tmp_path / manager, empty=True)
        host.put(CONFIG, "platforms: [linux/amd64]\n")
        planned = agent(host, "plan")
        assert "docker-buildx" in json.dumps(planned.document["changes"])
        done = agent(host, "apply")
        assert done.status == 5, done.stderr
        assert {c["resource"] for c in done.document["left"]} == {"image store", "builder"}
        assert agent(host, "rollback").status == 0
        publish(host, manager, case, tmp_path / manager)
        host.put(*BROKEN)
        settings = "platforms: [linux/amd64, linux/arm64]\nemulators: {source: package}\n"
        if case.ctr:
            host.sh(KEPT, check=True)
            settings += "image_store: {existing: migrate}\n"
            host.put(CONFIG, f"{settings}packages: never\n")
            never = agent(host, "plan")
            assert not any(manager in step for step in steps(never)), steps(never)
            assert f"{case.ctr} (packages: never keeps" in json.dumps(never.document["changes"])
        host.put(CONFIG, settings)
        planned = agent(host, "plan")
        for program in ("docker-buildx", case.ctr):
            assert any(manager in step and program in step for step in steps(planned)), steps(planned)
        done = agent(host, "apply")
        assert done.status == 0, done.stderr
        assert [row["runs"] for row in done.document["proof"]["platforms"]] == [True, True]
        assert case.emulator in host.sh(f"cat {ENTRY}").stdout
        assert agent(host, "check").status == 0
        if case.ctr:
            host.sh("docker image inspect keep:1", check=True)
        undone = agent(host, "rollback")
        assert undone.status == 0, undone.stderr
        host.sh(f"rm {BROKEN[0]}", check=True)
        assert host.sh(f"ls {PLUGIN} {case.emulator} 2>/dev/null").stdout == "", manager
        if case.ctr:
            host.sh("test ! -e /usr/bin/ctr && mv /usr/bin/ctr.away /usr/bin/ctr && docker image rm keep:1", check=True)
        for program in case.programs:
            host.sh(f"mv /usr/bin/{program} /usr/bin/{program}.away", check=True)
