"""Variables of a person's environment with which ``docker build`` does not use the builder, or builds something else.

Sources: docker/cli's cmd/docker/builder.go (DOCKER_BUILDKIT, as Go's strconv.ParseBool reads it) and
cli/command (DOCKER_DEFAULT_PLATFORM, DOCKER_HOST, DOCKER_CONTEXT); buildx's commands/ and util/confutil/.
"""

from collections.abc import Iterator, Mapping

from provisioner.builder import store
from provisioner.engine import addresses, settings
from provisioner.engine.info import version
from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.text import as_go

API = "DOCKER_API_VERSION"
LOGINS = ("/etc/environment", "/etc/profile")  # what every login reads, and the folder of more of it
MORE = "/etc/profile.d"


def notes(host: Reader, endpoint: str, name: str, socket: str = "") -> Iterator[str]:
    """Yield what the variables change for a person who builds, here or in every login.

    ``endpoint`` is the address of the engine that has the builder ``name``, and ``socket`` is where we ask it.
    """
    yield from _api(host, socket, host.environ, "this environment")
    yield from _told(host.environ, "this environment", name, folder=host.uid == 0)
    for path in (*LOGINS, *(f"{MORE}/{file}" for file in host.names(MORE) if file.endswith(".sh"))):
        found = _assigned(host, path)
        yield from _told(found, path, name, folder=True)
        yield from _elsewhere(found, path, endpoint)
        yield from _api(host, socket, found, path)


def _elsewhere(found: Mapping[str, str], where: str, endpoint: str) -> Iterator[str]:
    """Yield a sentence for each variable with which a login's docker talks to another engine, or with other settings.

    The variables of this environment have decided which engine is provisioned.
    """
    there = addresses.address(found["DOCKER_HOST"]) if found.get("DOCKER_HOST") else endpoint
    if there != endpoint and not {there, endpoint} <= {*addresses.LOCAL}:
        yield f"DOCKER_HOST={found['DOCKER_HOST']} in {where}: docker talks to that engine there, not to {endpoint}"
    for variable in ("DOCKER_CONTEXT", "DOCKER_CONFIG"):
        if value := found.get(variable):
            what = "another engine" if variable == "DOCKER_CONTEXT" else "other settings and builders"
            yield f"{variable}={value} in {where}: docker may have {what} there"


def _api(host: Reader, socket: str, found: Mapping[str, str], where: str) -> Iterator[str]:
    """Yield a sentence if a variable pins a version of the API that the engine refuses."""
    asked = version(found.get(API, ""))
    if asked is None or not socket:
        return
    try:
        said = host.get(socket, "/version") or {}
    except ProvisionerError:
        return
    first, last = (str(said.get(key) or "") for key in ("MinAPIVersion", "ApiVersion"))
    if (version(first) or asked) > asked or (version(last) or asked) < asked:
        takes = f"this engine takes {first} to {last}"
        yield f"{API}={found[API]} in {where}: docker and buildx fail there, because {takes}: unset {API}"


def _told(found: Mapping[str, str], where: str, name: str, *, folder: bool) -> Iterator[str]:
    """Yield a sentence for each variable. ``folder`` says whether buildx would then look elsewhere than we do."""
    other, place = found.get("BUILDX_BUILDER", ""), found.get(store.STORE, "")
    if other not in ("", name):
        yield f"BUILDX_BUILDER={other} in {where}: buildx builds with {other} there, and not with {name}"
    if place and folder:
        yield f"{store.STORE}={place} in {where}: buildx does not find {name} there: unset {store.STORE}"
    kit = found.get("DOCKER_BUILDKIT", "")
    if kit in as_go.FALSE:
        yield f"DOCKER_BUILDKIT={kit} in {where}: `docker build` uses no builder of buildx there: unset DOCKER_BUILDKIT"
    elif kit and kit not in as_go.TRUE:
        yield f"DOCKER_BUILDKIT={kit} in {where}: `docker build` fails there, because that is neither true nor false"
    if platform := found.get("DOCKER_DEFAULT_PLATFORM", ""):
        what = f"`docker build` without --platform builds for {platform} alone"
        yield f"DOCKER_DEFAULT_PLATFORM={platform} in {where}: {what} there"


def _assigned(host: Reader, path: str) -> dict[str, str]:
    """Return the variables that a file assigns. A file that this user may not read assigns none, as in a login."""
    lines = (settings.file(host, path) or "").splitlines()
    pairs = (line.strip().removeprefix("export ").partition("=") for line in lines)
    return {name.strip(): value.strip().strip("\"'") for name, equals, value in pairs if equals}
