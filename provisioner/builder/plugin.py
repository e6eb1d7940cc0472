"""docker's command line and buildx. docker itself is asked, because it knows where its plug-ins are."""

from typing import NamedTuple

from provisioner.engine.facts import Facts
from provisioner.engine.info import version
from provisioner.model import Reader
from provisioner.steps import Obstacle

UNSTAMPED = (0, 0, 0)  # the version of a build that was not given one
TALKS_ONLY_TO = (((0, 31), (0, 32), (25,)),)  # from the first buildx, before the second: needs at least this engine


class Plugin(NamedTuple):
    """The answer to ``docker buildx version``. ``version`` is None if the answer has no usable version."""

    version: tuple[int, ...] | None = None
    missing: str = ""  # "docker" or "buildx", if that program is not on this host
    broken: str = ""  # docker's message about a plug-in that is on this host and does not run


def asked(host: Reader) -> Plugin:
    """Ask docker for its buildx."""
    if host.program("docker") is None:
        return Plugin(missing="docker")
    ran = host.ask("docker", "buildx", "version")
    words = ran.stdout.split()
    if ran.status == 0:
        number = version(words[1].removeprefix("v")) if len(words) > 1 else None
        return Plugin(None if number == UNSTAMPED else number)
    said = ran.error.strip().splitlines()
    if any("is not a docker command" in line or "unknown command" in line for line in said):
        return Plugin(missing="buildx")
    return Plugin(broken=said[0] if said else f"it ended with status {ran.status}")


def obstacle(facts: Facts, found: Plugin, hint: str) -> Obstacle | None:
    """Return why this buildx cannot be used with this engine. ``hint`` says how to install a missing program."""
    if found.missing:
        what = "docker's command line is" if found.missing == "docker" else "docker's buildx plug-in is"
        return Obstacle(f"no-{found.missing}", f"{what} not on this host", hint)
    if found.broken:
        return Obstacle("broken-buildx", f"`docker buildx version` fails: {found.broken}", hint)
    for first, mended, engine in TALKS_ONLY_TO:
        number, there = found.version, facts.engine.version
        if number is not None and there is not None and first <= number < mended and there < engine:
            names = ".".join(map(str, number)), facts.engine.version_text, ".".join(map(str, engine))
            message = f"buildx {names[0]} does not talk to Engine {names[1]}: it needs {names[2]} or newer"
            hint = f"install another buildx, {'.'.join(map(str, mended))} for example"
            return Obstacle("buildx-too-new", message, hint)
    return None
