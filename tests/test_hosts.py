"""The hosts themselves: what they promise to the tests that stand on them, and to the machine that they run on."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import hosts
from tests.conftest import Boot
from tests.hosts import HostError, cache
from tests.hosts.recipes import ENGINES, REGISTRY
from tests.hosts.room import CGROUP, CGROUP2, ROOMS

pytestmark = pytest.mark.host

IMAGE = "moby/buildkit:buildx-stable-1"
TABLE = Path("/proc/sys/fs/binfmt_misc")
REGISTER = r"echo ':%s:E::%s::/bin/true:' > /proc/sys/fs/binfmt_misc/register"


def portrait() -> dict[str, object]:
    """What of this machine a host might disturb."""
    return {
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "emulators": sorted(os.listdir(TABLE)),
        "run": sorted(os.listdir("/run")),
    }


def traces(room: str) -> list[Path]:
    """What is left of a host: its folder, and a cgroup for as long as it has processes."""
    return [path for path in (cache.FOLDER / ROOMS / room, CGROUP2 / CGROUP / room) if path.exists()]


def kill_a_run(script: str) -> str:
    """Run a script in another Python until it prints a line, kill it with SIGKILL, and return the line."""
    pipe = subprocess.PIPE  # its stdin, too: it waits there, and ours may be at its end
    with subprocess.Popen((sys.executable, "-c", script), stdin=pipe, stdout=pipe, text=True) as run:
        assert run.stdout
        line = run.stdout.readline().strip()
        run.kill()
    return line


@pytest.mark.parametrize("engine", ENGINES)
def test_a_host_has_the_engine_that_it_is_named_after(boot: Boot, engine: str) -> None:
    host = boot(engine)
    version = host.run("docker", "version", "--format", "{{.Server.Version}}", check=True).stdout
    assert version.startswith(f"{ENGINES[engine].version}.")
    assert host.state == "running"


def test_a_command_leaves_its_status_and_its_output(boot: Boot) -> None:
    host = boot()
    result = host.sh("cat; echo oops >&2; exit 7", input="hello")
    assert (result.status, result.stdout, result.stderr) == (7, "hello", "oops\n")
    assert host.sh("kill -TERM $$").status == 128 + signal.SIGTERM
    with pytest.raises(HostError, match="false: ended with status 1"):
        host.run("false", check=True)


def test_a_command_has_nothing_of_the_caller(boot: Boot) -> None:
    host = boot()
    environment = host.run("env", env={"LANG": "C"}).stdout.splitlines()
    assert {line.partition("=")[0] for line in environment} == {"HOME", "LANG", "PATH", "PWD"}
    assert "LANG=C" in environment
    assert host.run("pwd").stdout == "/\n"
    assert "0::/init.scope" in host.run("cat", "/proc/self/cgroup").stdout.splitlines()


def test_a_command_runs_as_another_user(boot: Boot) -> None:
    host = boot()
    host.sh("useradd --create-home dev && usermod --append --groups docker dev", check=True)
    result = host.sh(
        'id -nu; id -nG; echo "$HOME"; touch "$HOME/here"; docker version >/dev/null', user="dev", check=True
    )
    assert result.stdout == "dev\ndev docker\n/home/dev\n"


def test_a_command_that_takes_too_long_is_killed(boot: Boot) -> None:
    host = boot()
    with pytest.raises(HostError, match=r"sleep 60: took longer than 0\.5 s"):
        host.run("sleep", "60", timeout=0.5)
    assert host.run("pgrep", "sleep").status == 1


def test_a_wait_in_vain_shows_the_journal(boot: Boot) -> None:
    host = boot()
    host.sh("echo a telling line | systemd-cat", check=True)
    with pytest.raises(HostError, match=r"(?s)waited in vain for Godot.*a telling line"):
        host.wait("Godot", lambda: False, timeout=0.2)


def test_files_are_put_and_got_with_power_and_without(boot: Boot) -> None:
    host = boot(files={"/etc/docker/daemon.json": '{"labels": ["a=b"]}'})
    assert "a=b" in host.run("docker", "info").stdout
    content = bytes(range(256))
    for path in ("/new/folder/file", "/var/lib/docker/file"):
        host.put(path, content, 0o600)
        assert host.run("stat", "-c", "%a", path).stdout == "600\n"
    host.shutdown()
    host.put("/home/later", "text")
    assert host.get("/new/folder/file") == host.get("/var/lib/docker/file") == content
    assert host.path("/new/folder/file").read_bytes() == content
    host.boot()
    assert host.get("/home/later") == b"text"
    assert host.get("/run/no-such-file") is None
    assert host.path("/home/later").read_bytes() == b"text"


def test_a_folder_is_a_layer_that_no_host_writes_to(boot: Boot, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/motd").write_text("mine")
    host = boot(layers=(tmp_path,))
    assert host.get("/etc/motd") == b"mine"
    host.put("/etc/motd", "the host's")
    assert (tmp_path / "etc/motd").read_text() == "mine"


def test_a_reboot_keeps_the_disk_and_starts_what_is_to_be_started(boot: Boot) -> None:
    host = boot()
    host.put("/run/here", "")
    host.sh(f"docker run --detach --name forever --restart always {IMAGE}", check=True)
    host.reboot()
    assert host.get("/run/here") is None
    assert host.run("docker", "inspect", "--format", "{{.State.Running}}", "forever").stdout == "true\n"


def test_a_power_cut_ends_everything_at_once_and_the_host_boots_again(boot: Boot) -> None:
    host = boot()
    host.sh(f"docker run --detach --name forever --restart always {IMAGE}", check=True)
    host.put("/var/lib/here", "kept")
    host.cut()
    assert host.state == "off"
    assert "populated 0" in (CGROUP2 / CGROUP / host.room / "guest/cgroup.events").read_text()
    with pytest.raises(HostError, match="switched off"):
        host.run("true")
    host.boot()
    assert host.get("/var/lib/here") == b"kept"
    assert host.run("docker", "inspect", "--format", "{{.State.Running}}", "forever").stdout == "true\n"


def test_the_journal_is_read_with_power_and_without(boot: Boot) -> None:
    host = boot()
    assert "Started docker.service" in host.journal("docker.service")
    assert "docker-registry" not in host.journal("docker.service")
    host.shutdown()
    assert "Stopped docker.service" in host.journal()


def test_the_engine_can_be_kept_from_starting(boot: Boot) -> None:
    host = boot(docker=False)
    assert host.run("docker", "version").status == 1
    host.sh("systemctl unmask docker.service docker.socket && systemctl start docker", check=True)
    assert host.run("docker", "version").status == 0


def test_an_engine_that_fails_at_boot_is_left_to_the_test(boot: Boot) -> None:
    host = boot(files={"/etc/docker/daemon.json": "{"})
    assert host.run("docker", "version").status == 1
    assert "unable to configure the Docker daemon" in host.journal("docker.service")


def test_hosts_side_by_side_have_nothing_in_common(boot: Boot) -> None:
    before = sorted(os.listdir(TABLE))
    one, other = boot("trixie", binfmt=True), boot("trixie", binfmt=True)
    one.sh(REGISTER % ("one", "one"), check=True)
    other.sh(REGISTER % ("other", "other"), check=True)
    assert one.sh(f"cd {TABLE} && ls -d one other").stdout == "one\n"
    assert other.sh(f"cd {TABLE} && ls -d one other").stdout == "other\n"
    assert sorted(os.listdir(TABLE)) == before
    assert one.get("/etc/machine-id") != other.get("/etc/machine-id")
    one.cut()
    assert other.run("docker", "info").status == 0


def test_a_host_leaves_nothing_behind() -> None:
    before = portrait()
    with contextlib.suppress(ZeroDivisionError), hosts.boot(layers=("qemu",)) as host:
        host.sh(f"docker run --detach {IMAGE}", check=True)
        assert len(traces(host.room)) == 2
        raise ZeroDivisionError
    assert traces(host.room) == []
    assert portrait() == before


def test_what_a_killed_run_leaves_is_removed_by_the_next(boot: Boot) -> None:
    before = portrait()
    room = kill_a_run("from tests import hosts\nwith hosts.boot() as h:\n print(h.room, flush=True)\n input()")
    assert len(traces(room)) == 2
    boot()
    assert traces(room) == []
    assert portrait() == before


def test_pulls_of_docker_hubs_names_are_real(engine_host: hosts.Host) -> None:
    pulled = engine_host.run("docker", "pull", "--quiet", "tonistiigi/binfmt", check=True).stdout
    assert pulled == "docker.io/tonistiigi/binfmt:latest\n"
    [digest] = engine_host.sh(
        "docker image inspect --format '{{index .RepoDigests 0}}' tonistiigi/binfmt"
    ).stdout.split()
    assert engine_host.run("docker", "pull", "--quiet", digest, check=True).stdout.split() == [f"docker.io/{digest}"]


def test_images_are_copied_from_a_registry_with_their_digests(boot: Boot, tmp_path: Path) -> None:
    host = boot()
    script = (
        "import sys\nfrom pathlib import Path\nfrom tests.hosts import hub, images\n"
        "from tests.hosts.registry import Storage\n"
        f"base, target = 'http://{REGISTRY}', Storage(Path(sys.argv[1]))\n"
        "assert hub.answers(base)\n"
        "print(hub.copy(target, 'moby/buildkit', 'buildx-stable-1', images.ARCHITECTURE, base))\n"
    )
    inside = ("/usr/bin/nsenter", f"--target={host.leader}", "--net")
    argv = (*inside, sys.executable, "-c", script, str(tmp_path))
    digest = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    tag = "docker/registry/v2/repositories/moby/buildkit/_manifests/tags/buildx-stable-1/current/link"
    assert (tmp_path / tag).read_text() == digest == (host.get(f"/var/lib/docker-registry/{tag}") or b"").decode()
    copied = [path.relative_to(tmp_path) for path in tmp_path.glob("docker/registry/v2/blobs/sha256/*/*/data")]
    assert len(copied) >= 4  # an index, a manifest, a configuration, a layer or more
    assert all(host.path(f"/var/lib/docker-registry/{blob}").exists() for blob in copied)


def test_a_demo_shows_every_command_and_leaves_nothing() -> None:
    before = portrait()
    argv = (sys.executable, "-m", "tests.hosts", "demo", "trixie")
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert str(cache.FOLDER) in done.stdout
    shown = [line.removeprefix("$ provisioner ") for line in done.stdout.splitlines() if line.startswith("$ ")]
    assert shown == ["detect", "plan", "apply", "check", "prove"]
    assert portrait() == before
