"""Point the host and the configuration at one engine: its address, and whose state and builders they are."""

from provisioner.config.desired import Desired
from provisioner.engine import addresses, info, people
from provisioner.engine.facts import Facts
from provisioner.host import System


def with_engine(host: System, wanted: Desired, seen: Facts) -> tuple[System, Desired]:
    """A host and a configuration as this engine needs them: its address, and whose state and builders they are.

    Docker's own address is named, too, where a current context may decide otherwise, ours or another user's: buildx
    would keep what we select under that context's name.
    """
    users = people.resolved(host, wanted.builder.users, seen.socket)
    wanted = wanted._replace(builder=wanted.builder._replace(users=users))
    if seen.engine == info.NONE:
        return host, wanted
    wanted = wanted._replace(engine=seen.endpoint.address)
    contexts = seen.endpoint.context != "default" or set(wanted.builder.users) - {"root"}
    host = host.at(wanted.engine) if contexts else with_endpoint(host, wanted)
    if host.uid != 0 and seen.kind.owner != "root":
        host = host.personal()
        wanted = wanted._replace(builder=wanted.builder._replace(users=(host.user,)))
    return host, wanted


def with_endpoint(host: System, wanted: Desired) -> System:
    """The host whose docker talks to the engine that a configuration names by its address."""
    return host.at(wanted.engine) if "://" in wanted.engine and wanted.engine not in addresses.LOCAL else host
