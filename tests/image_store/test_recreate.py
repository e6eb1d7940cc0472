"""How a container is said to be made again."""

from typing import Any

from provisioner.image_store import recreate

BARE: dict[str, Any] = {"Name": "/web", "Config": {"Image": "nginx:1"}, "HostConfig": {}}


def test_a_command_names_what_the_container_was_made_with() -> None:
    config = {
        "Image": "nginx:1",
        "Entrypoint": ["/bin/sh", "-c"],
        "Cmd": ["echo a b"],
        "Env": ["PATH=/bin", "PASSWORD=secret"],
    }
    host = {
        "RestartPolicy": {"Name": "always"},
        "CapAdd": ["NET_ADMIN"],
        "Devices": [{"PathOnHost": "/dev/kvm", "PathInContainer": "/dev/kvm", "CgroupPermissions": "rwm"}],
        "Memory": 1 << 29,
        "ReadonlyRootfs": True,
        "Tmpfs": {"/run": ""},
    }
    mounts = [
        {"Type": "volume", "Name": "data", "Source": "/v", "Destination": "/data", "RW": True},
        {"Type": "bind", "Source": "/etc/x", "Destination": "/x", "RW": False},
        {"Type": "tmpfs", "Source": "", "Destination": "/run", "RW": True},
    ]
    said = recreate.command({**BARE, "Config": config, "HostConfig": host, "Mounts": mounts})
    assert said == (
        "docker run --detach --name=web --restart=always --read-only --memory=536870912 --cap-add=NET_ADMIN"
        " --device=/dev/kvm:/dev/kvm:rwm --tmpfs=/run --volume=data:/data --volume=/etc/x:/x:ro --env=PASSWORD"
        " --entrypoint=/bin/sh nginx:1 -c 'echo a b'"
    )


def test_a_file_system_in_memory_is_no_volume() -> None:
    mounts = [{"Type": "tmpfs", "Source": "", "Destination": "/run"}]
    assert recreate.sentence({**BARE, "Mounts": mounts}).startswith("web (of nginx:1): docker run ")


def test_a_container_of_nothing_but_its_image_is_made_by_its_name() -> None:
    assert recreate.command(BARE) == "docker run --detach --name=web nginx:1"
