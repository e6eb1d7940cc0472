"""Whole hosts whose files and answers are odd: every command answers or refuses in words, and never ends in a bug.

A host starts with files as Docker, buildx, the kernel and provisioner itself write them. Then some of them are changed
at random: a value is replaced, removed or added, or the whole text is another one. The engine and the programs that a
command asks give odd answers, too. ``FUZZ=100000 python -m pytest tests/fuzz`` draws as many hosts as that.
"""

import contextlib
import copy
import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Collection
from importlib import import_module
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from provisioner import __version__, secrets
from provisioner.builder import choices, store
from provisioner.checks import record
from provisioner.cli import commandline
from provisioner.config.desired import Desired, to_json
from provisioner.emulators import copied, mounts
from provisioner.engine import contexts, endpoints, info, kinds, people, processes, registries, running, unit
from provisioner.errors import Exit, ProvisionerError, UsageError
from provisioner.fleet import results
from provisioner.host import wire
from provisioner.model import Ran
from provisioner.platforms import machine
from provisioner.runs import freeze, journal, receipts
from tests.cases.results import DRIFT, result
from tests.fuzz import test_texts as texts
from tests.helpers.daemon import Host

CONFIG = "etc/provisioner/provisioner.yaml"
BUILDER = "container-builder"
STATE = "var/lib/provisioner"
CONTEXT = hashlib.sha256(b"test").hexdigest()
DEFAULT = "13c4025c96f36e94b348"
NODE = {
    "Name": f"{BUILDER}0",
    "Endpoint": "unix:///var/run/docker.sock",
    "Platforms": [{"architecture": "arm", "os": "linux", "variant": "v7"}],
    "DriverOpts": {"image": "moby/buildkit:buildx-stable-1", "memory": "2g", "env.http_proxy": "http://p:3128"},
    "Flags": ["--allow-insecure-entitlement=network.host"],
    "Files": {"buildkitd.toml": "ZGVidWcgPSB0cnVlCg=="},
}
LINES = (
    {"event": "begin", "format": 1, "number": 1, "time": "2026-11-01T00:00:00Z", "agent": "0.1.0",
     "desired": to_json(Desired()), "before": [["daemon", ["debug", None, True]]], "confirm_by": ""},
    {"event": "change", "resource": "daemon", "keys": ["debug"], "settle": []},
    {"event": "step", "step": {"step": "SetLeaf", "path": "/etc/docker/daemon.json", "keys": ["debug"], "value": True,
                               "before": None, "after": "{}"},
     "undo": [{"step": "SetLeaf", "path": "/etc/docker/daemon.json", "keys": ["debug"], "value": None, "before": "{}",
               "after": None}]},
    {"event": "step", "step": {"step": "Run", "argv": ["docker", "buildx", "create"], "undo": [], "timeout": 60},
     "undo": [{"step": "Run", "argv": ["docker", "buildx", "rm", "b"], "undo": [], "user": "ci", "lenient": True}]},
    {"event": "end", "outcome": "converged", "time": "2026-11-01T00:00:01Z"},
)  # fmt: skip
# Each file as JSON, as lines of JSON (a tuple), or as text.
FILES: dict[str, Any] = {
    "etc/docker/daemon.json": {"debug": True, "log-opts": {"max-size": "5m"}, "features": {"cdi": True},
                               "registry-mirrors": ["http://127.0.0.1:5000"], "proxies": {"http-proxy": "http://p:1"}},
    CONFIG: {"platforms": ["linux/amd64", "linux/arm64"], "daemon": {"debug": True, "log-opts": {"max-size": "10m"}},
             "builder": {"users": ["root"], "driver_options": {"memory": "2g"}, "buildkitd": {"debug": True}},
             "restart": {"policy": "if-idle", "window": {"start": "02:00", "length": "2h", "zone": "UTC"}},
             "image_store": {"existing": "hide"}, "emulators": {"source": "auto"}, "repair": ["emulators"]},
    "etc/provisioner/hold.json": {"reason": "x", "by": "root", "since": "2026-11-01T00:00:00Z",
                                  "until": "2099-01-01T00:00:00Z"},
    "root/.docker/config.json": {"currentContext": "test", "credsStore": "pass", "credHelpers": {"r.example": "x"},
                                 "auths": {"r.example": {"auth": "dTpw"}}},
    f"root/.docker/contexts/meta/{CONTEXT}/meta.json": {"Name": "test", "Metadata": {}, "Endpoints": {
        "docker": {"Host": "unix:///var/run/docker.sock", "SkipTLSVerify": False}}},
    f"root/.docker/buildx/instances/{BUILDER}": {"Name": BUILDER, "Driver": "docker-container", "Nodes": [NODE],
                                                 "Dynamic": False},
    "root/.docker/buildx/current": {"Key": "unix:///var/run/docker.sock", "Name": BUILDER, "Global": False},
    f"root/.docker/buildx/defaults/{DEFAULT}": BUILDER,
    f"{STATE}/configuration.json": {"agent": __version__, "text": "{}", "desired": {}},
    f"{STATE}/owned.json": {"/etc/docker/daemon.json": [[["debug"], None]]},
    f"{STATE}/buildkitd.json": {"text": "debug = true\n", "found": {"debug": True}},
    f"{STATE}/open": "1\n",
    f"{STATE}/receipts/000001.jsonl": LINES,
    f"{STATE}-check/check.json": result(DRIFT),
    "proc/cpuinfo": "processor: 0\nflags: fpu cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3\n",
    "proc/self/mountinfo": "22 1 0:21 / /proc/sys/fs/binfmt_misc rw - binfmt_misc binfmt_misc rw\n",
    "proc/self/uid_map": "0 0 4294967295\n",
    "proc/self/loginuid": "1000\n",
    "proc/filesystems": "nodev\tbinfmt_misc\n\text4\n",
    "proc/locks": "1: FLOCK ADVISORY WRITE 1 00:01:1 0 EOF\n",
    "proc/1001/cmdline": "/usr/sbin/dockerd\0-H\0fd://\0--log-opt\0max-size=1m\0",
    "proc/1001/status": "Name:\tdockerd\nUid:\t0 0 0 0\nGid:\t0 0 0 0\nGroups:\t0\n",
    "proc/1001/environ": "HTTP_PROXY=http://u:p@proxy:3128\0NO_PROXY=x\0",
    "proc/1002/cmdline": "docker-buildx\0buildx\0build\0.\0",
    "proc/1002/status": "Uid:\t0 0 0 0\n",
    "proc/sys/fs/binfmt_misc/status": "enabled\n",
    "proc/sys/fs/binfmt_misc/qemu-aarch64": "enabled\ninterpreter /usr/bin/qemu-aarch64\nflags: POCF\noffset 0\n"
    "magic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n",
    "etc/binfmt.d/zz-provisioner-qemu-aarch64.conf": ":qemu-aarch64:M::\\x7fELF:\\xff\\xff\\xff\\xff:/usr/bin/q:POCF\n",
    "etc/os-release": "ID=debian\nVERSION_ID=\"13\"\nPRETTY_NAME='Debian 13'\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nci:x:1000:1000::/home/ci:/bin/sh\n",
    "etc/group": "root:x:0:\ndocker:x:999:ci\n",
    "etc/fstab": "/dev/vda / ext4 defaults 0 1\n",
    "etc/default/docker": "DOCKER_OPTS=\"--log-level=debug\"\n",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "var/run/docker.pid": "1001",
    "usr/lib/systemd/system/docker.service": "[Service]\nExecStart=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS\n",
    "usr/local/lib/provisioner/qemu/v10/manifest.json": {"image": "tonistiigi/binfmt:qemu-v10", "programs": {}},
}  # fmt: skip
INFO = {
    "Name": "host", "ID": "abc", "Containers": 2, "ContainersRunning": 1, "Images": 3, "OSType": "linux",
    "OperatingSystem": "Debian", "Architecture": "x86_64", "DriverStatus": [["Backing Filesystem", "extfs"]],
    "DockerRootDir": "/var/lib/docker", "Plugins": {"Authorization": ["x"], "Log": ["local"]},
    "RegistryConfig": {"Mirrors": ["http://m/"], "IndexConfigs": {"docker.io": {"Secure": True, "Mirrors": []}},
                       "InsecureRegistryCIDRs": ["127.0.0.0/8"]},
    "Swarm": {"ControlAvailable": False}, "Containerd": {"Address": "/run/containerd/containerd.sock"},
    "SecurityOptions": ["name=seccomp"], "HttpProxy": "http://x:xxxxx@proxy", "CgroupDriver": "systemd",
    "MemoryLimit": False, "ServerVersion": "28.5.2", "Labels": ["a=b"], "Warnings": None,
}  # fmt: skip
CONTAINER = {
    "Id": "1" * 64, "Names": ["/web"], "Name": f"/buildx_buildkit_{BUILDER}0", "State": "running", "Image": "sha256:1",
    "Labels": {"com.docker.compose.project": "p"}, "HostConfig": {"Memory": 1, "NetworkMode": "default", "Binds": []},
    "Config": {"Env": ["A=b"], "Image": "moby/buildkit:buildx-stable-1", "Labels": {}, "Cmd": []},
    "Mounts": [{"Type": "volume", "Name": "x", "Destination": "/var/lib/buildkit"}],
    "NetworkSettings": {"Networks": {"bridge": {}}},
}  # fmt: skip
ANSWERS = {
    "/info": INFO,
    "/containers/json": [CONTAINER],
    f"/containers/buildx_buildkit_{BUILDER}0/json": {**CONTAINER, "State": {"Status": "running", "Running": True}},
    "/images/json": [{"Id": "sha256:1", "RepoTags": ["a:b"], "RepoDigests": None, "Size": 5, "Labels": None}],
    "/images/moby/buildkit:buildx-stable-1/json": {"Id": "sha256:2", "RepoDigests": ["moby/buildkit@sha256:2"]},
    "/system/df": {"LayersSize": 5, "Images": [], "Volumes": [], "BuildCache": [{"Size": 1}]},
    "/volumes": {"Volumes": [{"Name": "x"}], "Warnings": None},
    "/version": {"ApiVersion": "1.51", "Components": [{"Name": "Engine", "Details": {}}]},
}
COMMANDS = (
    *("check --quick", "plan --quick", "check --quick --format json", "check --quick --format junit"),
    *("check --quick --format nagios", "plan --quick --format json", "detect", "detect --format json", "history"),
    *("history 1", "rollback --plan", "remove --plan", "explain --format json x", "check --quick --record", "recover"),
    *("validate /etc/provisioner/provisioner.yaml", "check --quick --context test", "recover --files", "confirm"),
)  # fmt: skip


# What json takes, and what a function that calls itself for each level may not.
DEEP = (json.loads("[" * 500 + "]" * 500), json.loads('{"a":' * 500 + "1" + "}" * 500))


@st.composite
def changed(draw: st.DrawFn, sample: Any) -> Any:
    """Draw a value of JSON that is the sample but for one place in it."""
    found = copy.deepcopy(sample)
    holder: Any = None
    key: Any = None
    here = found
    while isinstance(here, dict | list) and here and (holder is None or draw(st.integers(0, 3))):
        holder = here
        key = draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
        here = here[key]
    value = draw(texts.VALUES | st.sampled_from([None, "", [], {}, -1, 1e999, "\0", "\ud800", "²", "9" * 5000, *DEEP]))
    if holder is None:
        return value
    if draw(st.integers(0, 4)):
        holder[key] = value
    else:
        holder.pop(key)
    return found


@st.composite
def content(draw: st.DrawFn, sample: Any) -> str:
    """Draw the text of a file: the sample with a changed value or piece, or another text."""
    if not draw(st.integers(0, 4)):
        return draw(texts.TEXTS | texts.CRAFTED)
    if isinstance(sample, tuple):
        rows: list[Any] = list(sample)
        at = draw(st.integers(0, len(rows) - 1))
        rows[at] = draw(changed(rows[at]))
        return "".join(json.dumps(row) + "\n" for row in rows)
    if isinstance(sample, str):
        at = draw(st.integers(0, len(sample)))
        piece = draw(texts.CRAFTED | st.sampled_from(["\0", "²", "9" * 5000, "-1", "0x", "\udcff", "\u2028", " "]))
        return sample[:at] + piece + sample[at + draw(st.integers(0, 5)) :]
    return json.dumps(draw(changed(sample)))


def plain(sample: Any) -> str:
    if isinstance(sample, tuple):
        return "".join(json.dumps(row) + "\n" for row in sample)
    return sample if isinstance(sample, str) else json.dumps(sample)


class Odd(Host):
    """A host whose engine and programs answer what was drawn."""

    answers: dict[str, Any]
    said: Ran

    def get(self, socket: str, path: str) -> Any:
        found = self.answers.get(path.partition("?")[0])
        return None if found is None else wire.content(socket, path, json.dumps(found).encode())

    def ask(self, *argv: str, text: str = "", timeout: int = 20, user: str = "") -> Ran:
        return self.said

    def begin(self, programs: Any, *, bare: bool = False) -> None:
        """Start no test program."""

    def runs(self, programs: Any, *, bare: bool = False, patience: float = 10.0) -> list[Ran]:
        return [self.said for _ in programs]

    def expect(self, socket: str, path: str, method: str = "GET") -> None:
        """Send nothing early."""


PLAIN = {path: plain(sample) for path, sample in FILES.items()}
SOME = st.sets(st.sampled_from(sorted(FILES)), max_size=2)


def drawn(tree: Path, draw: Any) -> Odd:
    """Draw a host: a few files are odd, a few are missing, and an answer is odd."""
    odd, missing = draw(SOME), draw(SOME)
    host = plainly(tree, {path: draw(content(FILES[path])) for path in sorted(odd)}, missing)
    if draw(st.booleans()):
        path = draw(st.sampled_from(sorted(ANSWERS)))
        host.answers[path] = draw(changed(ANSWERS[path]))
    host.said = Ran(draw(st.sampled_from([0, 0, 1, None])), draw(texts.TEXTS | texts.CRAFTED), "")
    return host


def plainly(tree: Path, odd: dict[str, str], missing: Collection[str] = ()) -> Odd:
    """Make a host as it should be, but for a few files."""
    host = Odd(tree)
    host.environ = {"HOME": "/root"}
    host.answers = dict(ANSWERS)
    host.said = Ran(0, "", "")
    for path, text in {**PLAIN, **odd}.items():
        file = tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if path in missing and path not in odd:
            file.unlink(missing_ok=True)
        else:
            file.write_bytes(text.encode("utf-8", "surrogateescape" if "\udcff" in text else "replace"))
    return host


def answer(host: Host, argv: list[str]) -> None:
    """Run a command, and fail if it ends as a bug of ours would."""
    args = commandline.parse(argv)
    command = import_module(f"provisioner.cli.commands.{args.command}")
    secrets.forget()
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            assert command.run(host, args).status != Exit.BUG
    except (ProvisionerError, OSError):
        pass  # in words
    finally:
        secrets.forget()
    assert "this is a bug" not in said.getvalue()


def test_a_host_as_it_should_be_gives_each_command_its_answer(tmp_path: Path) -> None:
    """Otherwise each command would end at the first file that is read, and no test here would get any further."""
    for line in COMMANDS:
        host, args = plainly(tmp_path, {}), commandline.parse(line.split())
        said = import_module(f"provisioner.cli.commands.{args.command}").run(host, args)
        assert said.status in (Exit.OK, Exit.DRIFT, Exit.FAILED), line
        assert "unreadable" not in said.text, line


@pytest.fixture(scope="module")
def tree() -> Any:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.mark.host
@pytest.mark.timeout(max(600, texts.COUNT))
@hypothesis.given(st.data())
def test_a_host_with_odd_files_and_answers(tree: Path, data: st.DataObject) -> None:
    host = drawn(tree, data.draw)
    answer(host, data.draw(st.sampled_from(COMMANDS)).split())


class Memory(Odd):
    """A host that has one file, in memory."""

    file: tuple[str, str] = ("", "")

    def read(self, path: str, *, user: str = "") -> str | None:
        return self.file[1] if path == self.file[0] else None

    def head(self, path: str, size: int, *, piped: bool = False) -> bytes | None:
        found = self.read(path)
        return None if found is None else found.encode("utf-8", "surrogatepass")[: size if size >= 0 else None]

    def names(self, path: str, *, user: str = "") -> tuple[str, ...]:
        inside = self.file[0].removeprefix(f"{path}/")
        return (inside.partition("/")[0],) if inside != self.file[0] else ()


DOCKER = "/root/.docker"
STORE = store.Store(f"{DOCKER}/buildx", "root", DOCKER)
HERE = endpoints.Endpoint("default", "unix:///var/run/docker.sock", "default")
READERS: dict[str, Callable[[Memory], object]] = {
    f"root/.docker/buildx/instances/{BUILDER}": lambda h: store.instance(h, STORE, BUILDER),
    "root/.docker/buildx/current": lambda h: choices.choice(h, STORE),
    "root/.docker/config.json": lambda h: contexts.current(h, DOCKER),
    f"root/.docker/contexts/meta/{CONTEXT}/meta.json": lambda h: (
        contexts.named(h, DOCKER, "test", "x"), list(contexts.every(h, DOCKER)), choices.ways(h, STORE, "unix:///x")
    ),
    f"{STATE}/receipts/000001.jsonl": lambda h: (journal.read(h, 1), receipts.cut_off(h.file[1])),
    f"{STATE}/open": receipts.listed,
    f"{STATE}-check/check.json": lambda h: (
        record.keys(record.read(h)), results.result(h.file[1].encode("utf-8", "replace"), "x")
    ),
    "etc/provisioner/hold.json": lambda h: freeze.read(h, h.now()),
    "proc/self/mountinfo": lambda h: mounts.mount(h, "/proc/sys/fs/binfmt_misc"),
    "proc/1001/cmdline": lambda h: [p.program for p in processes.every(h)],
    "proc/1001/status": lambda h: processes.daemon(h, processes.Process(1001, ("dockerd",))),
    "proc/1001/environ": lambda h: registries._environment(h, 1001),
    "proc/cpuinfo": lambda h: machine.native(h, {}, ("linux/amd64",)),
    "var/run/docker.pid": lambda h: running.daemon(h, kinds.Layout()),
    "usr/lib/systemd/system/docker.service": lambda h: unit.written(h, "docker.service"),
    "etc/passwd": lambda h: people._named(h, "1000"),
    "usr/local/lib/provisioner/qemu/v10/manifest.json": lambda h: copied.program(
        h, "/usr/local/lib/provisioner/qemu/v10", "qemu-aarch64"
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", READERS)
@hypothesis.settings(max_examples=max(1, texts.COUNT // 4))
@hypothesis.given(st.data())
def test_an_odd_file_is_read_or_refused(tree: Path, path: str, data: st.DataObject) -> None:
    host = Memory(tree)
    host.file = (f"/{path}", data.draw(content(FILES[path])))
    with contextlib.suppress(ProvisionerError):
        READERS[path](host)
    secrets.forget()


@hypothesis.given(changed(INFO))
def test_an_odd_answer_to_info(tree: Path, found: Any) -> None:
    host = Odd(tree)
    host.answers = {"/info": found}
    with contextlib.suppress(ProvisionerError):
        info.ask(host, HERE)


DAMAGED = ("[]", "7", "{", "[" * 99999, f'{{"agent": "{__version__}", "text": "{{}}"}}', "\udcff", "1²")
MEMORY = ("configuration.json", "owned.json", "buildkitd.json", "open", "../provisioner-check/check.json")


@pytest.mark.host
@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
@pytest.mark.parametrize("name", MEMORY)
def test_what_provisioner_remembers_may_be_damaged(tree: Path, name: str, text: str) -> None:
    host = plainly(tree, {CONFIG: "{}", f"{STATE}/{name}": text})
    for command in COMMANDS:
        answer(host, command.split())


WORDS = st.sampled_from(
    [
        *commandline.COMMANDS,
        *("--format", "json", "--format=json", "--only", "daemon", "--config", "-", "--", "--quick", "--host", "tcp://"),
        *("--context", "--root", "/nowhere", "--confirm", "10m", "--until", "--platforms", "--color=always", "7", "-1"),
    ]
)  # fmt: skip


@hypothesis.given(st.lists(WORDS | st.text(max_size=8), max_size=6))
def test_a_command_line(argv: list[str]) -> None:
    with contextlib.suppress(UsageError, SystemExit), contextlib.redirect_stdout(None):
        commandline.parse(argv)
