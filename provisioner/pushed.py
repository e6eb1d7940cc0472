"""The proof by way of a registry: push the index, read it back, pull and run each platform, take away what was pushed.

What counts is what the registry holds, read from it over HTTP and not from what the push said. One that asks who we
are is read by ``docker buildx imagetools``, which has the user's login; then nothing can be removed from here.
"""

import hashlib
import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from provisioner import platforms, proof, registries
from provisioner.desired import Desired
from provisioner.errors import CommandError, ProvisionerError
from provisioner.facts import Facts
from provisioner.proof import IMAGE, Row
from provisioner.system import System

PULL = 300  # seconds
INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
ACCEPT = ", ".join((*INDEXES, *MANIFESTS))


class Manifest(NamedTuple):
    """One platform's manifest, as the registry's index has it."""

    platform: str
    digest: str
    media_type: str


class Pushed(NamedTuple):
    """What the registry held: the index and its manifests, a row for each platform, and what had to be left there."""

    reference: str
    digest: str
    media_type: str
    manifests: tuple[Manifest, ...]
    rows: tuple[Row, ...]
    left: str

    @property
    def complete(self) -> bool:
        """Whether every platform was pushed, is in the registry's index, and runs where anything here can run it."""
        return all(r.built and r.indexed and (r.runs or r.build_only) for r in self.rows)


class Registry(NamedTuple):
    """A registry, and how it is talked to."""

    system: System
    host: str
    scheme: str
    repository: str

    def get(self, reference: str) -> tuple[str, bytes]:
        """The media type and the bytes of a manifest or an index."""
        path = f"/v2/{self.repository}/manifests/{reference}"
        status, fields, body = self.system.fetch(self.scheme, self.host, "GET", path, ACCEPT)
        if status in (401, 403):
            separator = "@" if reference.startswith("sha256:") else ":"
            name = f"{self.host}/{self.repository}{separator}{reference}"
            text = self.system.run(("docker", "buildx", "imagetools", "inspect", "--raw", name), PULL)
            return str(json.loads(text).get("mediaType", "")), text.encode("utf-8", "surrogateescape")
        if status != 200:
            hint = "look into the registry's log"
            raise ProvisionerError(f"{self.host}: GET {path} gave {status} after a push that succeeded", hint=hint)
        return fields.get("content-type", ""), body

    def remove(self, digest: str) -> int:
        """Take a manifest or an index away; the status."""
        path = f"/v2/{self.repository}/manifests/{digest}"
        return self.system.fetch(self.scheme, self.host, "DELETE", path, ACCEPT)[0]


def prove(system: System, facts: Facts, desired: Desired, where: str, say: Callable[[str], None]) -> Pushed:
    """Push to ``where`` (HOST, HOST:PORT, or either with a path), read back, pull, run, remove."""
    host, _, path = where.strip("/").partition("/")
    plain = registries.local(host) or host in facts.registries.insecure
    repository = f"{path}/{IMAGE}" if path else IMAGE
    registry = Registry(system, host, "http" if plain else "https", repository)
    tag = f"proof-{os.getpid()}"
    reference = f"{host}/{repository}:{tag}"
    wanted = proof.buildable(desired, facts)
    say(f"proof: build {', '.join(wanted)} and push {reference}")
    proof.build(system, facts, desired, wanted, f"type=registry,name={reference}", fresh=True)
    kind, body = registry.get(tag)
    digest, manifests = f"sha256:{hashlib.sha256(body).hexdigest()}", _manifests(json.loads(body))
    try:
        for manifest in manifests:
            _, text = registry.get(manifest.digest)
            if f"sha256:{hashlib.sha256(text).hexdigest()}" != manifest.digest:
                raise ProvisionerError(
                    f"{host}: what it gives for {manifest.digest} is something else", hint="repair it"
                )
        rows = tuple(_row(system, facts, reference, platform, manifests, say) for platform in wanted)
    finally:
        _forget(system, facts.socket, reference)
        left = _remove(registry, digest, manifests)
    return Pushed(reference, digest, kind, manifests, rows, left)


def _manifests(index: dict[str, Any]) -> tuple[Manifest, ...]:
    found = []
    for entry in index.get("manifests", ()):
        fields = entry.get("platform") or {}
        name = "/".join(str(fields[k]) for k in ("os", "architecture", "variant") if fields.get(k))
        found.append(Manifest(platforms.normalise(name), entry["digest"], entry["mediaType"]))
    return tuple(found)


def _row(
    system: System,
    facts: Facts,
    reference: str,
    platform: str,
    manifests: tuple[Manifest, ...],
    say: Callable[[str], None],
) -> Row:
    """Pull and run one platform, by the engine's own choice of the variant."""
    indexed = platform in {m.platform for m in manifests}
    if platforms.build_only(platforms.of(platform), facts.native):
        return Row(platform, True, indexed, False, proof.BUILD_ONLY, build_only=True)
    say(f"proof: pull and run {platform}")
    try:
        system.run(("docker", "pull", "--quiet", "--platform", platform, reference), PULL)
    except CommandError as e:
        return Row(platform, True, indexed, False, "", e.message)
    return proof.run(system, facts.socket, reference, platform, facts.within)._replace(indexed=indexed)


def _forget(system: System, socket: str, reference: str) -> None:
    """Remove the containers of the proof and the pulled image from the engine."""
    proof.clean(system, socket)
    system.ask("docker", "image", "rm", "--force", reference)


def _remove(registry: Registry, digest: str, manifests: tuple[Manifest, ...]) -> str:
    """Remove what was pushed; what is left, in a sentence, where the registry does not let us."""
    refused = [d for d in (digest, *(m.digest for m in manifests)) if registry.remove(d) not in (200, 202, 404)]
    if not refused:
        return ""
    return f"{registry.host} does not let us remove {len(refused)} manifests of {registry.repository}"
