"""The proof through a registry: push the index, read it back, pull and run each platform, and clean up.

The proof reads what the registry holds over HTTP. It does not rely on the output of the push.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from provisioner.config.desired import Desired
from provisioner.engine import own_image
from provisioner.engine.facts import Facts
from provisioner.engine.own_image import IMAGE
from provisioner.errors import CommandError, ProvisionerError
from provisioner.host import System
from provisioner.platforms import table
from provisioner.proof import builds, local, registry_api
from provisioner.proof.local import Row
from provisioner.proof.registry_api import Registry
from provisioner.text.messages import Doing


class Manifest(NamedTuple):
    """One platform's manifest, as listed in the registry's index."""

    platform: str
    digest: str
    media_type: str


class Pushed(NamedTuple):
    """The content of the registry: the index, its manifests, and a row per platform.

    ``left`` is a sentence about what could not be removed from the registry, or empty.
    """

    reference: str
    digest: str
    media_type: str
    manifests: tuple[Manifest, ...]
    rows: tuple[Row, ...]
    left: str

    @property
    def complete(self) -> bool:
        """True if every platform was pushed, is in the registry's index, and runs if this host can run it."""
        return all(r.built and r.indexed and (r.runs or r.build_only) for r in self.rows)


def prove(system: System, facts: Facts, desired: Desired, where: str, say: Callable[[str], None]) -> Pushed:
    """Push to ``where``, read back, pull, run, and remove. ``where`` is HOST or HOST:PORT, optionally with a path."""
    there = registry_api.at(system, facts.registries, where, IMAGE, desired.builder.users[0])
    tag = f"proof-{os.getpid()}"
    reference = f"{there.image}:{tag}"
    wanted = local.buildable(desired, facts)
    say(Doing(f"proof: build {', '.join(wanted)} and push {reference}"))
    before = builds.known(system, desired.builder)
    local.build(system, facts, desired, wanted, f"type=registry,name={reference}", fresh=True)
    pushed = [tag]  # what to remove; the digest replaces the tag as soon as it is known
    with _undone(there, facts.socket, reference, pushed):
        kind, body = there.get(tag)
        top = Manifest("", _digest(body), kind)
        pushed[:] = [top.digest]
        manifests = _manifests(there, tag, top, there.parsed(body))
        pushed += [manifest.digest for manifest in manifests]
        for manifest in manifests:
            if _digest(there.get(manifest.digest)[1]) != manifest.digest:
                reason = f"{there.host}: what it gives for {manifest.digest} is something else"
                raise ProvisionerError(reason, hint="repair it")
        nodes = builds.since(system, facts, desired, before)
        made = (_row(there, facts, reference, platform, manifests, say) for platform in wanted)
        rows = tuple(row._replace(where=nodes.get(row.platform, "")) for row in made)
    _forget(system, facts.socket, reference)
    return Pushed(reference, top.digest, kind, manifests, rows, _remove(there, pushed))


@contextlib.contextmanager
def _undone(there: Registry, socket: str, reference: str, pushed: list[str]) -> Iterator[None]:
    """If the block fails, remove what was pushed and pulled. The error also names what could not be removed."""
    try:
        yield
    except BaseException as e:
        with contextlib.suppress(ProvisionerError):  # the first error is the one to report
            _forget(there.system, socket, reference)
        left = _remove(there, pushed)
        if left and isinstance(e, ProvisionerError):
            raise type(e)(f"{e.message}; {left}", hint=e.hint) from None
        raise


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _manifests(there: Registry, tag: str, top: Manifest, found: Mapping[str, Any]) -> tuple[Manifest, ...]:
    """Return the manifests of an index. For a single platform, buildx pushes only a manifest and no index."""
    try:
        if top.media_type in registry_api.MANIFESTS:
            return (top._replace(platform=there.platform(tag, found["config"]["digest"])),)
        listed = found["manifests"]
        return tuple(
            Manifest(registry_api.platform(m.get("platform") or {}), m["digest"], m["mediaType"]) for m in listed
        )
    except (KeyError, TypeError, AttributeError):
        raise there.odd() from None


def _row(
    there: Registry,
    facts: Facts,
    reference: str,
    platform: str,
    manifests: tuple[Manifest, ...],
    say: Callable[[str], None],
) -> Row:
    """Pull and run one platform. The engine itself chooses the variant."""
    indexed = platform in {m.platform for m in manifests}
    if table.build_only(table.of(platform), facts.native):
        return Row(platform, True, indexed, False, local.BUILD_ONLY, build_only=True)
    say(Doing(f"proof: pull and run {platform}"))
    try:
        pull = ("docker", "pull", "--quiet", "--platform", platform, reference)
        there.system.run(pull, registry_api.PULL, user=there.user)
    except CommandError as e:
        return Row(platform, True, indexed, False, "", e.message)
    found = own_image.run(there.system, facts.socket, reference, platform, facts.within)
    return local.ran(platform, found, indexed=indexed)


def _forget(system: System, socket: str, reference: str) -> None:
    """Remove the proof's containers and the pulled image from the engine."""
    own_image.clean(system, socket, reference if system.uid != 0 else "")
    system.ask("docker", "image", "rm", "--force", reference)


def _removed(there: Registry, reference: str) -> bool:
    """Return whether a manifest is gone. If the registry does not answer, it is not."""
    try:
        return there.remove(reference) in (200, 202, 404)
    except ProvisionerError:
        return False


def _remove(there: Registry, pushed: Iterable[str]) -> str:
    """Remove what was pushed. Return a sentence about what the registry does not let us remove, or an empty string."""
    refused = [reference for reference in dict.fromkeys(pushed) if not _removed(there, reference)]
    if not refused:
        return ""
    what = f"{len(refused)} manifest{'s' if len(refused) > 1 else ''}"
    return f"{there.host} does not let us remove {what} of {there.repository}"
