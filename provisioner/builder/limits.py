"""Whether the BuildKit that runs knows the limits of the cache, by what it said of itself to the last apply.

An image's tag is known before the image is here, but ``stable`` or a mirror's own tag says nothing of the version.
"""

from provisioner.builder import buildkitd
from provisioner.config import drivers
from provisioner.config.desired import Builder
from provisioner.engine.info import version
from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.text import tolerant


def kept(host: Reader) -> str:
    """Return the file with the versions that the last apply asked for."""
    return f"{host.state}/versions.json"


def note(host: Reader, builder: Builder) -> str:
    """Return the sentence for a BuildKit that ignores the limits that it was given, or an empty string."""
    if builder.gc != "sized" or not buildkitd.knows_limits(builder):
        return ""
    try:
        found = tolerant.mapping(host.read(kept(host)))
    except ProvisionerError:  # only root may read it
        return ""
    image, said = drivers.image(builder.driver_options), found.get("buildkit")
    text = said.get(drivers.first(builder.name)) if isinstance(said, dict) and found.get("image") == image else None
    number = version(str(text).removeprefix("v")) if text else None
    if number is None or number >= buildkitd.GC_SINCE:
        return ""
    return (
        f"{image} is BuildKit {text}, which does not know the limits of the cache (0.17 brought them) and ignores them"
    )
