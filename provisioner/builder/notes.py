"""Notes for a person about a builder on this host."""

from collections.abc import Iterator

from provisioner.builder import buildkitd, inherited, keys, places, store, variables, way_out
from provisioner.builder.keys import Key
from provisioner.builder.places import Place
from provisioner.builder.wanted import Wanted
from provisioner.config import drivers
from provisioner.engine import registries
from provisioner.engine.facts import Facts
from provisioner.errors import ProvisionerError
from provisioner.model import Reader


def notes(host: Reader, facts: Facts, want: Wanted) -> Iterator[str]:
    """Yield what the configuration means on this host."""
    builder = want.builder
    yield from variables.notes(host, facts.endpoint.host, builder.name, facts.socket or "")
    if builder.driver != drivers.CONTAINER:
        return
    lost = [m for m in facts.registries.mirrors if registries.local(m.rpartition("://")[2])]
    if lost and builder.inherit and builder.driver_options.get("network") != "host":
        yield f"{' '.join(lost)} is on the host's loopback, which the builder reaches with network: host only"
    if builder.inherit:
        yield from (f"{what}: the builder does not get it" for what in facts.registries.broken)
        yield from registries.odd(facts.registries)
    yield from _proxies(want)
    if want.nodes[0].options.get("network", "bridge") == "bridge":
        yield from inherited.notes(host, facts) if builder.inherit else ()
        yield from way_out.notes(host, facts)
    for node in want.nodes:
        if node.endpoint.startswith("ssh://") and _patient(host, node.endpoint, builder.users[0]):
            cure = f"ServerAliveInterval in the ssh_config of {builder.users[0]} ends it"
            yield f"a build on {node.endpoint} waits for ever when the wire is cut: {cure}"
    for place in _forgotten(host, want):
        take = " ".join(place.docker("container", "rm", "--force", place.name))
        yield f"the container of {place.node.name} stays on {place.node.endpoint}: `{take}` takes it away"
    for option in want.nodes[0].options.keys() & set(facts.engine.unlimited):
        yield f"this engine cannot enforce {option}: its cgroups lack the controller"
    if builder.gc == "sized" and not buildkitd.knows_limits(builder):
        image = drivers.image(builder.driver_options)
        yield f"{image} does not know limits of the cache, which BuildKit 0.17 brought: its own policy decides"
    size = host.room(facts.engine.root)
    if size and buildkitd.CAP in str(want.fields.get(Key(keys.SETTING, "worker.oci.maxUsedSpace"))):
        gigabytes = buildkitd.share(size, buildkitd.CAP)
        yield f"the cache may grow to {buildkitd.CAP} of its disk, {gigabytes} GB of {size / 1e9:.0f} GB"


def _proxies(want: Wanted) -> Iterator[str]:
    """Yield a note on proxies on the host's loopback. Only a builder on the host's network reaches them."""
    options = want.nodes[0].options
    proxies = [options[f"env.{name}"] for name in ("http_proxy", "https_proxy") if f"env.{name}" in options]
    lost = [p for p in dict.fromkeys(proxies) if registries.local(p.rpartition("://")[2].rpartition("@")[2])]
    if lost and options.get("network") != "host":
        shown = " ".join(p.rpartition("@")[2] for p in lost)
        cure = "set builder.driver_options: {network: host}, or name the proxy by an address that a container reaches"
        yield f"the proxy {shown} is on the host's loopback, where the builder does not reach it: {cure}"


def _patient(host: Reader, endpoint: str, user: str) -> bool:
    """Return whether ssh never checks that the other side still answers."""
    said = host.ask("ssh", "-G", endpoint, user=user).stdout.lower()
    return "serveraliveinterval 0" in said.splitlines()


def _forgotten(host: Reader, want: Wanted) -> Iterator[Place]:
    """Yield the nodes that buildx has registered for the first user and that are no longer wanted."""
    user = want.builder.users[0]
    account = host.account(user)
    try:
        there = store.instance(host, store.of(host, account), want.builder.name) if account else None
    except ProvisionerError:
        there = None
    known = {*want.names, drivers.first(want.builder.name)}
    yield from (places.elsewhere(n, user) for n in (there.nodes if there else ()) if n.name not in known)
