"""The proof: build an image for every platform, see each in the index, run each variant.

No network and no base image: the only file is our probe, a static program of a few hundred bytes for each architecture
that prints its architecture's name, waits for its stdin to end, and exits with 0. It is the image's ``RUN`` and its
command. A container of it stays while its stdin is open, so that the running process itself can be asked what runs it.
"""

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from provisioner.config.desired import Desired
from provisioner.engine import stores
from provisioner.engine.facts import Facts
from provisioner.errors import CommandError, ProvisionerError
from provisioner.host import System
from provisioner.platforms import elf, table

IMAGE = "provisioner-proof"
LABEL = "io.provisioner.proof"
BUILD = 300  # seconds
START = 20.0  # seconds until a started probe has spoken
DOCKERFILE = f"""\
FROM scratch AS run
ARG TARGETARCH
COPY probe-$TARGETARCH /probe
RUN ["/probe"]
LABEL {LABEL}=1
ENTRYPOINT ["/probe"]
FROM scratch AS only
COPY Dockerfile /Dockerfile
LABEL {LABEL}=1
"""
CHOICE = "FROM $TARGETOS-$TARGETARCH$TARGETVARIANT\n"
BUILD_ONLY = "build only: nothing on this host runs it"


class Row(NamedTuple):
    """One platform: was it built, is it in the index, does it run, and by what. ``build_only``: it need not run.

    ``away``: another node is to build it, and did not.
    """

    platform: str
    built: bool
    indexed: bool
    runs: bool
    how: str
    error: str = ""
    build_only: bool = False
    away: bool = False


class Proof(NamedTuple):
    """A row a platform, and the digest of the index that holds them."""

    rows: tuple[Row, ...]
    digest: str

    @property
    def complete(self) -> bool:
        """Whether every platform was built, is in the index, and runs where anything here can run it."""
        return all(r.built and r.indexed and (r.runs or r.build_only) for r in self.rows)


def prove(system: System, facts: Facts, desired: Desired, say: Callable[[str], None]) -> Proof:
    """Build, inspect and run. CommandError: the build itself failed; everything of ours is cleaned up in any case."""
    wanted = buildable(desired, facts)
    tag = f"{IMAGE}:{os.getpid()}"
    clean(system, facts.socket)
    say(f"proof: build {', '.join(wanted)} with {desired.builder.name}")
    try:
        if desired.builder.nodes:
            return Proof(tuple(_alone(system, facts, desired, platform, tag, say) for platform in wanted), "")
        archive = build(system, facts, desired, wanted, f"type=oci,dest=-,name={tag}", fresh=True)
        digest, indexed = read_index(archive)
        together = stores.store(facts.engine) == "containerd"
        if together:
            _load(system, facts.socket, archive)
        rows = []
        for platform in wanted:
            if _build_only(platform, facts):
                rows.append(Row(platform, True, platform in indexed, False, BUILD_ONLY, build_only=True))
                continue
            say(f"proof: run {platform}")
            if not together:  # this store holds one platform an image
                target = f"type=docker,dest=-,name={tag}"
                _load(system, facts.socket, build(system, facts, desired, (platform,), target, fresh=False))
            rows.append(run(system, facts.socket, tag, platform, facts.within)._replace(indexed=platform in indexed))
        return Proof(tuple(rows), digest)
    finally:
        clean(system, facts.socket)


def _alone(system: System, facts: Facts, desired: Desired, platform: str, tag: str, say: Callable[[str], None]) -> Row:
    """One platform by itself: what several nodes build goes into no archive together (buildx to 0.38)."""
    elsewhere = any(platform in node.platforms for node in desired.builder.nodes)
    try:
        archive = build(system, facts, desired, (platform,), f"type=oci,dest=-,name={tag}", fresh=True)
    except CommandError as e:
        if not elsewhere:
            raise
        return Row(platform, False, False, False, "", e.message, away=True)  # its node is down; the others are not
    _, indexed = read_index(archive)
    if _build_only(platform, facts):
        return Row(platform, True, platform in indexed, False, BUILD_ONLY, build_only=True)
    say(f"proof: run {platform}")
    if stores.store(facts.engine) != "containerd":
        archive = build(system, facts, desired, (platform,), f"type=docker,dest=-,name={tag}", fresh=False)
    _load(system, facts.socket, archive)
    return run(system, facts.socket, tag, platform, facts.within)._replace(indexed=platform in indexed)


def judge(proof: Proof) -> None:
    """ProvisionerError names the first platform that is not proven; a node that is down fails no other."""
    for row in proof.rows:
        if row.away:
            continue
        if not row.indexed:
            raise ProvisionerError(f"{row.platform}: it is missing in the index", hint="see `docker buildx ls`")
        if not row.runs and not row.build_only:
            hint = "is its emulator registered? provisioner detect; ls /proc/sys/fs/binfmt_misc"
            raise ProvisionerError(f"{row.platform}: built, but it does not run: {row.error}", hint=hint)


def read_index(archive: bytes) -> tuple[str, frozenset[str]]:
    """The digest of the index in an OCI archive, and the platforms whose manifests it holds."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:

        def blob(name: str) -> Any:
            member = tar.extractfile(name)
            return json.loads(member.read()) if member else {}

        def manifests(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
            for descriptor in found.get("manifests", ()):
                path = "blobs/" + descriptor["digest"].replace(":", "/")
                if "index" in descriptor["mediaType"] or "manifest.list" in descriptor["mediaType"]:
                    yield from manifests(blob(path))
                else:
                    config = blob("blobs/" + blob(path)["config"]["digest"].replace(":", "/"))
                    yield config

        top = blob("index.json")
        found = frozenset(table.normalise(_platform(config)) for config in manifests(top))
        return top["manifests"][0]["digest"], found


def _platform(config: dict[str, Any]) -> str:
    parts = (config.get("os", ""), config.get("architecture", ""), config.get("variant", ""))
    return "/".join(p for p in parts if p)


def buildable(desired: Desired, facts: Facts) -> tuple[str, ...]:
    """The wanted platforms, those last that are only built. Windows has no file system of its own without a base."""
    return tuple(sorted(desired.platforms, key=lambda p: _build_only(p, facts)))


def _build_only(platform: str, facts: Facts) -> bool:
    return table.build_only(table.of(platform), facts.native)


def build(
    system: System, facts: Facts, desired: Desired, wanted: tuple[str, ...], output: str, *, fresh: bool
) -> bytes:
    """Build for some platforms, as the first of the builder's users; the archive that buildx writes to its stdout."""
    argv = (
        "docker", "buildx", "build",
        "--builder", desired.builder.name,
        "--platform", ",".join(wanted),
        "--output", output,
        "--provenance=false",
        "--progress=plain",
        *(("--no-cache",) if fresh else ()),
        "-",
    )  # fmt: skip
    context = _context(wanted, frozenset(p for p in wanted if _build_only(p, facts)))
    out = system.run(argv, BUILD, context.decode("utf-8", "surrogateescape"), user=desired.builder.users[0])
    return out.encode("utf-8", "surrogateescape")  # loses nothing, in either direction


def _context(wanted: tuple[str, ...], only: frozenset[str]) -> bytes:
    """The build context, a tar: the Dockerfile and a probe for each architecture that runs."""
    probes = {f"probe-{p.split('/')[1]}": elf.program(table.of(p).architecture) for p in wanted if p not in only}
    stages = (f"FROM {'only' if p in only else 'run'} AS {p.replace('/', '-', 1).replace('/', '')}\n" for p in wanted)
    dockerfile = "".join((DOCKERFILE, *stages, CHOICE))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in {"Dockerfile": dockerfile.encode(), **probes}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _load(system: System, socket: str, archive: bytes) -> None:
    answer = system.post(socket, "/images/load?quiet=1", archive, kind="application/x-tar")
    if "errorDetail" in str(answer):
        raise CommandError(f"the engine did not load the image: {answer}")


def run(system: System, socket: str, tag: str, platform: str, within: str = "") -> Row:
    """Run one platform's variant, by the engine's own choice of it.

    ``within``: the machine of its own that the engine runs in, whose processes have numbers of another host's.
    """
    probe = table.of(platform).architecture
    # A log of its own: the daemon's may be one that nobody can read. No capability: the kernel shows a process, and so
    # its QEMU, to root in a sandbox only if it may do nothing that the sandbox may not.
    of_its_own = {"NetworkMode": "none", "LogConfig": {"Type": "json-file"}, "CapDrop": ["ALL"]}
    spec = {"Image": tag, "OpenStdin": True, "Labels": {LABEL: "1"}, "HostConfig": of_its_own}
    row = Row(platform, built=True, indexed=False, runs=False, how="")
    try:
        made = system.post(socket, f"/containers/create?platform={quote(platform, safe='')}", spec)["Id"]
        system.post(socket, f"/containers/{made}/start")
        said = _said(system, socket, made, probe)
        pid = system.get(socket, f"/containers/{made}/json")["State"]["Pid"]
        how = within or _how(system, pid)
    except CommandError as e:
        return row._replace(error=e.message)
    if said.splitlines()[-1:] != [probe]:
        return row._replace(how=how, error=f"it said {said!r} instead of {probe!r}")
    return row._replace(runs=True, how=how)


def _said(system: System, socket: str, container: str, word: str) -> str:
    """What a container has printed, once its last line is ``word``, or it has ended.

    QEMU 10 for ppc64le says something of its own before it, which may be all that is in the log for a while.
    """
    deadline = system.clock() + START
    while True:
        running = system.get(socket, f"/containers/{container}/json")["State"]["Running"]
        _, frames = system.request(socket, "GET", f"/containers/{container}/logs?stdout=1&stderr=1")
        text = _text(frames).strip()
        if text.splitlines()[-1:] == [word] or not running or system.clock() > deadline:
            return text
        system.pause(0.02)


def _text(frames: bytes) -> str:
    """The text in a log of the engine's: frames of stream, three zeros, length (four bytes, big endian), data."""
    text = b""
    while len(frames) >= 8:
        length = int.from_bytes(frames[4:8], "big")
        text, frames = text + frames[8 : 8 + length], frames[8 + length :]
    return text.decode(errors="replace")


def _how(system: System, pid: int) -> str:
    """What runs a process: the CPU itself, or the QEMU that it is, asked for its version by way of the process."""
    program = f"/proc/{pid}/exe"
    target = system.link(program) if pid else None
    if target is None:
        return "unknown"
    if target.endswith("/probe"):
        return "native"
    words = system.ask(program, "--version").stdout.split("\n")[0].split()
    name = target.rpartition("/")[2]
    return f"QEMU {words[2]}" if len(words) > 2 and words[1] == "version" else name


def clean(system: System, socket: str) -> None:
    """Take away every container and image of a proof, those of a run that was killed, too."""
    label = quote(json.dumps({"label": [f"{LABEL}=1"]}))
    for container in system.get(socket, f"/containers/json?all=1&filters={label}") or ():
        system.post(socket, f"/containers/{container['Id']}?force=1", method="DELETE")
    reference = quote(json.dumps({"reference": [IMAGE]}))
    for image in system.get(socket, f"/images/json?filters={reference}") or ():
        for tag in image.get("RepoTags") or ():
            system.post(socket, f"/images/{tag}?force=1", method="DELETE")
