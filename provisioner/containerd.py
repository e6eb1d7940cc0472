"""Which containerd the engine uses, and where that keeps what it is given."""

import tomllib

from provisioner import service
from provisioner.facts import Facts
from provisioner.model import Reader

SYSTEM = "/run/containerd/containerd.sock"
CONFIG = "/etc/containerd/config.toml"
ROOT = "/var/lib/containerd"


def address(host: Reader, facts: Facts) -> str:
    """Its socket: as the engine says (from 27 on), as it was told, else the system's where there is one."""
    told = facts.engine.containerd_address or service.given(facts.flags, "--containerd")
    if told or facts.site.managed:
        return told.removeprefix("unix://") if told else f"{facts.engine.root}/containerd/containerd.sock"
    return SYSTEM if host.stat(SYSTEM) else "/var/run/docker/containerd/containerd.sock"


def root(host: Reader, facts: Facts) -> str:
    """Where images and the layers of containers will lie: rarely below data-root."""
    if address(host, facts) != SYSTEM:
        return f"{facts.engine.root}/containerd/daemon"
    try:
        return str(tomllib.loads(host.read(CONFIG) or "").get("root") or ROOT)
    except tomllib.TOMLDecodeError:
        return ROOT  # then containerd does not start with it, either
