"""The side effects of a change of daemon.json: for each key, what is hidden or different after the change.

Source: the engine's documentation of each key, and moby's daemon/.
"""

from collections.abc import Collection, Iterator, Mapping

# With these keys, the engine looks for images, containers and volumes in another place.
HIDING = frozenset(("data-root", "graph", "userns-remap", "storage-driver", "containerd-namespace", "containerd"))
LOSSES: Mapping[str, str] = {
    "bip": "containers on the default bridge get other addresses",
    "bridge": "containers on the default bridge lose it, and their addresses with it",
    "builder": "the engine's own builder prunes its cache down to the new limits",
    "cgroup-parent": "containers keep the parent that they were made with",
    "default-address-pools": "networks keep their addresses; only new networks come from the new pools",
    "default-cgroupns-mode": "containers keep the mode that they were made with",
    "default-runtime": "containers keep the runtime that they were made with",
    "default-shm-size": "containers keep the size that they were made with",
    "default-ulimits": "containers without limits of their own get the new ones when they start again",
    "dns": "containers get the new servers when they start again",
    "exec-root": "containers that live-restore keeps running are lost to the engine",
    "fixed-cidr": "containers on the default bridge get other addresses",
    "hosts": "clients lose every address that is no longer in the list",
    "icc": "whether containers on the default bridge reach each other changes",
    "insecure-registries": "registries that leave the list need TLS again",
    "ip": "ports are published on another address",
    "ip-forward": "containers may lose their way out of this host",
    "iptables": "without the engine's rules, published ports and the way out of containers do not work",
    "ipv6": "the IPv6 addresses of the default bridge change",
    "labels": "schedulers that choose this engine by a label which goes away no longer do",
    "live-restore": "without it, running containers stop whenever the engine is restarted",
    "log-driver": "containers keep the log driver that they were made with",
    "log-opts": "containers keep the log options that they were made with",
    "mtu": "the default bridge gets the new MTU; other networks keep theirs",
    "runtimes": "containers of a runtime that leaves the list do not start any more",
    "selinux-enabled": "containers keep the labels that they were made with",
    "shutdown-timeout": "when the engine stops, containers are killed after this time",
    "tls": "clients need certificates, or no longer",
    "tlsverify": "clients need certificates, or no longer",
    "userland-proxy": "this host reaches published ports in another way",
}


def notes(roots: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each key that has side effects."""
    yield from (f"{root}: {LOSSES[root]}" for root in sorted(roots) if root in LOSSES)
