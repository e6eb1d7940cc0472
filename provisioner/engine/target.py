"""Point the host and the configuration at one engine."""

from provisioner.config.desired import AUTO, Desired
from provisioner.engine import addresses, info, people
from provisioner.engine.facts import Facts
from provisioner.host import System


def with_engine(host: System, wanted: Desired, seen: Facts) -> tuple[System, Desired]:
    """Return the host and the configuration for this engine: its address, its state folder, and its users.

    Docker's default address is also named explicitly if a current context, ours or another user's, may decide
    otherwise. Otherwise buildx would record the selected builder under that context's name.
    """
    users = people.resolved(host, wanted.builder.users, seen.socket)
    open_to_others = AUTO in wanted.builder.users and AUTO not in wanted.keep
    wanted = wanted._replace(builder=wanted.builder._replace(users=users))
    wanted = wanted._replace(keep=(*wanted.keep, AUTO)) if open_to_others else wanted
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
    """Return a host whose docker talks to the engine that the configuration names by its address."""
    return host.at(wanted.engine) if "://" in wanted.engine and wanted.engine not in addresses.LOCAL else host
