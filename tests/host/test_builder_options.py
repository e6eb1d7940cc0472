"""Every option of the builder, changed one at a time on real engines: named, mended by the smallest act, cache kept."""

import os
import re
from typing import Any, NamedTuple

import pytest

from provisioner.config import drivers
from tests.conftest import Boot
from tests.helpers.booted import LAYERS, agent, differences, steps
from tests.helpers.builders import INSTANCE, build, configure, prepare
from tests.hosts import Host

pytestmark = pytest.mark.host
# What an act is known by, among the steps of a plan.
EDIT = "docker buildx create --name container-builder --node container-builder0"
AGAIN = "docker buildx rm --force --keep-daemon container-builder"
REMAKE = "docker container rename buildx_buildkit_container-builder0 "
UPDATE = "docker container update --restart"
ACTS = (EDIT, AGAIN, REMAKE, UPDATE)


class Case(NamedTuple):
    """One more key of the section ``builder``, what check names for it, and the acts that mend it."""

    builder: dict[str, Any]
    named: set[str]
    acts: set[str]
    since: tuple[int, int] = (0, 12)


def option(name: str, value: str, *acts: str, named: tuple[str, ...] = (), since: tuple[int, int] = (0, 12)) -> Case:
    return Case({"driver_options": {name: value}}, {f"driver option {name}", *named}, {EDIT, *acts}, since)


# The engines of these hosts enforce no limit, so each is an edit and nothing more: one case unless all are asked for.
LIMITS = {
    "memory": "512m",
    "memory-swap": "1g",
    "cpu-quota": "50000",
    "cpu-period": "100000",
    "cpu-shares": "512",
    "cpuset-cpus": "0",
    "cpuset-mems": "0",
    "cgroup-parent": "/builders",
}
EACH = tuple(option(name, value) for name, value in LIMITS.items())
LIMITED = (
    EACH
    if "PROVISIONER_LONG" in os.environ
    else (Case({"driver_options": LIMITS}, set().union(*(c.named for c in EACH)), {EDIT}),)
)

CASES = (
    option("image", "moby/buildkit:v0.34.2", REMAKE, named=("container image",)),
    option("env.PROXY_LIKE", "a,b", REMAKE, named=("container env PROXY_LIKE",)),
    option("restart-policy", "on-failure:3", UPDATE, named=("container restart policy",), since=(0, 13)),
    option("default-load", "true", since=(0, 14)),
    option("provenance-add-gha", "false", since=(0, 30)),
    option("allow-untrusted-image", "true", since=(0, 36)),
    *LIMITED,
    Case({"flags": ["--debug"]}, {"flags", "container command"}, {EDIT, REMAKE}),
    Case({"platforms": ["linux/amd64", "linux/arm64"]}, {"platforms"}, {EDIT}),
    Case(
        {"buildkitd": {"worker": {"oci": {"max-parallelism": 4}}}},
        {"buildkitd worker.oci.max-parallelism", "container buildkitd.toml"},
        {EDIT, REMAKE},
    ),
    Case(
        {"driver_options": {"network": "host"}},
        {
            "driver option network",
            "container network",
            'buildkitd registry."docker.io".mirrors',  # the loopback's, which it reaches now
            'buildkitd registry."127.0.0.1:5000".http',
            "container buildkitd.toml",
        },
        {EDIT, REMAKE},
    ),
    Case(
        {"gc": "default"},
        {"buildkitd settings not asked for", "container buildkitd.toml"},
        {EDIT, REMAKE},
    ),
)


def merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return {**old, **{k: {**old.get(k, {}), **v} if isinstance(v, dict) else v for k, v in new.items()}}


def buildx(host: Host) -> tuple[int, int]:
    found = re.search(r" v?(\d+)\.(\d+)", host.sh("docker buildx version", check=True).stdout)
    assert found
    return int(found.group(1)), int(found.group(2))


@pytest.mark.parametrize("engine", ["trixie", "forky", "29"])
def test_each_option_is_named_mended_by_its_act_and_keeps_the_cache(boot: Boot, engine: str) -> None:
    host = boot(engine, layers=LAYERS, agent=True)
    prepare(host)
    builder: dict[str, Any] = {}
    configure(host, **builder)
    assert agent(host, "apply").status == 0
    assert build(host, 0) == (False, [0])
    known = buildx(host)
    for number, case in enumerate(CASES, 1):
        if known < case.since:
            configure(host, **merge(builder, case.builder))
            refused = agent(host, "apply")
            assert refused.status == 1, refused.stderr
            [(name, value)] = case.builder["driver_options"].items()
            assert f"does not know the driver option {name}" in refused.stderr
            assert "invalid driver option" in registered(host, "docker-container", {name: value})
            continue
        builder = merge(builder, case.builder)
        configure(host, **builder)
        assert differences(agent(host, "check")) == {f"builder: {key}" for key in case.named}, case
        planned = [s.removeprefix("run ") for s in steps(agent(host, "plan"))]
        assert {a for a in ACTS if any(s.startswith(a) for s in planned)} == case.acts, case
        done = agent(host, "apply")
        assert done.status == 0, f"{case}: {done.stderr}"
        assert agent(host, "check").status == 0, case
        assert build(host, number) == (True, [n for n in range(number + 1) if n not in missed(known)])


def registered(host: Host, driver: str, options: dict[str, str]) -> str:
    """What buildx says to a builder with these options."""
    given = [w for k, v in options.items() for w in ("--driver-opt", f'"{k}={v}"')]
    return host.run("docker", "buildx", "create", "--name=tried", f"--driver={driver}", *given).stderr


CLUSTER = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: k, context: {cluster: c, user: u}}]
current-context: k
"""
ON_CLUSTER = {
    **dict.fromkeys(("image", "namespace", "serviceaccount", "schedulername", "qemu.image", "env.X"), "x"),
    **dict.fromkeys(("rootless", "qemu.install", "default-load"), "true"),
    **dict.fromkeys(("nodeselector", "annotations", "labels"), "a=b,c=d"),
    **{f"{a}.{b}": "1" for a in ("requests", "limits") for b in ("cpu", "memory", "ephemeral-storage")},
    "replicas": "2",
    "loadbalance": "random",
    "tolerations": "key=a,value=b",
    "timeout": "30s",
    "persistent-volume-claim.requests.storage": "1Gi",
    "buildkit-root-volume-memory": "1Gi",
}


@pytest.mark.parametrize("engine", ["trixie", "forky", "29"])
def test_a_cluster_that_is_down_blocks_a_builder_whose_options_this_buildx_knows(boot: Boot, engine: str) -> None:
    """What buildx says of each option is real. The builders of tests/host/test_cluster.py build."""
    assert ON_CLUSTER.keys() - {"env.X"} == drivers.DRIVERS[drivers.KUBERNETES].options.keys()
    host = boot(engine, layers=LAYERS, agent=True)
    host.put("/root/.kube/config", CLUSTER)
    known = buildx(host)
    since = {name: drivers.since(drivers.KUBERNETES, name) or () for name in ON_CLUSTER}
    for name, value in ON_CLUSTER.items():
        if since[name] > known:
            assert "invalid driver option" in registered(host, drivers.KUBERNETES, {name: value}), name
    taken = {name: value for name, value in ON_CLUSTER.items() if since[name] <= known}
    assert "invalid driver option" not in registered(host, drivers.KUBERNETES, taken)
    configure(host, driver=drivers.KUBERNETES, driver_options=taken, flags=["--debug"])
    applied = agent(host, "apply", "--only=builder")
    assert applied.status == 5, applied.stderr
    assert {b["code"] for change in applied.document["left"] for b in change["blocked"]} == {"cluster-down"}
    assert host.get(INSTANCE) is None


def missed(known: tuple[int, int]) -> set[int]:
    """The numbers of the cases that a buildx is too old for: nothing was built for them."""
    return {number for number, case in enumerate(CASES, 1) if known < case.since}
