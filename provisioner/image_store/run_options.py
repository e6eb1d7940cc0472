"""The options of ``docker run`` that recreate a container from its inspection: a table of all fields.

Source: docker/cli's cli/command/container/opts.go, and the engine's HostConfig.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Found = Mapping[str, Any]
# Fields of HostConfig and the option for each: a flag, an option with the value, or an option for every entry.
FLAGS = {
    "Privileged": "privileged",
    "Init": "init",
    "ReadonlyRootfs": "read-only",
    "PublishAllPorts": "publish-all",
    "AutoRemove": "rm",
    "OomKillDisable": "oom-kill-disable",
}
WORDS = {
    "PidMode": "pid",
    "UTSMode": "uts",
    "UsernsMode": "userns",
    "Memory": "memory",
    "MemorySwap": "memory-swap",
    "MemoryReservation": "memory-reservation",
    "MemorySwappiness": "memory-swappiness",
    "KernelMemory": "kernel-memory",
    "CpuShares": "cpu-shares",
    "PidsLimit": "pids-limit",
    "CpuQuota": "cpu-quota",
    "CpuPeriod": "cpu-period",
    "CpuRealtimePeriod": "cpu-rt-period",
    "CpuRealtimeRuntime": "cpu-rt-runtime",
    "CpusetCpus": "cpuset-cpus",
    "CpusetMems": "cpuset-mems",
    "CpuCount": "cpu-count",
    "CpuPercent": "cpu-percent",
    "BlkioWeight": "blkio-weight",
    "CgroupParent": "cgroup-parent",
    "OomScoreAdj": "oom-score-adj",
    "VolumeDriver": "volume-driver",
    "Isolation": "isolation",
    "IOMaximumIOps": "io-maxiops",
    "IOMaximumBandwidth": "io-maxbandwidth",
}
LISTS = {
    "CapAdd": "cap-add",
    "CapDrop": "cap-drop",
    "SecurityOpt": "security-opt",
    "GroupAdd": "group-add",
    "ExtraHosts": "add-host",
    "Dns": "dns",
    "DnsOptions": "dns-option",
    "DnsSearch": "dns-search",
    "VolumesFrom": "volumes-from",
    "DeviceCgroupRules": "device-cgroup-rule",
    "Links": "link",
}
PAIRS = {"Sysctls": "sysctl", "StorageOpt": "storage-opt", "Annotations": "annotation"}
USUAL = {"IpcMode": ("private", "shareable"), "CgroupnsMode": ("private", "host"), "Runtime": ("runc",)}
CHOSEN = {"IpcMode": "ipc", "CgroupnsMode": "cgroupns", "Runtime": "runtime"}
SHM = 64 << 20  # the default size of /dev/shm, in bytes
# Fields that other functions handle, or that the engine fills in on its own.
SAID = frozenset((
    *("NanoCpus", "ShmSize", "Ulimits", "LogConfig", "RestartPolicy", "NetworkMode", "Devices", "DeviceRequests"),
    *("Tmpfs", "Binds", "Mounts", "PortBindings", "ContainerIDFile", "ConsoleSize", "MaskedPaths", "ReadonlyPaths"),
    *("Cgroup", "Capabilities", "BlkioWeightDevice"),
))  # fmt: skip


def every(found: Found) -> Iterator[str]:
    """Yield the options, in the order of the table."""
    host = found["HostConfig"]
    yield f"--name={found['Name'].lstrip('/')}"
    for more in (_restart, _networks, _limits, _devices, _mounts, _ports, _logs):
        yield from more(found)
    yield from (f"--{option}" for field, option in FLAGS.items() if host.get(field))
    yield from (f"--{option}={host[field]}" for field, option in WORDS.items() if host.get(field) not in _NOTHING)
    yield from (
        f"--{option}={host[field]}"
        for field, option in CHOSEN.items()
        if host.get(field) and host[field] not in USUAL[field]
    )
    yield from (f"--{option}={word}" for field, option in LISTS.items() for word in host.get(field) or ())
    yield from (f"--{option}={k}={v}" for field, option in PAIRS.items() for k, v in (host.get(field) or {}).items())
    yield from _config(found)


def left_out(found: Found) -> Iterator[str]:
    """Yield the fields of HostConfig that have a value but no option here."""
    known = {*FLAGS, *WORDS, *LISTS, *PAIRS, *CHOSEN, *SAID}
    yield from (field for field, value in found["HostConfig"].items() if field not in known and value not in _NOTHING)
    yield from ("BlkioWeightDevice",) if found["HostConfig"].get("BlkioWeightDevice") else ()


_NOTHING: tuple[Any, ...] = (None, "", 0, [], {}, False, -1)


def _restart(found: Found) -> Iterator[str]:
    policy = found["HostConfig"].get("RestartPolicy") or {}
    if (name := policy.get("Name")) and name != "no":
        count = policy.get("MaximumRetryCount")
        yield f"--restart={name}:{count}" if count else f"--restart={name}"


def _networks(found: Found) -> Iterator[str]:
    """Yield the container's first network, then the others with its addresses and aliases there."""
    mode = found["HostConfig"].get("NetworkMode")
    if mode not in (None, "default", "bridge"):
        yield f"--network={mode}"
    for name, way in ((found.get("NetworkSettings") or {}).get("Networks") or {}).items():
        asked = (way or {}).get("IPAMConfig") or {}
        parts = [f"name={name}"] if name not in (mode, "bridge") else []
        if parts:
            parts += [f"ip={asked['IPv4Address']}"] if asked.get("IPv4Address") else []
            parts += [f"alias={alias}" for alias in way.get("Aliases") or () if not found["Id"].startswith(alias)]
            yield f"--network={','.join(parts)}"
        elif asked.get("IPv4Address"):
            yield f"--ip={asked['IPv4Address']}"


def _limits(found: Found) -> Iterator[str]:
    host = found["HostConfig"]
    if host.get("NanoCpus"):
        yield f"--cpus={host['NanoCpus'] / 1e9:g}"
    if host.get("ShmSize") not in (None, 0, SHM):
        yield f"--shm-size={host['ShmSize']}"
    for limit in host.get("Ulimits") or ():
        yield f"--ulimit={limit['Name']}={limit['Soft']}:{limit['Hard']}"


def _devices(found: Found) -> Iterator[str]:
    host = found["HostConfig"]
    for device in host.get("Devices") or ():
        yield f"--device={device['PathOnHost']}:{device['PathInContainer']}:{device['CgroupPermissions']}"
    for asked in host.get("DeviceRequests") or ():
        ids, count = asked.get("DeviceIDs") or (), asked.get("Count")
        if asked.get("Driver") == "cdi":
            yield from (f"--device={name}" for name in ids)
        else:
            yield f"--gpus=device={','.join(ids)}" if ids else f"--gpus={'all' if count == -1 else count}"


def _mounts(found: Found) -> Iterator[str]:
    for path, options in (found["HostConfig"].get("Tmpfs") or {}).items():
        yield f"--tmpfs={path}:{options}" if options else f"--tmpfs={path}"
    for mount in (m for m in found.get("Mounts") or () if m.get("Type") != "tmpfs"):
        source = mount.get("Name") if mount.get("Type") == "volume" else mount.get("Source")
        words = [] if mount.get("RW", True) else ["ro"]
        spread = mount.get("Propagation")
        words += [spread] if spread not in (None, "", "rprivate") else []
        yield f"--volume={source}:{mount['Destination']}{':' + ','.join(words) if words else ''}"


def _ports(found: Found) -> Iterator[str]:
    for port, bindings in (found["HostConfig"].get("PortBindings") or {}).items():
        for binding in bindings or ():
            address = f"{binding['HostIp']}:" if binding.get("HostIp") else ""
            yield f"--publish={address}{binding.get('HostPort', '')}:{port}"


def _logs(found: Found) -> Iterator[str]:
    logs = found["HostConfig"].get("LogConfig") or {}
    if logs.get("Type") not in (None, "", "json-file") or logs.get("Config"):
        yield f"--log-driver={logs['Type']}"
        yield from (f"--log-opt={key}={value}" for key, value in (logs.get("Config") or {}).items())


def _config(found: Found) -> Iterator[str]:
    """Yield the options for the container's own configuration, which is not in HostConfig."""
    config = found["Config"]
    for name in (word.partition("=")[0] for word in config.get("Env") or ()):
        if name != "PATH":
            yield f"--env={name}"
    yield from (f"--label={key}={value}" for key, value in (config.get("Labels") or {}).items())
    hostname = config.get("Hostname") or ""
    if hostname and not str(found.get("Id") or hostname).startswith(hostname):
        yield f"--hostname={hostname}"
    for field, option in TEXTS.items():
        if config.get(field) not in _NOTHING:
            yield f"--{option}={config[field]}"
    yield from ("--tty",) if config.get("Tty") else ()
    yield from ("--interactive",) if config.get("OpenStdin") else ()
    yield from _health(config.get("Healthcheck") or {})
    if config.get("Entrypoint"):
        yield f"--entrypoint={config['Entrypoint'][0]}"


TEXTS = {
    "Domainname": "domainname",
    "WorkingDir": "workdir",
    "User": "user",
    "StopSignal": "stop-signal",
    "StopTimeout": "stop-timeout",
    "MacAddress": "mac-address",
}
TIMES = {
    "Interval": "health-interval",
    "Timeout": "health-timeout",
    "StartPeriod": "health-start-period",
    "StartInterval": "health-start-interval",
}
TEST: Mapping[str, Callable[[list[str]], str]] = {"CMD-SHELL": lambda w: w[0], "CMD": " ".join}


def _health(check: Found) -> Iterator[str]:
    kind, *words = check.get("Test") or ("",)
    if kind == "NONE":
        yield "--no-healthcheck"
    elif kind in TEST and words:
        yield f"--health-cmd={TEST[kind](words)}"
    yield from (f"--{option}={check[field]}ns" for field, option in TIMES.items() if check.get(field))
    if check.get("Retries"):
        yield f"--health-retries={check['Retries']}"
