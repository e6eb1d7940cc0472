"""How a container that a switch of the store hides is made again: by its compose project, or a ``docker run`` line.

Values of its environment stay out: they are where passwords are.
"""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

# Fields of HostConfig and the options that set them, each once, with its value, or for every entry.
FLAGS = {"Privileged": "privileged", "Init": "init", "ReadonlyRootfs": "read-only"}
WORDS = {
    "PidMode": "pid",
    "UTSMode": "uts",
    "UsernsMode": "userns",
    "Memory": "memory",
    "MemorySwap": "memory-swap",
    "CpuShares": "cpu-shares",
    "PidsLimit": "pids-limit",
    "CpuQuota": "cpu-quota",
    "CpuPeriod": "cpu-period",
    "CpusetCpus": "cpuset-cpus",
    "CpusetMems": "cpuset-mems",
}
LISTS = {
    "CapAdd": "cap-add",
    "CapDrop": "cap-drop",
    "SecurityOpt": "security-opt",
    "GroupAdd": "group-add",
    "ExtraHosts": "add-host",
    "Dns": "dns",
    "DnsSearch": "dns-search",
}
PROJECT = "com.docker.compose.project"
FOLDER = f"{PROJECT}.working_dir"


def sentence(found: Mapping[str, Any]) -> str:
    """A container, from its inspection: name, image, volumes, and the command that makes it again."""
    volumes = [m.get("Name") or m.get("Source") for m in found.get("Mounts") or ()]
    named = f", with {', '.join(filter(None, volumes))}" if any(volumes) else ""
    return f"{found['Name'].lstrip('/')} (of {found['Config']['Image']}{named}): {command(found)}"


def command(found: Mapping[str, Any]) -> str:
    """The command alone."""
    labels = found["Config"].get("Labels") or {}
    if PROJECT in labels:
        where = f"cd {shlex.quote(labels[FOLDER])} && " if labels.get(FOLDER) else ""
        return f"{where}docker compose --project-name {shlex.quote(labels[PROJECT])} up --detach"
    return shlex.join(("docker", "run", "--detach", *_options(found), found["Config"]["Image"], *_command(found)))


def _options(found: Mapping[str, Any]) -> Iterator[str]:
    config, host = found["Config"], found["HostConfig"]
    yield f"--name={found['Name'].lstrip('/')}"
    policy = (host.get("RestartPolicy") or {}).get("Name")
    if policy and policy != "no":
        yield f"--restart={policy}"
    if (mode := host.get("NetworkMode")) not in (None, "default", "bridge"):
        yield f"--network={mode}"
    yield from (f"--{option}" for field, option in FLAGS.items() if host.get(field))
    yield from (f"--{option}={host[field]}" for field, option in WORDS.items() if host.get(field))
    yield from (f"--{option}={word}" for field, option in LISTS.items() for word in host.get(field) or ())
    for device in host.get("Devices") or ():
        yield f"--device={device['PathOnHost']}:{device['PathInContainer']}:{device['CgroupPermissions']}"
    yield from (f"--tmpfs={path}" for path in host.get("Tmpfs") or ())
    for mount in (m for m in found.get("Mounts") or () if m.get("Type") != "tmpfs"):
        source = mount.get("Name") if mount.get("Type") == "volume" else mount.get("Source")
        yield f"--volume={source}:{mount['Destination']}{'' if mount.get('RW', True) else ':ro'}"
    for port, bindings in (host.get("PortBindings") or {}).items():
        for binding in bindings or ():
            address = f"{binding['HostIp']}:" if binding.get("HostIp") else ""
            yield f"--publish={address}{binding.get('HostPort', '')}:{port}"
    for name in (word.partition("=")[0] for word in config.get("Env") or ()):
        if name != "PATH":
            yield f"--env={name}"
    if config.get("User"):
        yield f"--user={config['User']}"
    if config.get("Entrypoint"):
        yield f"--entrypoint={config['Entrypoint'][0]}"


def _command(found: Mapping[str, Any]) -> tuple[str, ...]:
    """What stands behind the image; an entry point takes one word, and the rest of it goes before the command."""
    config = found["Config"]
    return (*(config.get("Entrypoint") or ())[1:], *(config.get("Cmd") or ()))
