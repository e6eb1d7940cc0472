"""Variables of a person's environment with which ``docker build`` does not use the builder, or builds something else.

Sources: docker/cli's cmd/docker/builder.go (DOCKER_BUILDKIT, as Go's strconv.ParseBool reads it) and
cli/command (DOCKER_DEFAULT_PLATFORM); buildx's commands/ and util/confutil/.
"""

from collections.abc import Iterator, Mapping

from provisioner.builder import store
from provisioner.errors import ProvisionerError
from provisioner.model import Reader

LOGINS = ("/etc/environment", "/etc/profile")  # what every login reads, and the folder of more of it
MORE = "/etc/profile.d"
TRUE = ("1", "t", "T", "TRUE", "true", "True")
FALSE = ("0", "f", "F", "FALSE", "false", "False")


def notes(host: Reader, name: str) -> Iterator[str]:
    """Yield what the variables change for a person who builds, here or in every login."""
    yield from _told(host.environ, "this environment", name, folder=host.uid == 0)
    for path in (*LOGINS, *(f"{MORE}/{file}" for file in host.names(MORE) if file.endswith(".sh"))):
        yield from _told(_assigned(host, path), path, name, folder=True)


def _told(found: Mapping[str, str], where: str, name: str, *, folder: bool) -> Iterator[str]:
    """Yield a sentence for each variable. ``folder`` says whether buildx would then look elsewhere than we do."""
    other, place = found.get("BUILDX_BUILDER", ""), found.get(store.STORE, "")
    if other not in ("", name):
        yield f"BUILDX_BUILDER={other} in {where}: buildx builds with {other} there, and not with {name}"
    if place and folder:
        yield f"{store.STORE}={place} in {where}: buildx does not find {name} there: unset {store.STORE}"
    kit = found.get("DOCKER_BUILDKIT", "")
    if kit in FALSE:
        yield f"DOCKER_BUILDKIT={kit} in {where}: `docker build` uses no builder of buildx there: unset DOCKER_BUILDKIT"
    elif kit and kit not in TRUE:
        yield f"DOCKER_BUILDKIT={kit} in {where}: `docker build` fails there, because that is neither true nor false"
    if platform := found.get("DOCKER_DEFAULT_PLATFORM", ""):
        what = f"`docker build` without --platform builds for {platform} alone"
        yield f"DOCKER_DEFAULT_PLATFORM={platform} in {where}: {what} there"


def _assigned(host: Reader, path: str) -> dict[str, str]:
    """Return the variables that a file assigns. A file that this user may not read assigns none, as in a login."""
    try:
        lines = (host.read(path) or "").splitlines()
    except ProvisionerError:
        return {}
    pairs = (line.strip().removeprefix("export ").partition("=") for line in lines)
    return {name.strip(): value.strip().strip("\"'") for name, equals, value in pairs if equals}
