"""The shapes of an engine's answers. Any user may listen on a socket, so an answer of another shape does not count.

A shape is a type, a list of one shape, or the fields of an object. A field whose name ends in ``!`` must be there; any
other may be null or missing. ``*`` stands for every field. Fields that nothing here reads are not listed.
Sources: the definitions of moby's API, versions 1.24 to 1.51, and what Podman answers in its place.
"""

from provisioner.typed import Any

TEXTS, TEXT_BY_NAME = [str], {"*": str}
VOLUME = {"Name!": str, "Labels": TEXT_BY_NAME, "UsageData": {"Size": int, "RefCount": int}}
MOUNTS = [{"Type": str, "Name": str, "Source": str, "Destination": str, "Propagation": str, "RW": bool}]
LIMITED = {  # what `docker run` is told again
    **dict.fromkeys(("Binds", "CapAdd", "CapDrop", "SecurityOpt", "GroupAdd", "ExtraHosts", "Dns"), TEXTS),
    **dict.fromkeys(("DnsOptions", "DnsSearch", "VolumesFrom", "DeviceCgroupRules", "Links"), TEXTS),
    **dict.fromkeys(("Sysctls", "StorageOpt", "Annotations", "Tmpfs"), TEXT_BY_NAME),
    **dict.fromkeys(("NetworkMode", "IpcMode", "CgroupnsMode", "Runtime"), str),
    **dict.fromkeys(("Memory", "NanoCpus", "ShmSize"), int),
    "RestartPolicy": {"Name": str, "MaximumRetryCount": int},
    "PortBindings": {"*": [{"HostIp": str, "HostPort": str}]},
    "LogConfig": {"Type": str, "Config": TEXT_BY_NAME},
    "Ulimits": [{"Name!": str, "Soft!": int, "Hard!": int}],
    "Devices": [{"PathOnHost!": str, "PathInContainer!": str, "CgroupPermissions!": str}],
    "DeviceRequests": [{"DeviceIDs": TEXTS, "Driver": str, "Count": int}],
}
CONTAINER = {
    "Id!": str,
    "Name!": str,
    "Image!": str,
    "State!": {"Status!": str, "Running!": bool, "Pid!": int, "ExitCode": int},
    "Config!": {
        "Image!": str,
        "Env": TEXTS,
        "Cmd": TEXTS,
        "Entrypoint": TEXTS,
        "Labels": TEXT_BY_NAME,
        "StopTimeout": int,
    },
    "HostConfig!": LIMITED,
    "Mounts": MOUNTS,
    "NetworkSettings": {"Networks": {"*": {"Aliases": TEXTS, "IPAMConfig": {"IPv4Address": str}}}},
    "ExecIDs": TEXTS,
}
LISTED = {
    "Id!": str,
    "Names": TEXTS,
    "State": str,
    "Image": str,
    "ImageID": str,
    "Labels": TEXT_BY_NAME,
    "Mounts": MOUNTS,
}
IMAGE = {"Id!": str, "RepoTags": TEXTS, "RepoDigests": TEXTS, "Size": int}
INFO = {
    "Labels": TEXTS,
    "Plugins": {"Authorization": TEXTS},
    "RegistryConfig": {"Mirrors": TEXTS, "InsecureRegistryCIDRs": TEXTS},
}
SHAPES: dict[tuple[str, bool], Any] = {  # by the kind of object, and by whether all of them are listed
    ("info", True): INFO,
    ("containers", True): [LISTED],
    ("containers", False): CONTAINER,
    ("images", True): [{**IMAGE, "Labels": TEXT_BY_NAME}],
    ("images", False): {**IMAGE, "Config": {"Env": TEXTS}, "RootFS": {"Layers": TEXTS}},
    ("volumes", True): {"Volumes": [VOLUME]},
    ("volumes", False): VOLUME,
    ("exec", False): {"Running": bool, "ProcessConfig": {"arguments": TEXTS}},
    ("system", False): {"LayersSize": int, "Volumes": [VOLUME], "BuildCache": [{"Size": int}]},
}
CALLED = {str: "a text", int: "a whole number", bool: "true or false"}


def wrong(path: str, answer: Any) -> str:
    """Return what is wrong with the answer to a GET, such as "Mounts is not a list"; empty if nothing is."""
    words = path.partition("?")[0].split("/")[1:]
    if words[0].startswith("v1."):  # the version of the API
        del words[0]
    shape = SHAPES.get((words[0], words[1:] in ([], ["json"])))
    return "" if shape is None or answer is None else _wrong("it", answer, shape)


def _wrong(name: str, value: Any, shape: Any) -> str:
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{name} is not a list"
        return next(filter(None, (_wrong(f"one of {name}", one, shape[0]) for one in value)), "")
    if isinstance(shape, dict):
        return _fields(name, value, shape) if isinstance(value, dict) else f"{name} is not an object"
    return "" if isinstance(value, shape) else f"{name} is not {CALLED[shape]}"


def _fields(name: str, value: dict[str, Any], shape: dict[str, Any]) -> str:
    """Return the first thing that is wrong with an object's fields."""
    if "*" in shape:  # their names are somebody's own words: a label may end in ``!``
        return next(filter(None, (_wrong(key, of, shape["*"]) for key, of in value.items() if of is not None)), "")
    for field, of in shape.items():
        key = field.removesuffix("!")
        found = value.get(key)
        if found is not None and (said := _wrong(key, found, of)):
            return said
        if found is None and field != key:
            return f"{name} lacks {key}"
    return ""
