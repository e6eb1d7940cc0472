"""The proof: build an image for every platform, find each one in the index, and run each variant.

It needs no network and no base image. The only files are our larger test program and its loader. The program maps
memory, starts a thread, forks, handles a signal, prints its architecture's name, waits until its stdin is closed, and
exits with 0. The image uses it for ``RUN`` and as its command. A container stays up while its stdin is open, so the
proof can inspect the running process.
"""

import io
import json
import os
import tarfile
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from provisioner.config import drivers
from provisioner.config.desired import Desired
from provisioner.engine import api, own_image, stores
from provisioner.engine.facts import Facts
from provisioner.engine.own_image import IMAGE, LABEL
from provisioner.errors import CommandError, ProvisionerError
from provisioner.host import System
from provisioner.platforms import ordinary, table
from provisioner.proof import builds
from provisioner.text.messages import Doing

BUILD = 300  # seconds
AT_ONCE = 2  # containers that start at the same time: more of them only wait for the CPU, and for each other
DOCKERFILE = f"""\
FROM scratch AS run
ARG TARGETARCH
COPY probe-$TARGETARCH /probe
COPY loader-$TARGETARCH {ordinary.LOADER}
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
    """The result for one platform: whether it was built, is in the index, and runs, and what runs it.

    ``build_only`` means that it need not run. ``away`` means that another node has to build it and did not. ``where``
    is the node that built it, if there is a choice.
    """

    platform: str
    built: bool
    indexed: bool
    runs: bool
    how: str
    error: str = ""
    build_only: bool = False
    away: bool = False
    where: str = ""


class Proof(NamedTuple):
    """A row per platform, and the digest of the index that holds them."""

    rows: tuple[Row, ...]
    digest: str

    @property
    def complete(self) -> bool:
        """True if every platform was built, is in the index, and runs if this host can run it."""
        return all(r.built and r.indexed and (r.runs or r.build_only) for r in self.rows)


def prove(system: System, facts: Facts, desired: Desired, say: Callable[[str], None]) -> Proof:
    """Build, inspect and run. Clean up everything that the proof created, also after an error.

    Raises: CommandError if the build itself fails.
    """
    wanted = buildable(desired, facts)
    tag = f"{IMAGE}:{os.getpid()}"
    mine = tag if facts.kind.owner == "root" and system.uid != 0 else ""
    own_image.clean(system, facts.socket, mine)
    say(Doing(f"proof: build {', '.join(wanted)} with {desired.builder.name}"))
    before = builds.known(system, desired.builder)
    try:
        if desired.builder.nodes:
            proven = Proof(tuple(_alone(system, facts, desired, platform, tag, say) for platform in wanted), "")
        else:
            proven = _together(system, facts, desired, wanted, tag, say)
        where = builds.since(system, facts, desired, before)
        return proven._replace(rows=tuple(r._replace(where=where.get(r.platform, "")) for r in proven.rows))
    finally:
        own_image.clean(system, facts.socket, mine)


def _together(
    system: System, facts: Facts, desired: Desired, wanted: tuple[str, ...], tag: str, say: Callable[[str], None]
) -> Proof:
    """Prove all platforms in one archive, as one node builds them."""
    archive = build(system, facts, desired, wanted, f"type=oci,dest=-,name={tag}", fresh=True)
    digest, indexed = read_index(archive)
    together = stores.store(facts.engine) == "containerd"
    if together:
        _load(system, facts.socket, archive)
    running = tuple(p for p in wanted if not build_only(p, facts))
    found = _runs(system, facts, tag, running if together else (), say)
    rows = list[Row]()
    for platform in wanted:
        if platform not in running:
            rows.append(Row(platform, True, platform in indexed, False, BUILD_ONLY, build_only=True))
            continue
        if not together:  # this image store holds one platform per image
            target = f"type=docker,dest=-,name={tag}"
            _load(system, facts.socket, build(system, facts, desired, (platform,), target, fresh=False))
            found = _runs(system, facts, tag, (platform,), say)
        rows.append(ran(platform, next(found), indexed=platform in indexed))
    return Proof(tuple(rows), digest)


def _alone(system: System, facts: Facts, desired: Desired, platform: str, tag: str, say: Callable[[str], None]) -> Row:
    """Prove one platform on its own. buildx up to 0.38 cannot put the results of several nodes into one archive."""
    builder = desired.builder
    elsewhere = builder.driver != drivers.CONTAINER or any(platform in node.platforms for node in builder.nodes)
    try:
        archive = build(system, facts, desired, (platform,), f"type=oci,dest=-,name={tag}", fresh=True)
    except CommandError as e:
        if not elsewhere:
            raise
        return Row(platform, False, False, False, "", e.message, away=True)  # only this node is down
    _, indexed = read_index(archive)
    if build_only(platform, facts):
        return Row(platform, True, platform in indexed, False, BUILD_ONLY, build_only=True)
    if stores.store(facts.engine) != "containerd":
        archive = build(system, facts, desired, (platform,), f"type=docker,dest=-,name={tag}", fresh=False)
    _load(system, facts.socket, archive)
    [found] = _runs(system, facts, tag, (platform,), say)
    return ran(platform, found, indexed=platform in indexed)


def judge(proof: Proof) -> None:
    """Raise ProvisionerError for the first platform that is not proven. Skip platforms whose node is down."""
    for row in proof.rows:
        if row.away:
            continue
        if not row.indexed:
            raise ProvisionerError(f"{row.platform}: it is missing in the index", hint="see `docker buildx ls`")
        if not row.runs and not row.build_only:
            hint = "is its emulator registered? provisioner detect; ls /proc/sys/fs/binfmt_misc"
            raise ProvisionerError(f"{row.platform}: built, but it does not run: {row.error}", hint=hint)


def read_index(archive: bytes) -> tuple[str, frozenset[str]]:
    """Return the digest of the index in an OCI archive, and the platforms of its manifests.

    Raises: ProvisionerError if buildx has not written such an archive.
    """
    try:
        return _indexed(archive)
    except (tarfile.TarError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
        what = f"its output is not an image ({len(archive)} bytes)" if archive else "it has written nothing"
        hint = "see whether docker is a wrapper: type -a docker"
        raise ProvisionerError(f"`docker buildx build` exited with status 0, but {what}", hint=hint) from None


def _indexed(archive: bytes) -> tuple[str, frozenset[str]]:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:

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
    """Return the wanted platforms. Those that are only built come last.

    Windows images need a base image for a file system.
    """
    return tuple(sorted(desired.platforms, key=lambda p: build_only(p, facts)))


def build_only(platform: str, facts: Facts) -> bool:
    """Return whether nothing here runs a platform, so that its build has no ``RUN`` step."""
    return table.build_only(table.of(platform), facts.native)


def build(
    system: System, facts: Facts, desired: Desired, wanted: tuple[str, ...], output: str, *, fresh: bool
) -> bytes:
    """Build some platforms as the first of the builder's users. Return the archive that buildx writes to stdout."""
    argv = command(desired, wanted, output, ("--no-cache",) if fresh else ())
    try:
        out = system.run(argv, BUILD, context(wanted, facts), user=desired.builder.users[0])
    except CommandError as e:
        why = ordinary.why(e.message)
        raise CommandError(f"{e.message}: {why}", hint=e.hint) if why else e from None
    return out.encode("utf-8", "surrogateescape")  # lossless in both directions


def command(desired: Desired, wanted: tuple[str, ...], output: str, more: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command line that builds some platforms from a context on stdin."""
    return (
        "docker", "buildx", "build",
        "--builder", desired.builder.name,
        "--platform", ",".join(wanted),
        "--output", output,
        "--provenance=false",
        "--progress=plain",
        *more,
        "-",
    )  # fmt: skip


def context(wanted: tuple[str, ...], facts: Facts) -> str:
    """Return the build context in the form that a program's stdin takes."""
    made = _context(wanted, frozenset(p for p in wanted if build_only(p, facts)))
    return made.decode("utf-8", "surrogateescape")


def _context(wanted: tuple[str, ...], only: frozenset[str]) -> bytes:
    """Return the build context as a tar: the Dockerfile, and the programs for each architecture that runs."""
    architectures = {p.split("/")[1]: table.of(p).architecture for p in wanted if p not in only}
    probes = {f"probe-{name}": ordinary.program(architecture) for name, architecture in architectures.items()}
    probes |= {f"loader-{name}": ordinary.loader(architecture) for name, architecture in architectures.items()}
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
    if reason := api.failure(answer):
        raise CommandError(f"the engine did not load the image: {reason}")


def _runs(
    system: System, facts: Facts, tag: str, platforms: tuple[str, ...], say: Callable[[str], None]
) -> Iterator[own_image.Ran]:
    """Run the variants of platforms, and yield the results in their order. While one starts, the next one does, too."""
    begun = deque[own_image.Begun]()
    for platform in platforms:
        say(Doing(f"proof: run {platform}"))
        begun.append(own_image.begin(system, facts.socket, tag, platform))
        if len(begun) == AT_ONCE:
            yield own_image.end(system, facts.socket, begun.popleft(), facts.within)
    for one in begun:
        yield own_image.end(system, facts.socket, one, facts.within)


def ran(platform: str, found: own_image.Ran, *, indexed: bool) -> Row:
    """Return the row of a platform that was built and then run."""
    return Row(platform, True, indexed, found.runs, found.how, found.error)
