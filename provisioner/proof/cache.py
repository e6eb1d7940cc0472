"""The proof of a shared cache: a host does not rebuild what another host built and stored in a registry."""

import re
from collections.abc import Callable
from typing import NamedTuple

from provisioner.config import references
from provisioner.config.desired import Desired
from provisioner.engine.facts import Facts
from provisioner.errors import CommandError, UsageError
from provisioner.host import System
from provisioner.proof import local
from provisioner.text.messages import Doing

STEP = re.compile(r'^(#\d+) \[[^\]]*\] RUN \["/probe"\]', re.MULTILINE)


class Row(NamedTuple):
    """One platform, and whether its build step came from the cache instead of running."""

    platform: str
    cached: bool


def prove(
    system: System, facts: Facts, desired: Desired, reference: str, say: Callable[[str], None]
) -> tuple[Row, ...]:
    """Build every platform from the cache at ``reference`` (HOST/NAME:TAG), and store there what was missing.

    Raises: UsageError if the reference is not valid, CommandError if a build fails.
    """
    if wrong := references.image(reference):
        hint = "for example --cache registry.example.net/cache:main"
        raise UsageError(f"--cache: {wrong}", hint=hint)
    say(Doing(f"proof: build {', '.join(desired.platforms)} from the cache {reference}"))
    return tuple(
        Row(platform, _cached(system, facts, desired, platform, reference))
        for platform in local.buildable(desired, facts)
        if not local.build_only(platform, facts)
    )


def _cached(system: System, facts: Facts, desired: Desired, platform: str, reference: str) -> bool:
    """Build one platform. Return whether its only step came from the cache.

    Each platform has its own tag in the cache.
    """
    place = f"type=registry,ref={reference if ':' in reference.rpartition('/')[2] else f'{reference}:latest'}"
    place += f"-{platform.replace('/', '-')}"
    argv = local.command(
        desired, (platform,), "type=cacheonly", ("--cache-from", place, "--cache-to", f"{place},mode=max")
    )
    ran = system.ask(*argv, text=local.context((platform,), facts), timeout=local.BUILD, user=desired.builder.users[0])
    if ran.status != 0:
        said = " / ".join(line.strip() for line in ran.error.splitlines()[-3:])
        hint = "may the builder push there? see `docker login`, and `registry` in builder.buildkitd"
        raise CommandError(f"{platform}: the build with the cache {reference} failed: {said}", hint=hint)
    return any(f"{step} CACHED" in ran.error for step in STEP.findall(ran.error))
