"""The side effects of a change of daemon.json: for each key, what is hidden or different after the change.

Source: the engine's documentation of each key, and moby's daemon/.
"""

from collections.abc import Collection, Iterator, Mapping

EVERYTHING = "images, containers, volumes, networks, plug-ins, the swarm and the engine's ID"
# With these keys, the engine looks for images and containers in another place.
HIDING: Mapping[str, str] = {
    "containerd": "images, containers and the build cache of the other containerd are out of sight",
    "containerd-namespace": "images, containers and the build cache of the other namespace are out of sight",
    "data-root": f"{EVERYTHING} are those of the new folder",
    "graph": f"{EVERYTHING} are those of the new folder",
    "storage-driver": "images, containers and the build cache of the other driver are out of sight",
    "userns-remap": f"{EVERYTHING} are those of a folder for these users, who own no file of a bind mount",
}
# Of these, the keys that hide volumes, too.
HIDING_VOLUMES = frozenset(("data-root", "graph", "userns-remap"))
LOSSES: Mapping[str, str] = {
    "allow-direct-routing": "other machines reach containers by the containers' own addresses, or no longer",
    "apparmor-profile": "containers without a profile of their own get the new one when they start again",
    "authorization-plugins": "calls that a plug-in has allowed or refused are decided otherwise, also ours",
    "bip": "containers on the default bridge get other addresses",
    "bip6": "containers on the default bridge get other IPv6 addresses",
    "bridge-accept-fwmark": "packets with the old mark no longer reach the containers of a bridge",
    "bridge": "containers on the default bridge lose it, and their addresses with it",
    "builder": "the engine's own builder prunes its cache down to the new limits",
    "cdi-spec-dirs": "containers that ask for a device from a folder that leaves the list do not start any more",
    "cgroup-parent": "containers keep the parent that they were made with",
    "containerd-plugin-namespace": "plug-ins of the other namespace are out of sight",
    "cpu-rt-period": "containers whose real-time limit is larger than the new one do not start any more",
    "cpu-rt-runtime": "containers whose real-time limit is larger than the new one do not start any more",
    "deprecated-key-path": "the engine's ID is that of another key",
    "default-address-pools": "networks keep their addresses; only new networks come from the new pools",
    "default-cgroupns-mode": "containers keep the mode that they were made with",
    "default-gateway": "containers on the default bridge get another way out",
    "default-gateway-v6": "containers on the default bridge get another way out over IPv6",
    "default-init": "containers keep what they were made with; new ones get an init process, or none",
    "default-ipc-mode": "containers keep the mode that they were made with",
    "default-network-opts": "networks keep the options that they were made with",
    "default-runtime": "containers keep the runtime that they were made with",
    "default-shm-size": "containers keep the size that they were made with",
    "default-stop-timeout": "containers without a time of their own are killed after the new one when they stop",
    "default-ulimits": "containers without limits of their own get the new ones when they start again",
    "dns": "containers get the new servers when they start again",
    "dns-opts": "containers get the new options when they start again",
    "dns-search": "containers get the new search domains when they start again",
    "exec-opts": "with another cgroup driver, limits of running containers are set in another place",
    "exec-root": "containers that live-restore keeps running are lost to the engine",
    "experimental": "commands and API calls that are experimental come or go",
    "extension-config": "extensions work with the new settings; what they provided by the old ones may be gone",
    "extension-dirs": "extensions from a folder that leaves the list are not loaded any more",
    "features": "what a feature that is switched off provides is gone, BuildKit for one",
    "firewall-backend": "rules that other programs have added to the engine's chains no longer apply",
    "fixed-cidr": "containers on the default bridge get other addresses",
    "fixed-cidr-v6": "containers on the default bridge get other IPv6 addresses",
    "group": "members of the old group can no longer use the socket",
    "host-gateway-ip": "containers made with host-gateway keep the old address",
    "host-gateway-ips": "containers made with host-gateway keep the old addresses",
    "hosts": "clients lose every address that is no longer in the list",
    "http-proxy": "pulls and pushes take another way; the builder gets the new proxies",
    "https-proxy": "pulls and pushes take another way; the builder gets the new proxies",
    "icc": "whether containers on the default bridge reach each other changes",
    "init-path": "containers with an init process get the new program when they start again",
    "init": "containers keep what they were made with; new ones get an init process, or none",
    "insecure-registries": "registries that leave the list need TLS again",
    "ip": "ports are published on another address",
    "ip-forward": "containers may lose their way out of this host",
    "ip-forward-no-drop": "this host forwards packets of other networks, or no longer",
    "ip-masq": "without it, containers reach other machines only if those know the way back",
    "ip6tables": "without the engine's rules, published IPv6 ports do not work",
    "iptables": "without the engine's rules, published ports and the way out of containers do not work",
    "ipv6": "the IPv6 addresses of the default bridge change",
    "labels": "schedulers that choose this engine by a label which goes away no longer do",
    "live-restore": "without it, running containers stop whenever the engine is restarted",
    "log-driver": "containers keep the log driver that they were made with",
    "log-opts": "containers keep the log options that they were made with",
    "metrics-addr": "who reads the engine's metrics finds them at another address",
    "min-api-version": "clients older than this version are refused",
    "mtu": "the default bridge gets the new MTU; other networks keep theirs",
    "network-control-plane-mtu": "swarm networks keep the MTU that they were made with",
    "no-new-privileges": "containers keep the setting that they were made with",
    "no-proxy": "pulls and pushes take another way; the builder gets the new proxies",
    "node-generic-resources": "a swarm places its tasks by what this node has then",
    "nri-opts": "plug-ins that change containers when they start come or go",
    "pidfile": "programs that read the old file no longer find the engine",
    "proxies": "pulls and pushes take another way; the builder gets the new proxies",
    "registry-mirrors": "images that only a mirror has which leaves the list cannot be pulled any more",
    "resolv-conf": "containers get the servers of the other file when they start again",
    "runtimes": "containers of a runtime that leaves the list do not start any more",
    "seccomp-profile": "containers without a profile of their own get the new one when they start again",
    "selinux-enabled": "containers keep the labels that they were made with",
    "shutdown-timeout": "when the engine stops, containers are killed after this time",
    "storage-opts": "quotas of containers that the options have set no longer apply to new containers",
    "swarm-default-advertise-addr": "a swarm that is joined later gets another address of this node",
    "tls": "clients need certificates, or no longer",
    "tlscacert": "clients with certificates of another authority are refused",
    "tlscert": "clients that know the old certificate refuse the new one",
    "tlskey": "clients that know the old certificate refuse the new one",
    "tlsverify": "clients need certificates, or no longer",
    "userland-proxy": "this host reaches published ports in another way",
    "userland-proxy-path": "this host reaches published ports through another program",
}
# A change of these keys takes nothing away: no image, container, volume, limit, address or identifier.
NOTHING = frozenset((
    *("allow-nondistributable-artifacts", "api-cors-header", "cluster-advertise", "cluster-store"),
    *("cluster-store-opts", "cri-containerd", "debug", "disable-legacy-registry", "log-format", "log-level"),
    *("max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts", "network-diagnostic-port"),
    *("oom-score-adjust", "raw-logs", "rootless", "swarm-raft-election-tick", "swarm-raft-heartbeat-tick"),
))  # fmt: skip


def notes(roots: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each key that has side effects."""
    every = {**HIDING, **LOSSES}
    yield from (f"{root}: {every[root]}" for root in sorted(roots) if root in every)
