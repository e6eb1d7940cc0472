"""The buildx commands that provisioner runs, and their behavior as observed with 0.13, 0.29 and 0.38.

``create --node`` on an existing node takes new options and flags, but cannot remove any: no option list, no platforms,
no file. It panics if a node without files gets one. In those cases the builder is removed from buildx's records, its
container is kept, and the builder is registered again.
"""

import json
from collections.abc import Mapping

from provisioner.builder import store
from provisioner.builder.container import RESTART, RESTARTS
from provisioner.config import drivers
from provisioner.config.desired import Builder
from provisioner.model import Reader

PULL = 900  # seconds for BuildKit's image, 100 MB on a slow line
BUILDX = ("docker", "buildx")
NEW_NAME = (0, 13)  # the first buildx that calls --config --buildkitd-config
KNOWS_RESTART = (0, 13)
LOCKS_LESS = (0, 10)  # the first buildx that does not lock its files all the time that a boot takes


def building(host: Reader, builder: Builder) -> bool:
    """Return whether a build runs on the builder; False if this buildx cannot tell (before 0.22)."""
    argv = (*BUILDX, "history", "ls", "--builder", builder.name, "--format", "{{json .}}")
    ran = host.ask(*argv, user=builder.users[0])
    try:
        return any(json.loads(line).get("status") == "Running" for line in ran.stdout.splitlines())
    except (ValueError, AttributeError):
        return False


def runner(user: str) -> str:
    """Return the user to run a step as; empty for root, which needs no change of user."""
    return "" if user == "root" else user


def create(
    builder: Builder,
    known: tuple[int, ...] | None,
    toml: str | None,
    cluster: str,
    node: store.Node,
    *,
    append: bool = False,
) -> tuple[str, ...]:
    """Return the command that registers a node or changes an existing one.

    ``cluster`` is the kubeconfig, if one is configured.
    """
    given: Mapping[str, str] = node.options
    if builder.driver == drivers.CONTAINER and known is not None and known >= KNOWS_RESTART:
        given = {RESTART: RESTARTS, **given}
    config = "--config" if known is not None and known < NEW_NAME else "--buildkitd-config"
    return (
        *(("env", f"KUBECONFIG={cluster}") if cluster else ()),
        *(*BUILDX, "create", "--name", builder.name, "--node", node.name, "--driver", builder.driver),
        *(("--append",) if append else ()),
        *(w for k, v in given.items() for w in ("--driver-opt", _field(f"{k}={v}"))),
        *(("--buildkitd-flags", " ".join(node.flags)) if node.flags else ()),
        *(("--platform", ",".join(node.platforms)) if node.platforms else ()),
        *((config, toml) if toml else ()),
        *((node.endpoint,) if node.endpoint else ()),
    )


def _field(text: str) -> str:
    """Return a text as one field of CSV, as which buildx reads an option."""
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') else text


def editable(old: store.Node, node: store.Node, files: frozenset[str]) -> bool:
    """Return whether ``create --node`` can turn ``old`` into ``node`` with these files."""
    return (
        (not files or (old.files is not None and old.files.keys() <= files))
        and (bool(files) or not old.files)
        and (bool(node.options) or old.options.keys() <= {RESTART})
        and (bool(node.flags) or not [f for f in old.flags if not f.startswith("--allow-insecure-entitlement")])
        and (bool(node.platforms) or not old.platforms)
    )


def forget(name: str) -> tuple[str, ...]:
    """Return the command that removes a builder from buildx's records, and keeps its containers and their state."""
    return (*BUILDX, "rm", "--force", "--keep-daemon", name)


def leave(builder: str, node: str) -> tuple[str, ...]:
    """Return the command that removes one node."""
    return (*BUILDX, "create", "--name", builder, "--node", node, "--leave")


def boot(name: str) -> tuple[str, ...]:
    """Return the command that makes missing containers, starts stopped ones, and waits until BuildKit answers."""
    return (*BUILDX, "inspect", "--bootstrap", name)


def use(name: str, way: str = "") -> tuple[str, ...]:
    """Return the command that selects a builder permanently, for docker's own endpoint or another name of it."""
    other = () if not way else ("--host", way) if "://" in way else ("--context", way)
    return ("docker", *other, "buildx", "use", "--default", name)


def selects(argv: tuple[str, ...]) -> bool:
    """Return whether a command selects a builder."""
    return argv[-4:-1] == ("buildx", "use", "--default")
