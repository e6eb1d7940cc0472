"""BuildKit's image: whether the engine has it, whether it can be pulled, and the step that pulls it."""

import json
from collections.abc import Iterator

from provisioner.builder import node_engines, store
from provisioner.builder.commands import PULL, runner
from provisioner.builder.set_aside import Box
from provisioner.builder.wanted import Wanted
from provisioner.config import drivers
from provisioner.emulators import copied
from provisioner.engine.facts import Facts
from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.steps import Obstacle
from provisioner.steps.programs import Run

HUB = "https://index.docker.io/v1/"  # docker's name for Docker Hub in its configuration


def registry(image: str) -> str:
    """Return the registry of an image, as docker's configuration names it."""
    first, slash, _ = image.partition("/")
    own = slash and ("." in first or ":" in first or first == "localhost")
    return first if own and first not in ("docker.io", "index.docker.io") else HUB


def missing(host: Reader, facts: Facts, box: Box) -> bool:
    """Return whether the engine will lack the image of a container that must be made."""
    if not box.made or box.place.way:
        return False
    return facts.hidden or not node_engines.image(host, facts, box.place, drivers.image(box.place.node.options))


def pull(host: Reader, facts: Facts, box: Box, user: str) -> Iterator[Run]:
    """Pull the image in a separate step, because buildx reports a failed pull with a misleading cause."""
    if missing(host, facts, box):
        image = drivers.image(box.place.node.options)
        undo = Run(("docker", "image", "rm", image), lenient=True)  # another builder may use it by then
        yield Run(("docker", "pull", "--quiet", image), undo=(undo,), timeout=PULL, user=runner(user))


def unavailable(host: Reader, facts: Facts, box: Box) -> Obstacle | None:
    """Return why a container's image cannot be pulled. Only Docker Hub is asked, because others may require a login."""
    image = drivers.image(box.place.node.options)
    if facts.kind.name == "podman":  # has no call that asks a registry
        return None
    if not missing(host, facts, box) or registry(image) != HUB or copied.offered(host, facts.socket, image):
        return None
    hidden = node_engines.image(host, facts, box.place, image)
    where = ", and the switch of the image store hides the one that is here" if hidden else ""
    hint = "let the engine reach Docker Hub or a mirror, or name another image: builder.driver_options.image"
    return Obstacle("no-image", f"no registry that the engine reaches has {image}{where}", hint)


def helper(host: Reader, want: Wanted, box: Box) -> Obstacle | None:
    """Return the obstacle: a pull by the user who boots the builder needs a credential helper that is missing."""
    user = want.builder.users[0]
    account = host.account(user)
    if account is None or not box.made:
        return None
    path = f"{store.of(host, account).docker}/config.json"
    try:
        found = json.loads(host.read(path, user=user) or "{}")
        helpers = found.get("credHelpers") or {}
        name = str(helpers.get(registry(drivers.image(box.place.node.options))) or found.get("credsStore") or "")
    except (ProvisionerError, ValueError, AttributeError):
        return None  # docker reports this itself and continues
    program = f"docker-credential-{name}"
    if not name or "/" in name or host.program(program):
        return None
    message = f"{path} names the credential helper {program}, which is not where root's programs are: each pull fails"
    hint = f"install it, link it into /usr/local/bin, or take it out of {path}"
    return Obstacle("no-credential-helper", message, hint)
