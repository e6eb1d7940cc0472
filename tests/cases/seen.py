"""What real hosts have in their files, in small cases of our own: each a kind of text that was seen somewhere.

Every table is name -> text; where there is something to know about a text, it is beside it.
"""

import json
from collections.abc import Mapping
from typing import Any

ARM64 = "7f454c460201010000000000000000000200b7"
MASK = "ffffffffffffff00fffffffffffffffffeffff"
ENTRY = "enabled\ninterpreter {}\nflags: {}\noffset 0\nmagic {}\nmask {}\n"

# /proc/sys/fs/binfmt_misc/NAME, and whether the text is an entry.
ENTRIES = {
    "Debian's": (ENTRY.format("/usr/libexec/qemu-binfmt/aarch64-binfmt-P", "POCF", f"{ARM64}00", f"{MASK}ff"), True),
    "static": (ENTRY.format("/usr/bin/qemu-aarch64-static", "F", f"{ARM64}00", f"{MASK}ff"), True),
    "19 bytes": (ENTRY.format("/usr/bin/qemu-aarch64", "OCF", ARM64, MASK), True),
    "without a mask": (f"enabled\ninterpreter /usr/bin/qemu-aarch64\nflags: OCF\noffset 0\nmagic {ARM64}\n", True),
    "a blank at the end": (ENTRY.format("/usr/bin/qemu-aarch64", "F", f"{ARM64}00", f"{MASK}ff ").rstrip(" "), True),
    "arm": (ENTRY.format("/usr/bin/qemu-arm", "OC", f"7f454c46010101{'00' * 9}02002800", f"{MASK}ff"), True),
    "riscv64": (ENTRY.format("/qemu-riscv64", "POCF", f"7f454c46020101{'00' * 9}0200f300", f"{MASK}ff"), True),
    "Rosetta": (ENTRY.format("/r", "OCF", f"7f454c46020101{'00' * 9}02003e00", f"fffffffffffefe00{'ff' * 12}"), True),
    "a variable in the path": (ENTRY.format("/usr/bin/qemu-$arch-static", "F", f"{ARM64}00", f"{MASK}ff"), True),
    "cut off": ("enabled\ninterpreter /usr/bin/qemu-aarch64\nflags: F\n", False),
    "a shell's complaint": ("sh: write error: No such file or directory\n", False),
    "a prompt": ("$ cat /proc/sys/fs/binfmt_misc/qemu-aarch64\n", False),
}  # fmt: skip

_ELF = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00"
_ONES = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff"
_LINE = rf":qemu-aarch64:M::{_ELF}\xb7{{}}:{_ONES}{{}}:"

# /etc/binfmt.d/NAME.conf, and how many rules it has.
RULES = {
    "with a line's end": (_LINE.format(r"\x00", r"\xff") + "/usr/bin/qemu-aarch64:OCF\n", 1),
    "without one": (_LINE.format(r"\x00", r"\xff") + "/usr/bin/qemu-aarch64:F", 1),
    "19 bytes, no flags": (_LINE.format("", "") + "/usr/bin/qemu-aarch64-static:", 1),
    "Rosetta": (rf":rosetta:M::{_ELF}\x3e\x00:" + r"\xff" * 20 + ":/run/rosetta/rosetta:OCF\n", 1),
    "a comment before": (f"# by hand\n\n{_LINE.format('', '')}/usr/bin/qemu-aarch64:PF\n", 1),
    "update-binfmts' own": ("package qemu-user-static\ninterpreter /usr/bin/qemu-aarch64-static\nfix_binary yes\n", 0),
    "nothing": ("", 0),
}

_NODE: Mapping[str, object] = {
    "Name": "ours0",
    "Endpoint": "unix:///var/run/docker.sock",
    "Platforms": None,
    "Flags": None,
    "DriverOpts": {},
}


def _builder(driver: str, *nodes: Mapping[str, object], indent: int | None = None) -> str:
    return json.dumps({"Name": "ours", "Driver": driver, "Nodes": nodes, "Dynamic": False}, indent=indent)


# ~/.docker/buildx/instances/NAME, and what it is; "": refused.
CONTAINER = "docker-container"
BUILDX = {
    "usual": (_builder(CONTAINER, _NODE), "docker-container 1"),
    "flags": (_builder(CONTAINER, {**_NODE, "Flags": ["--oci-worker-gc"]}), "docker-container 1"),
    "options": (_builder(CONTAINER, {**_NODE, "DriverOpts": {"network": "host"}}), "docker-container 1"),
    "two nodes": (_builder("remote", _NODE, {**_NODE, "Endpoint": "tcp://b:1234"}), "remote 2"),
    "in the cloud": (_builder("cloud", _NODE, _NODE), "cloud 2"),
    "indented": (_builder(CONTAINER, _NODE, indent=2), "docker-container 1"),
    "no nodes": (_builder(CONTAINER), "docker-container 0"),
    "a node's number": ("0123456789abcdef", ""),
    "a choice": (json.dumps({"Key": "unix:///var/run/docker.sock", "Name": "ours", "Global": False}), ""),
    "encrypted": ("\0GITCRYPT\0\x12\udc8f\udcf3", ""),
    "half": ('{"Name":"ours","Driver":"docker-con', ""),
    "empty": ("", ""),
}

# Docker Desktop's settings, by the name of the file.
SETTINGS = (
    ("settings-store.json", '{\n  "SettingsVersion": 43,\n  "MemoryMiB": 8092\n}'),
    ("settings-store.json", '{"SettingsVersion":45,"UseContainerdSnapshotter":false,"AutoStart":true}'),
    ("settings-store.json", '{\r\n  "SettingsVersion": 40,\r\n  "UseContainerdSnapshotter": true\r\n}\r\n'),
    ("settings-store.json", "{}"),
    ("settings-store.json", '\ufeff{\n  "SettingsVersion": 43\n}'),
    ("settings.json", '{\n  "settingsVersion": 37,\n  "useContainerdSnapshotter": false\n}'),
    ("settings.json", '{\n  "cpus": ${CPUS},\n  "useContainerdSnapshotter": true\n}\n'),
    ("settings.json", '{"settingsVersion": 13, "filesharingDirectories": ["/Users"], "credentialHelper": "x"}'),
)

# GET /info: what is missing, null or of another kind in one version or another.
INFO: dict[str, dict[str, Any]] = {
    "nothing": {},
    "nulls": {"DriverStatus": None, "Labels": None, "SecurityOptions": None, "Plugins": None, "RegistryConfig": None},
    "17.06": {"ServerVersion": "17.06.2-ce", "Driver": "aufs", "DriverStatus": [["Root Dir", "/var/lib/docker/aufs"]]},
    "19.03": {"ServerVersion": "19.03.15", "Driver": "overlay2", "SecurityOptions": ["name=seccomp,profile=default"]},
    "containerd's store": {"Driver": "overlayfs", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]},
    "no version": {"ServerVersion": "library-import", "Driver": "overlay2"},
    "errors": {"ServerErrors": ["Cannot connect to the Docker daemon at unix:///var/run/docker.sock."]},
    "Podman": {"BuildahVersion": "1.38.0", "ServerVersion": "5.4.2", "Driver": "overlay"},
    "Windows": {"OSType": "windows", "Driver": "windowsfilter (windows) lcow (linux)"},
}

DAEMON_JSON: dict[str, bytes] = {
    "empty": b"",
    "blanks": b" \n\n",
    "braces": b"{}\n",
    "usual": b'{\n  "log-driver": "json-file",\n  "log-opts": {"max-size": "10m", "max-file": "3"}\n}\n',
    "tabs": b'{\n\t"exec-opts": ["native.cgroupdriver=systemd"],\n\t"storage-driver": "overlay2"\n}\n',
    "line ends of Windows": b'{\r\n  "debug": true,\r\n  "features": {\r\n    "buildkit": true\r\n  }\r\n}\r\n',
    "one line": b'{"registry-mirrors":["https://mirror.example"],"insecure-registries":["10.0.0.0/8"]}',
    "no newline at the end": b'{\n "bip": "172.26.0.1/16"\n}',
    "the leaf is false": b'{"features": {"containerd-snapshotter": false, "cdi": true}}\n',
    "the leaf is true": b'{"features": {"containerd-snapshotter": true}}\n',
    "the leaf is a word": b'{"features": {"containerd-snapshotter": "true"}}\n',
    "features is null": b'{"features": null}\n',
    "features is a list": b'{"features": ["containerd-snapshotter"]}\n',
    "features twice": b'{"features": {"buildkit": true}, "features": {"containerd-snapshotter": true}}\n',
    "a key twice": b'{"debug": true, "debug": false}\n',
    "deep": b'{"builder": {"gc": {"enabled": true, "policy": [{"filter": ["unused-for=24h"]}]}}}\n',
    "numbers": b'{"max-concurrent-downloads": 10, "shutdown-timeout": 1.5e1, "mtu": 1450}\n',
    "escapes": b'{"labels": ["a=\\u00e9\\/\\"\\\\"], "data-root": "/srv/\xc3\xa4"}\n',
    "no UTF-8": b'{"labels": ["a=\xe9"]}\n',
    "comments": b'{\n  // why\n  "debug": true /* or not */\n}\n',
    "a comma too many": b'{\n  "debug": true,\n}\n',
    "a comma missing": b'{\n  "debug": true\n  "ipv6": false\n}\n',
    "two objects": b'{"debug": true}\n{"ipv6": true}\n',
    "typographic quotes": '{\n  “debug”: true\n}\n'.encode(),
    "single quotes": b"{'debug': true}\n",
    "a list": b'[{"debug": true}]\n',
    "null": b"null\n",
    "a template": b'{"data-root": "{{ docker_root }}"{% if debug %}, "debug": true{% endif %}}\n',
    "YAML": b"debug: true\n",
    "encrypted": b"\0GITCRYPT\0\x8f\x03\xaa{}",
    "half": b'{"log-driver": "json-fi',
    "without end": b"[" * 5000,
    "zeros": b"\0" * 64,
}  # fmt: skip
