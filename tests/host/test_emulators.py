"""Emulators on real hosts: from an image, proven, there after everything that usually takes them away."""

import json
import time

import pytest

from provisioner.platforms import binfmt, table
from tests.conftest import Boot
from tests.helpers.booted import LAYERS, agent, steps
from tests.host.test_crash import KILLED
from tests.hosts import Host, parts

pytestmark = pytest.mark.host
CONFIG = "/etc/provisioner/provisioner.yaml"
TABLE = "/proc/sys/fs/binfmt_misc"
VERSIONS = "/usr/local/lib/provisioner/qemu"
FIRST, NEWER = "tonistiigi/binfmt:qemu-v10.0.4", "tonistiigi/binfmt:qemu-v10.2.3-68"
ALL = table.each_architecture()
FOREIGN = [p for p in ALL if p not in ("linux/amd64", "linux/386")]
NEIGHBOURS = (":WSLInterop:M::MZ::/usr/bin/true:PF", ":jar:E::jar::/usr/bin/true:", ":llvm:M::BC::/usr/bin/true:")


def configuration(image: str = FIRST, wanted: tuple[str, ...] = ALL, source: str = "image") -> str:
    return f"platforms: [{', '.join(wanted)}]\nemulators: {{source: {source}, image: '{image}'}}\n"


def entries(host: Host) -> dict[str, str]:
    """The kernel's table: each entry's name and text."""
    script = (
        f'cd {TABLE}; for n in *; do case $n in register|status) ;; *) printf \'%s\\0\' "$n" "$(cat $n)"; esac; done'
    )
    words = host.sh(script, check=True).stdout.split("\0")
    return dict(zip(words[::2], words[1::2], strict=False))


def neighbours(host: Host) -> None:
    """Register what is not ours, and never may be touched."""
    host.sh(f'for line; do printf %s "$line" >{TABLE}/register; done', *NEIGHBOURS, check=True)


def theirs(host: Host) -> dict[str, str]:
    return {n: t for n, t in entries(host).items() if not n.startswith("qemu-")}


def differences(host: Host, *args: str) -> dict[str, str]:
    """What a check of the emulators alone says."""
    answer = agent(host, "check", "--only=emulators", *args)
    assert answer.status in (0, 2), answer.stderr
    return {d["key"]: d["have"] for d in answer.document["differences"]}


def applied(host: Host, *args: str) -> list[str]:
    """Apply for emulators alone; what was done."""
    answer = agent(host, "apply", "--only=emulators", *args)
    assert answer.status == 0, answer.stderr
    return steps(answer)


def running(host: Host, platform: str) -> str:
    """The version of the emulator that runs a process of a platform: the process itself is asked."""
    answer = agent(host, "prove", f"--platforms={platform}")
    assert answer.status == 0, answer.stderr
    [row] = answer.document["platforms"]
    return str(row["how"])


@pytest.mark.parametrize("engine", ["trixie", "forky", "29"])
def test_ten_platforms_from_the_image_are_proven(boot: Boot, engine: str) -> None:
    host = boot(engine, agent=True, files={CONFIG: configuration()}, binfmt=True)
    neighbours(host)
    before = theirs(host)
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    assert host.sh("docker images -q tonistiigi/binfmt; docker ps -aq; docker volume ls -q").stdout.count("\n") == 2
    rows = done.document["proof"]["platforms"]
    if engine == "trixie":  # what an apply proves, and by itself
        proven = agent(host, "prove", "--platforms=all")
        assert (proven.status, proven.document["platforms"]) == (0, rows), proven.stderr
    assert {r["platform"]: (r["built"], r["indexed"], r["runs"]) for r in rows} == dict.fromkeys(
        ALL, (True, True, True)
    )
    print(f"\n{engine}: " + ", ".join(f"{r['platform']} {r['how']}" for r in rows))
    assert len({r["how"] for r in rows if r["platform"] in FOREIGN}) == 1
    manifest = json.loads(host.get(f"{VERSIONS}/qemu-v10.0.4/manifest.json") or b"")
    assert all(program["digest"].startswith("sha256:") for program in manifest["programs"].values())
    receipt = (host.get("/var/lib/provisioner/receipts/000001.jsonl") or b"").decode()
    made = [json.loads(line) for line in receipt.splitlines() if '"event": "made"' in line]
    assert made[0]["programs"] == manifest["programs"]
    sums = host.sh(f"cd {VERSIONS}/qemu-v10.0.4 && sha256sum qemu-*", check=True).stdout
    copied = {name: program["sha256"] for name, program in manifest["programs"].items()}
    assert {name: digest for digest, name in map(str.split, sums.splitlines())} == copied
    assert theirs(host) == before


def test_what_usually_takes_emulators_away(boot: Boot) -> None:
    host = boot("trixie", agent=True, files={CONFIG: configuration()}, binfmt=True)
    applied(host)
    mine = entries(host)
    for ending in (host.cut, host.shutdown):
        ending()
        host.boot()
        assert entries(host) == mine
        assert differences(host) == {}
    host.sh("systemctl restart systemd-binfmt", check=True)
    assert entries(host) == mine
    assert differences(host) == {}
    host.sh("/usr/lib/systemd/systemd-binfmt --unregister", check=True)  # as the shutdown of a guest on this host does
    assert differences(host) == dict.fromkeys(FOREIGN, "not registered")
    applied(host)
    assert entries(host).items() >= {n: t for n, t in mine.items() if n.startswith("qemu-")}.items()
    host.sh(f"echo -1 >{TABLE}/status", check=True)
    neighbours(host)
    before = theirs(host)
    assert differences(host) == dict.fromkeys(FOREIGN, "not registered")
    started = time.monotonic()
    done = applied(host)
    print(f"\nrepair after a flush: {time.monotonic() - started:.2f} s")
    assert len(done) == len(FOREIGN)
    assert all(does.startswith("register qemu-") for does in done)
    assert theirs(host) == before


def test_an_upgrade_and_the_way_back(boot: Boot) -> None:
    host = boot("forky", layers=("newer-binfmt",), agent=True, files={CONFIG: configuration()})
    assert agent(host, "apply").status == 0
    neighbours(host)
    first, before = entries(host), running(host, "linux/arm64")
    host.put(CONFIG, configuration(NEWER))
    old = {"QEMU qemu-v10.0.4": "copied by provisioner"}
    assert differences(host) == {f"{p} from": "image qemu-v10.0.4" for p in FOREIGN} | old
    applied(host)
    after = running(host, "linux/arm64")
    print(f"\nupgrade: {before} -> {after}")
    assert after != before
    assert host.sh(f"ls {VERSIONS}").stdout.split() == ["qemu-v10.2.3-68"]
    assert differences(host) == {}
    undone = agent(host, "rollback")
    assert undone.status == 0, undone.stderr
    assert running(host, "linux/arm64") == before
    assert entries(host) == first
    assert host.sh(f"ls {VERSIONS}").stdout.split() == ["qemu-v10.0.4"]
    host.put(CONFIG, configuration())
    assert differences(host) == {}


def test_an_image_that_is_there_needs_no_network_and_stays(boot: Boot) -> None:
    host = boot("trixie", agent=True, files={CONFIG: configuration(wanted=("linux/amd64", "linux/arm64"))})
    host.sh("docker pull -q tonistiigi/binfmt:qemu-v10.0.4; systemctl stop docker-registry", check=True)
    applied(host)
    assert differences(host) == {}
    assert host.sh("docker images -q tonistiigi/binfmt").stdout
    host.put(CONFIG, configuration("tonistiigi/binfmt:latest", ("linux/amd64", "linux/arm64")))
    before = entries(host)
    failed = agent(host, "apply", "--only=emulators")
    assert failed.status == 3
    assert "tonistiigi/binfmt:latest cannot be pulled" in failed.stderr
    assert entries(host) == before
    host.put(CONFIG, configuration("tonistiigi/binfmt:nothing-like-it", ("linux/amd64", "linux/arm64")))
    assert agent(host, "apply", "--only=emulators").status == 3


@pytest.mark.parametrize("there", [True, False], ids=["image there", "image pulled"])
def test_a_kill_while_programs_are_copied_is_undone(boot: Boot, there: bool) -> None:
    host = boot("trixie", agent=True, files={CONFIG: configuration()})
    if there:
        host.sh("docker pull -q tonistiigi/binfmt:qemu-v10.0.4", check=True)
    killed = host.start("provisioner", "apply", "--only=emulators")
    host.sh(KILLED, f"test -e {VERSIONS}/qemu-v10.0.4/qemu-aarch64", check=True)
    killed.communicate(timeout=20)
    assert agent(host, "check", "--only=emulators").document["interrupted"] == 1
    assert agent(host, "rollback").document["undone"] == [1]
    assert host.sh(f"ls -A {VERSIONS}").stdout == ""
    assert host.sh("docker ps -aq; docker volume ls -q").stdout == ""
    assert bool(host.sh("docker images -q tonistiigi/binfmt").stdout) is there
    applied(host)
    assert differences(host) == {}


def test_without_docker_and_without_network(boot: Boot) -> None:
    config = "platforms: [arm64, arm/v7]\nemulators: {source: directory, directory: /usr/bin}\n"
    host = boot("trixie", layers=("qemu",), agent=True, docker=False, files={CONFIG: config})
    applied(host)
    assert differences(host) == {}
    assert agent(host, "check").status == 69
    host.cut()
    host.boot()
    assert differences(host) == {}
    assert agent(host, "rollback").status == 0
    assert entries(host).keys().isdisjoint({"qemu-aarch64", "qemu-arm"})


def test_the_distribution_s_package_is_installed_upgraded_and_removed(boot: Boot) -> None:
    """From a repository in a folder: a package like Debian's, with scripts that flush the table."""
    config = "platforms: [arm64]\nemulators: {source: package}\n"
    host = boot("trixie", agent=True, docker=False, files={CONFIG: config}, binfmt=True)
    host.put("/srv/qemu-aarch64", (parts.qemu() / "usr/bin/qemu-aarch64").read_bytes())
    neighbours(host)
    before = theirs(host)
    repository(host, "1.0")
    done = applied(host)
    assert "run apt-get install --yes --no-install-recommends qemu-user" in done
    assert differences(host) == {}
    assert theirs(host) == before
    repository(host, "2.0")
    host.sh("apt-get -q update && apt-get -qy install --only-upgrade qemu-user", check=True, timeout=120)
    assert differences(host) == {}  # its scripts had systemd-binfmt read every file, ours too
    host.sh("apt-get -qy remove qemu-user", check=True, timeout=120)
    assert "is gone" in differences(host)["linux/arm64"]
    applied(host)
    assert differences(host) == {}


def test_somebody_s_entry_that_does_not_do_is_held_and_all_else_is_done_and_proven(boot: Boot) -> None:
    host = boot("trixie", layers=("qemu",), agent=True, binfmt=True)
    line = binfmt.registration_line(table.of("arm64"), "/usr/bin/qemu-aarch64", "OC")  # no F: not in containers
    host.sh(f'printf %s "$1" >{TABLE}/register', line, check=True)
    before = entries(host)
    done = agent(host, "apply")
    assert done.status == 5, done.stderr
    assert {c["resource"] for c in done.document["left"]} == {"emulators"}
    assert [(r["platform"], r["runs"]) for r in done.document["proof"]["platforms"]] == [("linux/amd64", True)]
    assert "leave linux/arm64 out" in done.stderr
    assert entries(host) == before
    host.put(CONFIG, "emulators: {replace: true}\n")
    assert "the entry qemu-aarch64 of somebody else (/usr/bin/qemu-aarch64) is replaced" in str(agent(host, "plan"))
    replaced = agent(host, "apply")
    assert replaced.status == 0, replaced.stderr
    assert [r["runs"] for r in replaced.document["proof"]["platforms"]] == [True, True]


def test_another_translator_loses_its_programs_only_where_the_configuration_says_so(boot: Boot) -> None:
    host = boot(
        "trixie", layers=("qemu",), agent=True, docker=False, files={CONFIG: "platforms: [arm64]\n"}, binfmt=True
    )
    line = binfmt.registration_line(table.of("arm64"), "/opt/box64", "", name="box")
    host.sh(f'cp /usr/bin/qemu-aarch64 /opt/box64; echo "$1" | tee /etc/binfmt.d/box.conf >{TABLE}/register', line)
    before = entries(host)
    held = agent(host, "apply", "--only=emulators")
    assert (held.status, entries(host)) == (5, before), held.stderr
    host.put(CONFIG, "{platforms: [arm64], emulators: {replace: true}}")
    [change] = agent(host, "plan", "--only=emulators").document["changes"]
    assert "box (/opt/box64) runs these programs until now" in change["notes"][0]
    applied(host)
    host.reboot()
    assert differences(host) == {}
    assert agent(host, "rollback").status == 0
    assert entries(host) == before


def test_a_masked_systemd_binfmt_gets_a_unit_of_ours(boot: Boot) -> None:
    config = "platforms: [arm64]\nemulators: {source: directory, directory: /usr/bin}\n"
    host = boot("trixie", layers=("qemu",), agent=True, docker=False, files={CONFIG: config}, binfmt=True)
    host.mask("systemd-binfmt.service")
    applied(host)
    assert host.run("systemd-analyze", "verify", "provisioner-emulators.service").status == 0
    host.reboot()
    assert differences(host) == {}
    assert host.run("systemctl", "is-active", "provisioner-emulators").stdout.strip() == "active"
    assert agent(host, "rollback").status == 0
    assert host.get("/etc/systemd/system/provisioner-emulators.service") is None
    assert host.sh("ls /etc/systemd/system/*/provisioner-emulators.service").status != 0


def repository(host: Host, version: str) -> None:
    """A repository of one package, which the host's apt takes from a folder."""
    host.sh(PACKAGE, version, check=True, timeout=120)


PACKAGE = """
set -e
top=/srv/qemu-user-$1; repository=/srv/repository
mkdir -p $top/DEBIAN $top/usr/bin $repository
install -m 755 /srv/qemu-aarch64 $top/usr/bin/
{ echo Package: qemu-user; echo Version: $1; echo Architecture: all
  echo Maintainer: nobody; echo Description: QEMU; } >$top/DEBIAN/control
printf '#!/bin/sh\\necho -1 >/proc/sys/fs/binfmt_misc/status\\n/usr/lib/systemd/systemd-binfmt\\n' >$top/DEBIAN/postinst
chmod 755 $top/DEBIAN/postinst
dpkg-deb --build --root-owner-group -Znone $top $repository/qemu-user_$1_all.deb >/dev/null
cd $repository
file=qemu-user_$1_all.deb
{ dpkg-deb -f $file
  echo Filename: ./$file
  echo Size: $(stat -c %s $file)
  echo SHA256: $(sha256sum $file | cut -d' ' -f1)
  echo; } >Packages
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
echo "deb [trusted=yes] file:$repository ./" >/etc/apt/sources.list
"""


def test_auto_takes_the_package_where_no_registry_has_the_image(boot: Boot) -> None:
    host = boot("trixie", agent=True)
    assert any("tonistiigi/binfmt" in does for does in steps(agent(host, "plan")))
    host.sh("systemctl stop docker-registry", check=True)
    does = steps(agent(host, "plan"))
    assert not any("tonistiigi/binfmt" in d for d in does)
    assert any(d.startswith("run apt-get install") and d.endswith("qemu-user") for d in does)


def test_on_a_host_that_mounts_no_table_at_boot_the_emulators_are_there_after_a_reboot(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    before = host.sh(f"mountpoint --quiet {TABLE}").status
    assert before != 0
    applied = agent(host, "apply", "--only=emulators")
    assert applied.status == 0, applied.stderr
    assert agent(host, "check", "--only=emulators").status == 0
    host.sh("systemctl disable provisioner-emulators", check=True)
    assert differences(host) == {"linux/arm64 at boot": "not registered: binfmt_misc is not mounted at boot"}
    assert agent(host, "apply", "--only=emulators").status == 0
    host.reboot()
    assert agent(host, "check", "--only=emulators").status == 0
    assert agent(host, "rollback", "1").status == 0
    assert host.sh(f"mountpoint --quiet {TABLE}").status == before
    assert agent(host, "apply", "--only=emulators").status == 0
    neighbours(host)
    there = theirs(host)
    undone = agent(host, "rollback")
    assert undone.status == 0, undone.stderr
    assert "somebody has changed that since" in undone.stderr
    assert entries(host) == there
    host.reboot()
    assert host.sh(f"mountpoint --quiet {TABLE}").status == before
