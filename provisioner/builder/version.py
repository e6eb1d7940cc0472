"""BuildKit's version, which no label and no file of buildx says: the program in the container has to be asked."""

from provisioner.builder import places, wanted
from provisioner.config import drivers
from provisioner.config.desired import Builder
from provisioner.engine.facts import Facts
from provisioner.model import Reader

ANSWER = 10  # seconds


def said(host: Reader, facts: Facts, builder: Builder) -> dict[str, str]:
    """Return BuildKit's version by node. A node that does not answer, or that is on a cluster, is left out."""
    if builder.driver != drivers.CONTAINER or not facts.socket:
        return {}
    own, *others = wanted.nodes(builder, facts)
    every = (places.Place(own), *(places.elsewhere(node, builder.users[0]) for node in others))
    found = {}
    for place in every:
        argv = place.docker("exec", place.name, "buildkitd", "--version")
        words = host.ask(*argv, timeout=ANSWER, user=place.user).stdout.split()
        if number := next((w for w in words if w.lstrip("v")[:1].isdigit()), ""):
            found[place.node.name] = number
    return found
