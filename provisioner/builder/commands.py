"""The command lines of buildx that we use, and what they were seen to do with 0.13, 0.29 and 0.38.

``create --node`` on a node that is there takes new options and flags, and cannot take any away: no option list, no
platforms, no file, and it panics where a node without files is given one. Then the builder is forgotten, its
container kept, and registered again.
"""

import json
from collections.abc import Mapping

from provisioner.builder import store
from provisioner.builder.container import RESTART, RESTARTS
from provisioner.config import drivers
from provisioner.config.desired import Builder
from provisioner.model import Reader

PULL = 900  # seconds for BuildKit's image, 100 MB over somebody's line
BUILDX = ("docker", "buildx")
NEW_NAME = (0, 13)  # the first buildx that calls --config --buildkitd-config
KNOWS_RESTART = (0, 13)


def building(host: Reader, builder: Builder) -> bool:
    """Return whether a build runs on the builder; False where this buildx cannot tell (before 0.22)."""
    argv = (*BUILDX, "history", "ls", "--builder", builder.name, "--format", "{{json .}}")
    ran = host.ask(*argv, user=builder.users[0])
    try:
        return any(json.loads(line).get("status") == "Running" for line in ran.stdout.splitlines())
    except (ValueError, AttributeError):
        return False


def runner(user: str) -> str:
    """Who a step runs as for a user: nobody else than ourselves for root."""
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
    """Register a node, or tell one that is there something new. ``cluster``: the kubeconfig, when it is configured."""
    given: Mapping[str, str] = node.options
    if builder.driver == drivers.CONTAINER and known is not None and known >= KNOWS_RESTART:
        given = {RESTART: RESTARTS, **given}
    config = "--config" if known is not None and known < NEW_NAME else "--buildkitd-config"
    return (
        *(("env", f"KUBECONFIG={cluster}") if cluster else ()),
        *(*BUILDX, "create", "--name", builder.name, "--node", node.name, "--driver", builder.driver),
        *(("--append",) if append else ()),
        *(w for k, v in given.items() for w in ("--driver-opt", f'"{k}={v}"' if "," in v else f"{k}={v}")),
        *(("--buildkitd-flags", " ".join(node.flags)) if node.flags else ()),
        *(("--platform", ",".join(node.platforms)) if node.platforms else ()),
        *((config, toml) if toml else ()),
        *((node.endpoint,) if node.endpoint else ()),
    )


def editable(old: store.Node, node: store.Node, files: frozenset[str]) -> bool:
    """Whether ``create --node`` can make of one node the other, which is to have these files."""
    return (
        (not files or (old.files is not None and old.files.keys() <= files))
        and (bool(files) or not old.files)
        and (bool(node.options) or old.options.keys() <= {RESTART})
        and (bool(node.flags) or not [f for f in old.flags if not f.startswith("--allow-insecure-entitlement")])
        and (bool(node.platforms) or not old.platforms)
    )


def forget(name: str) -> tuple[str, ...]:
    """Drop what buildx knows of a builder, and leave its containers and their state as they are."""
    return (*BUILDX, "rm", "--force", "--keep-daemon", name)


def leave(builder: str, node: str) -> tuple[str, ...]:
    """Take one node away."""
    return (*BUILDX, "create", "--name", builder, "--node", node, "--leave")


def boot(name: str) -> tuple[str, ...]:
    """Make what container is missing, start what is stopped, and wait until BuildKit answers."""
    return (*BUILDX, "inspect", "--bootstrap", name)


def use(name: str, way: str = "") -> tuple[str, ...]:
    """Select a builder for good, for docker's own endpoint or for one that is reached in another way."""
    other = () if not way else ("--host", way) if "://" in way else ("--context", way)
    return ("docker", *other, "buildx", "use", "--default", name)
