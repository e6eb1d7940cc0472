"""Reasons why a builder cannot be changed: the whole builder, one user's part, or a node."""

import contextlib
import shlex
from collections.abc import Collection, Iterator

from provisioner.builder import choices, commands, images, keys, node_engines, ownership, places, store
from provisioner.builder.cluster_step import CallCluster
from provisioner.builder.keys import Key
from provisioner.builder.plugin import Plugin
from provisioner.builder.set_aside import Box
from provisioner.builder.wanted import Wanted
from provisioner.config import drivers
from provisioner.config.desired import Builder
from provisioner.engine import contexts, people
from provisioner.engine.facts import Facts
from provisioner.errors import DeniedError, ProvisionerError
from provisioner.model import Account, Reader
from provisioner.steps import Blocked, Obstacle, Step
from provisioner.steps.programs import Run

BUILDING = Obstacle("build-running", "a build runs on the builder", "wait until it has ended, then apply again")


def whole(host: Reader, facts: Facts, want: Wanted, plug: Plugin, boxes: tuple[Box, ...]) -> Obstacle | None:
    """Return why the builder cannot be changed at all; None if nothing prevents it."""
    return (
        _unknown(want, plug.version)
        or _unmounted(want, plug.version)
        or _twice(want)
        or _secured(facts, want)
        or _other_driver(host, want)
        or _default_file(host, want)
        or next(filter(None, (_made(host, facts, want, box) for box in boxes)), None)
    )


def _made(host: Reader, facts: Facts, want: Wanted, box: Box) -> Obstacle | None:
    """Return why a container cannot be made; None if it can."""
    return (
        _no_network(host, facts, box)
        or images.helper(host, facts, want, box)
        or images.unavailable(host, facts, want, box)
    )


def _no_network(host: Reader, facts: Facts, box: Box) -> Obstacle | None:
    """Return the obstacle: an engine with ``bridge: none`` has no network for a builder that is not on the host's."""
    if not box.made or box.place.way or box.place.node.options.get("network", "bridge") != "bridge":
        return None
    if (
        facts.kind.layout is None or host.get(facts.socket, "/networks/bridge") is not None
    ):  # Podman's network has another name
        return None
    message = "this engine has no bridge network (bridge: none), so the builder would have no network at all"
    return Obstacle("no-bridge", message, "set builder.driver_options: {network: host}")


def building(host: Reader, facts: Facts, undo: Collection[Step], builder: Builder) -> str | None:
    """Return what an undo would remove during a build; None if nothing.

    Returns:
        The name of the container, or of the builder on a cluster.
    """
    if any(isinstance(s, CallCluster) for s in undo) and commands.building(host, builder):
        return builder.name
    names = {s.argv[-1] for s in undo if isinstance(s, Run) and s.argv[:3] == ("docker", "container", "rm")}
    found = ((name, host.get(facts.socket, f"/containers/{name}/json")) for name in sorted(names) if facts.socket)
    return next((name for name, there in found if node_engines.building_here(host, facts, there)), None)


def users(host: Reader, facts: Facts, want: Wanted) -> Iterator[tuple[str, Obstacle]]:
    """Yield the users for whom nothing can be changed, each with the reason and the hint."""
    for user in want.builder.users:
        account = host.account(user)
        if account is None:
            message = f"there is no user {user} on this host"
            yield user, Obstacle("no-user", message, "remove the name from builder.users")
        elif user != "root" and not people.reaches(host, facts.socket, account):
            group = people.group(host, facts.socket)
            hint = f"usermod --append --groups {group} {user}, which makes {user} as mighty as root; then log in again"
            yield user, Obstacle("no-access", f"{user} may not talk to the engine", hint)
        elif store.hidden(host, store.of(host, account)):
            hint = "add the drop-in users.conf to the unit (see docs/builder.md), or run `provisioner apply` by hand"
            yield user, Obstacle("hidden-home", f"{account.home} is hidden from this process", hint)
        elif odd := _misplaced(host, facts, store.of(host, account), want.builder.name):
            kinds = ("a directory", "a file") if host.directory(odd, user) else ("a file", "a directory")
            message = f"{odd} is {kinds[0]}, where buildx keeps {kinds[1]}"
            yield user, Obstacle("wrong-kind", message, f"see what it is, and move it away: ls -ld {shlex.quote(odd)}")
        elif folder := _closed(host, want, account):
            hint = f"see whose it is with `ls -ld {shlex.quote(folder)}`, or leave {user} out of builder.users"
            yield user, Obstacle("closed-home", f"{user} may not write to {folder}, where buildx keeps builders", hint)
        elif why := _no_room(host, account):
            folder = shlex.quote(why[0])
            hint = f"see `df -h {folder}`, `df -i {folder}`, `quota -u {user}` and `lsattr -d {folder}`"
            message = f"{user} can make no file in {why[0]}, where buildx keeps builders: {why[1]}"
            yield user, Obstacle("not-writable", message, hint)
        elif context := _context(host, account):
            message = f"docker cannot read {context}, so each build of {user} fails"
            hint = f"see what `docker context ls` says, then move it away: {shlex.quote(context.rpartition('/')[0])}"
            yield user, Obstacle("broken-context", message, hint)


def _context(host: Reader, account: Account) -> str:
    """Return the file of a context of a user that docker cannot read; empty if it can read all."""
    with contextlib.suppress(ProvisionerError):  # what this user may not know is found out by an apply
        return contexts.broken(host, store.of(host, account).docker, user=account.name)
    return ""


def _misplaced(host: Reader, facts: Facts, kept: store.Store, name: str) -> str:
    """Return the first path of a user where buildx wants a file and finds a directory, or the other way round."""
    ways = (facts.endpoint.host, *choices.ways(host, kept, facts.endpoint.host))
    files = (kept.instance_file(name), kept.activity_file(name), kept.current_file, *map(kept.default_file, ways))
    try:
        return choices.misplaced(host, kept, *files)
    except DeniedError:  # whether buildx can write there decides
        return ""


def _judges(host: Reader, account: Account) -> bool:
    """Return whether we can act as a user. What somebody else may not write tells nothing of that user."""
    return host.uid in (0, account.uid)


def _closed(host: Reader, want: Wanted, account: Account) -> str | None:
    """Return the folder of a user where buildx would fail to write, except what is given back to that user first."""
    if not _judges(host, account):
        return None
    kept = store.of(host, account)
    found = (host.barred(f"{kept.folder}/{name}".rstrip("/"), account.name) for name in store.FOLDERS)
    given = set(ownership.foreign(host, kept, want, account)) if account.uid else set()
    return next((folder for folder in found if folder and folder not in given), None)


def _no_room(host: Reader, account: Account) -> tuple[str, str] | None:
    """Return the first folder of a user where buildx could not fill a file, and why. Foreign folders are given back."""
    kept = store.of(host, account)
    if not _judges(host, account):
        return None
    for folder in (f"{kept.folder}/{name}".rstrip("/") for name in store.FOLDERS):
        if host.barred(folder, account.name) is None and (why := host.unmakeable(f"{folder}/x", account.name)):
            return folder, why
    return None


def nodes(want: Wanted, wrong: Collection[Key], down: frozenset[str]) -> Iterator[Blocked]:
    """Yield the differences that cannot be fixed because a node's engine does not answer."""
    for node in want.nodes:
        if node.name in down:
            asked = " ".join(places.elsewhere(node, "").docker("info"))
            hint = f"apply again when `{asked}` answers, or take the node out"
            message = f"{node.endpoint} does not answer, and buildx registers and changes only what does"
            down_node = Obstacle("node-down", message, hint)
            yield from down_node.blocks(*(keys.words(key) for key in wrong if key.node == node.name))


def losing(down: frozenset[str]) -> Obstacle:
    """Return the obstacle: registering the builder again would lose nodes that do not answer."""
    names = " ".join(sorted(down))
    message = f"to register the builder again would lose {names}, which does not answer"
    return Obstacle("node-lost", message, f"apply again when {names} answers, or take it out")


def _unknown(want: Wanted, known: tuple[int, ...] | None) -> Obstacle | None:
    """Return the obstacle: this buildx does not know an option. buildx would report the builder as broken."""
    driver = want.builder.driver
    for option in [o for node in want.nodes for o in node.options]:
        since = drivers.since(driver, option)
        if known is not None and since is not None and known < since:
            needs = ".".join(map(str, since))
            message = f"this buildx ({'.'.join(map(str, known))}) does not know the driver option {option}"
            hint = f"buildx {needs} brought it: upgrade, or take the option out"
            return Obstacle("unknown-option", message, hint, fatal=True)
    return None


def _unmounted(want: Wanted, known: tuple[int, ...] | None) -> Obstacle | None:
    """Return the obstacle: with a persistent volume, this buildx does not mount buildkitd.toml."""
    volumes = [n for n in want.nodes if drivers.VOLUME in n.options and n.options.get("rootless") != "true"]
    if want.builder.driver == drivers.KUBERNETES and want.toml and volumes and (known or ()) <= drivers.UNMOUNTED:
        message = (
            f"this buildx mounts no buildkitd.toml next to a persistent volume, so {volumes[0].name} would have none"
        )
        return Obstacle("no-buildkitd-toml", message, f"take {drivers.VOLUME} or builder.buildkitd out")
    return None


def _twice(want: Wanted) -> Obstacle | None:
    """Return the obstacle: buildx refuses a node whose endpoint is this host's own, which the first node has."""
    for node in want.nodes[1:] if want.builder.driver == drivers.CONTAINER else ():
        if node.endpoint == "default" or store.same(node.endpoint, want.nodes[0].endpoint):
            message = f"the node {node.name} is this host's own engine ({node.endpoint}), which the builder has already"
            return Obstacle("duplicate-endpoint", message, "take the node out of builder.nodes")
    return None


def _secured(facts: Facts, want: Wanted) -> Obstacle | None:
    """Return the obstacle: buildx speaks to a node at an address without TLS, whatever the environment says."""
    if want.builder.driver != drivers.CONTAINER or not facts.endpoint.tls:
        return None
    message = f"buildx speaks to {facts.endpoint.host} without TLS, and the engine there wants it"
    hint = "provision that engine through its socket, on its own host: --host unix:///var/run/docker.sock"
    return Obstacle("tls-endpoint", message, hint)


def _default_file(host: Reader, want: Wanted) -> Obstacle | None:
    """Return the obstacle: without a configured buildkitd.toml, buildx uses the user's own default file."""
    for user in want.builder.users if want.builder.driver == drivers.CONTAINER and not want.toml else ():
        account = host.account(user)
        path = f"{store.of(host, account).folder}/buildkitd.default.toml" if account else ""
        with contextlib.suppress(ProvisionerError):
            if path and host.read(path, user=user) is not None:
                hint = "move it away, or say what it says under builder.buildkitd"
                message = f"buildx would take {path}, and no buildkitd.toml is configured"
                return Obstacle("default-file", message, hint)
    return None


def _other_driver(host: Reader, want: Wanted) -> Obstacle | None:
    name = want.builder.name
    for user in want.builder.users:
        account = host.account(user)
        try:
            there = store.instance(host, store.of(host, account), name) if account else None
        except ProvisionerError:
            continue
        if there and there.driver != want.builder.driver:
            hint = f"give ours another name, or remove that one: docker buildx rm {name}"
            message = f"the builder {name} is there, with the driver {there.driver}"
            return Obstacle("other-driver", message, hint)
    return None
