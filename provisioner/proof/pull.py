"""Pull an image with the builder, as real builds do, with its proxies, mirrors, certificates and logins."""

from collections.abc import Callable
from typing import NamedTuple

from provisioner.config.desired import Desired
from provisioner.engine.facts import Facts
from provisioner.errors import CommandError, UsageError
from provisioner.host import System
from provisioner.platforms import table
from provisioner.text.messages import Doing

PULL = 900  # seconds per platform
# The second stage copies the whole image, so that all of it is pulled. Only the builder's cache keeps it.
DOCKERFILE = "FROM {image} AS pulled\nFROM scratch\nCOPY --from=pulled / /\n"


class Pulled(NamedTuple):
    """The result for one platform: whether the builder pulled it. ``error`` says why not."""

    platform: str
    pulled: bool
    error: str = ""


def pull(system: System, facts: Facts, desired: Desired, image: str, say: Callable[[str], None]) -> tuple[Pulled, ...]:
    """Pull each wanted platform of an image.

    Raises: UsageError if the image's name is not valid.
    """
    if not image or any(c.isspace() for c in image) or image.startswith("-") or not image.isprintable():
        raise UsageError(f"--pull {image}: this is not an image's name", hint="for example --pull debian:13")
    wanted = [p for p in desired.platforms if not table.build_only(table.of(p), facts.native)]
    return tuple(_pull(system, desired, image, platform, say) for platform in wanted)


def _pull(system: System, desired: Desired, image: str, platform: str, say: Callable[[str], None]) -> Pulled:
    say(Doing(f"proof: pull {image} for {platform} with {desired.builder.name}"))
    argv = (
        "docker", "buildx", "build",
        "--builder", desired.builder.name,
        "--platform", platform,
        "--output", "type=cacheonly",
        "--provenance=false",
        "--progress=plain",
        "--pull",
        "-",
    )  # fmt: skip
    try:
        system.run(argv, PULL, DOCKERFILE.format(image=image), user=desired.builder.users[0])
    except CommandError as e:
        return Pulled(platform, False, e.said or e.message)
    return Pulled(platform, True)
