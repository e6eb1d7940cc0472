"""How a container that a switch of the store hides is made again: by its compose project, or a ``docker run`` line.

Values of its environment stay out: they are where passwords are.
"""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

PROJECT = "com.docker.compose.project"
FOLDER = f"{PROJECT}.working_dir"


def sentence(found: Mapping[str, Any]) -> str:
    """A container, from its inspection: name, image, volumes, and the command that makes it again."""
    volumes = [m.get("Name") or m.get("Source") for m in found.get("Mounts") or ()]
    named = f", with {', '.join(map(str, volumes))}" if volumes else ""
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
    for flag in ("Privileged", "Init"):
        if host.get(flag):
            yield f"--{flag.lower()}"
    for mount in found.get("Mounts") or ():
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


def _command(found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(found["Config"].get("Cmd") or ())
