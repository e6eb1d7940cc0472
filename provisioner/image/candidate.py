"""Judge by a table whether a dockerd of some version would accept a daemon.json. The image's daemon is not run.

Sources: the structs and ``findConfigurationConflicts`` of moby's daemon/config. The daemon may still reject an accepted
file because of a value or a combination. A file that is rejected here would keep the daemon from starting.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from provisioner.errors import ConfigError
from provisioner.steps import Obstacle
from provisioner.text import json_read

STRICT = (23,)  # the first engine that rejects text that is not UTF-8


def _list_of_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def _map_of(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(isinstance(v, kind) or v is None for v in value.values())


# What a value must be: its name in a message, and the test. Go accepts null for any type.
KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "word": ("a string", lambda v: isinstance(v, str)),
    "flag": ("true or false", lambda v: isinstance(v, bool)),
    "number": ("a whole number", lambda v: isinstance(v, int) and not isinstance(v, bool)),
    "words": ("a list of strings", _list_of_words),
    "list": ("a list", lambda v: isinstance(v, list)),
    "map": ("an object", lambda v: isinstance(v, dict)),
    "words by name": ("an object of strings", _map_of(str)),
    "flags by name": ("an object of true and false", _map_of(bool)),
}
KEYS = {
    "word": (
        "api-cors-header apparmor-profile bip bip6 bridge bridge-accept-fwmark cgroup-parent cluster-advertise"
        " cluster-store containerd containerd-namespace containerd-plugin-namespace data-root"
        " default-cgroupns-mode default-gateway default-gateway-v6 default-init default-ipc-mode default-runtime"
        " default-shm-size deprecated-key-path exec-root firewall-backend fixed-cidr fixed-cidr-v6 graph group"
        " host-gateway-ip http-proxy https-proxy init-path ip log-driver log-format log-level metrics-addr"
        " min-api-version no-proxy pidfile resolv-conf seccomp-profile storage-driver swarm-default-advertise-addr"
        " tlscacert tlscert tlskey userland-proxy-path userns-remap"
    ),
    "flag": (
        "allow-direct-routing cri-containerd debug disable-legacy-registry experimental icc init ip-forward"
        " ip-forward-no-drop ip-masq ip6tables iptables ipv6 live-restore no-new-privileges raw-logs rootless"
        " selinux-enabled tls tlsverify userland-proxy"
    ),
    "number": (
        "cpu-rt-period cpu-rt-runtime default-stop-timeout max-concurrent-downloads max-concurrent-uploads"
        " max-download-attempts mtu network-control-plane-mtu network-diagnostic-port oom-score-adjust"
        " shutdown-timeout swarm-raft-election-tick swarm-raft-heartbeat-tick"
    ),
    "words": (
        "allow-nondistributable-artifacts authorization-plugins cdi-spec-dirs dns dns-opts dns-search exec-opts"
        " extension-dirs host-gateway-ips hosts insecure-registries labels registry-mirrors storage-opts"
    ),
    "list": "default-address-pools node-generic-resources",
    "map": "builder default-network-opts default-ulimits extension-config nri-opts proxies runtimes",
    "words by name": "cluster-store-opts log-opts",
    "flags by name": "features",
}
KNOWN = {key: kind for kind, keys in KEYS.items() for key in keys.split()}
SINCE = {
    "proxies": (23,), "cdi-spec-dirs": (25,), "host-gateway-ips": (28,), "firewall-backend": (28,),
    "apparmor-profile": (29,), "default-stop-timeout": (29,), "extension-config": (29,), "extension-dirs": (29,),
}  # fmt: skip
# Flags whose names differ from the keys of the file.
NAMES = {
    "-D": "debug", "-G": "group", "-H": "hosts", "-b": "bridge", "-g": "data-root", "-l": "log-level", "-p": "pidfile",
    "-s": "storage-driver", "--host": "hosts", "--label": "labels", "--dns-opt": "dns-opts", "--log-opt": "log-opts",
    "--insecure-registry": "insecure-registries", "--registry-mirror": "registry-mirrors",
    "--storage-opt": "storage-opts", "--exec-opt": "exec-opts", "--authorization-plugin": "authorization-plugins",
    "--default-ulimit": "default-ulimits", "--node-generic-resource": "node-generic-resources",
    "--feature": "features", "--default-address-pool": "default-address-pools", "--cdi-spec-dir": "cdi-spec-dirs",
    "--host-gateway-ip": "host-gateway-ips", "--default-network-opt": "default-network-opts", "--graph": "data-root",
    "--add-runtime": "runtimes", "--extension-dir": "extension-dirs",
}  # fmt: skip
MERGED = ("runtimes",)  # may be set in both places


def judge(text: str, path: str, flags: Sequence[str], version: tuple[int, ...] | None) -> list[Obstacle]:
    """Return what keeps the daemon from starting with a file. An empty list means that no problem is visible here."""
    try:
        found = json_read.load(text, path, version=version)
    except ConfigError as e:
        return [Obstacle("unreadable", e.message, e.hint or "put the file right")]
    named = f"{path}: dockerd would not start"
    return [Obstacle("would-not-start", f"{named}: {what}", hint) for what, hint in _wrong(found, text, flags, version)]


def _wrong(
    found: Mapping[str, Any], text: str, flags: Sequence[str], version: tuple[int, ...] | None
) -> Iterator[tuple[str, str]]:
    if (
        version is not None
        and version >= STRICT
        and not text.isascii()
        and any("\udc80" <= c <= "\udcff" for c in text)
    ):
        yield "it holds bytes that are not UTF-8", "save it as UTF-8"
    for key, value in found.items():
        if unknown := _unknown(key, value, version):
            yield f"it does not know the key {unknown}", "see how it is spelled, or take it away"
        elif value is not None and key in KNOWN:
            words, right = KINDS[KNOWN[key]]
            if not right(value):
                yield f"{key} must be {words}", "put the value right"
    proxies = found.get("proxies")
    said = {*found, *(proxies if isinstance(proxies, dict) else ())}
    for key in sorted(_flagged(flags) & said - {*MERGED}):
        yield f"{key} is set in the file and as a flag of the unit", "keep one of the two"


def _unknown(key: str, value: Any, version: tuple[int, ...] | None) -> str | None:
    """Return the key that no daemon knows, or None. dockerd also checks the keys of objects under an unknown key."""
    if key in KNOWN:
        since = SINCE.get(key)
        return key if since and version is not None and version < since else None
    if isinstance(value, dict):
        return next((f"{key}.{k}" for k in value if k not in KNOWN), None)
    return key


def _flagged(flags: Sequence[str]) -> set[str]:
    """Return the keys of the file that are also set by flags."""
    names = (flag.partition("=")[0] for flag in flags if flag.startswith("-"))
    return {NAMES.get(name, name.removeprefix("--") if name.startswith("--") else "") for name in names}
