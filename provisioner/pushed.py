"""The proof by way of a registry: push the index, read it back, pull and run each platform, take away what was pushed.

What counts is what the registry holds, read from it over HTTP and not from what the push said. One that asks who we
are is told what ``docker login`` has left in the user's configuration. Where that is no password, or not enough, it is
read by ``docker buildx imagetools``, and nothing can be removed from here.
"""

import binascii
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from provisioner import platforms, proof, registries
from provisioner.buildx import store
from provisioner.desired import Desired
from provisioner.errors import CommandError, ProvisionerError, UsageError
from provisioner.facts import Facts
from provisioner.proof import IMAGE, Row
from provisioner.system import System

PULL = 300  # seconds
NAME = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]+)?(/[a-z0-9._/-]*)?")
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
    user: str
    headers: Mapping[str, str]
    trusted: tuple[str, ...]
    insecure: bool

    def ask(self, method: str, what: str) -> tuple[int, dict[str, str], bytes]:
        """One exchange about a manifest, an index or a blob."""
        url = f"{self.scheme}://{self.host}/v2/{self.repository}/{what}"
        return self.system.fetch(url, method, self.headers, self.trusted, insecure=self.insecure)

    def inspect(self, reference: str, *words: str) -> str:
        """What buildx, which knows every way to log in, reads of a reference."""
        name = f"{self.host}/{self.repository}{'@' if reference.startswith('sha256:') else ':'}{reference}"
        return self.system.run(("docker", "buildx", "imagetools", "inspect", *words, name), PULL, user=self.user)

    def get(self, reference: str) -> tuple[str, bytes]:
        """The media type and the bytes of a manifest or an index."""
        status, fields, body = self.ask("GET", f"manifests/{reference}")
        if status in (401, 403):
            text = self.inspect(reference, "--raw")
            return str(self.parsed(text).get("mediaType", "")), text.encode("utf-8", "surrogateescape")
        if status != 200:
            hint = "look into the registry's log"
            raise ProvisionerError(f"{self.host}: it gave {status} for {reference}, which was pushed there", hint=hint)
        return fields.get("content-type", "").partition(";")[0], body

    def remove(self, digest: str) -> int:
        """Take a manifest or an index away; the status."""
        return self.ask("DELETE", f"manifests/{digest}")[0]

    def platform(self, reference: str, config: str) -> str:
        """The platform that an image's configuration names."""
        status, _, body = self.ask("GET", f"blobs/{config}")
        return _platform(self.parsed(body if status == 200 else self.inspect(reference, "--format", "{{json .Image}}")))

    def parsed(self, text: str | bytes) -> dict[str, Any]:
        """The JSON object that it gives. ProvisionerError: something else, a page say."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise self.odd()
        return found

    def odd(self) -> ProvisionerError:
        """What is said of an answer that is none of a registry's."""
        hint = "is a registry there, or something in front of one? what was pushed is still there"
        return ProvisionerError(f"{self.host}: what it gives for {self.repository} is no manifest", hint=hint)


def prove(system: System, facts: Facts, desired: Desired, where: str, say: Callable[[str], None]) -> Pushed:
    """Push to ``where`` (HOST, HOST:PORT, or either with a path), read back, pull, run, remove."""
    if not NAME.fullmatch(where):
        hint = "HOST, HOST:PORT or either with a /PATH in lower case, without https://"
        raise UsageError(f"--registry {where}: this is no registry's name", hint=hint)
    host, _, path = where.strip("/").partition("/")
    insecure = registries.local(host) or host in facts.registries.insecure
    scheme = "http" if insecure and not _encrypted(system, host) else "https"
    repository = f"{path}/{IMAGE}" if path else IMAGE
    user = desired.builder.users[0]
    authorities = tuple(f for f in facts.registries.certificates.get(host, ()) if f.endswith(".crt"))
    headers = {"Accept": ACCEPT, **_login(system, host, user)}
    registry = Registry(system, host, scheme, repository, user, headers, authorities, insecure)
    tag = f"proof-{os.getpid()}"
    reference = f"{host}/{repository}:{tag}"
    wanted = proof.buildable(desired, facts)
    say(f"proof: build {', '.join(wanted)} and push {reference}")
    proof.build(system, facts, desired, wanted, f"type=registry,name={reference}", fresh=True)
    kind, body = registry.get(tag)
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    manifests = _manifests(registry, tag, Manifest("", digest, kind), registry.parsed(body))
    try:
        for manifest in manifests:
            _, text = registry.get(manifest.digest)
            if f"sha256:{hashlib.sha256(text).hexdigest()}" != manifest.digest:
                raise ProvisionerError(
                    f"{host}: what it gives for {manifest.digest} is something else", hint="repair it"
                )
        rows = tuple(_row(registry, facts, reference, platform, manifests, say) for platform in wanted)
    finally:
        _forget(system, facts.socket, reference)
        left = _remove(registry, digest, manifests)
    return Pushed(reference, digest, kind, manifests, rows, left)


def _encrypted(system: System, host: str) -> bool:
    """Whether an insecure registry speaks TLS all the same, as docker and BuildKit find out, too."""
    try:
        system.fetch(f"https://{host}/v2/", "GET", {}, insecure=True)
    except ProvisionerError:
        return False
    return True


def _login(system: System, host: str, user: str) -> dict[str, str]:
    """What docker would tell the registry; nothing where a credential helper keeps it."""
    account = system.account(user)
    try:
        text = system.read(f"{store.of(system, account).docker}/config.json", user=user) if account else None
        word = json.loads(text or "{}")["auths"][host]["auth"]
        binascii.a2b_base64(word, strict_mode=True)
    except (ProvisionerError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {"Authorization": f"Basic {word}"} if word else {}


def _manifests(registry: Registry, tag: str, top: Manifest, found: Mapping[str, Any]) -> tuple[Manifest, ...]:
    """The manifests of an index; of one platform alone buildx pushes none, but that manifest."""
    try:
        if top.media_type in MANIFESTS:
            return (top._replace(platform=registry.platform(tag, found["config"]["digest"])),)
        there = found["manifests"]
        return tuple(Manifest(_platform(m.get("platform") or {}), m["digest"], m["mediaType"]) for m in there)
    except (KeyError, TypeError, AttributeError):
        raise registry.odd() from None


def _platform(fields: Mapping[str, Any]) -> str:
    """The platform of a manifest; one that nobody knows is called what it is called."""
    name = "/".join(str(fields[k]) for k in ("os", "architecture", "variant") if fields.get(k))
    try:
        return platforms.normalise(name)
    except ValueError:
        return name


def _row(
    registry: Registry,
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
    system = registry.system
    try:
        system.run(("docker", "pull", "--quiet", "--platform", platform, reference), PULL, user=registry.user)
    except CommandError as e:
        return Row(platform, True, indexed, False, "", e.message)
    return proof.run(system, facts.socket, reference, platform, facts.within)._replace(indexed=indexed)


def _forget(system: System, socket: str, reference: str) -> None:
    """Remove the containers of the proof and the pulled image from the engine."""
    proof.clean(system, socket)
    system.ask("docker", "image", "rm", "--force", reference)


def _remove(registry: Registry, digest: str, manifests: tuple[Manifest, ...]) -> str:
    """Remove what was pushed; what is left, in a sentence, where the registry does not let us."""
    pushed = dict.fromkeys((digest, *(m.digest for m in manifests)))
    refused = [d for d in pushed if registry.remove(d) not in (200, 202, 404)]
    if not refused:
        return ""
    what = f"{len(refused)} manifest{'s' if len(refused) > 1 else ''}"
    return f"{registry.host} does not let us remove {what} of {registry.repository}"
