"""The command that recreates a container."""

from typing import Any

import pytest

from provisioner.image_store import recreate

BARE: dict[str, Any] = {"Id": "4" * 64, "Name": "/web", "Config": {"Image": "nginx:1"}, "HostConfig": {}}


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
        "docker run --detach --name=web --restart=always --device=/dev/kvm:/dev/kvm:rwm --tmpfs=/run"
        " --volume=data:/data --volume=/etc/x:/x:ro --read-only --memory=536870912 --cap-add=NET_ADMIN --env=PASSWORD"
        " --entrypoint=/bin/sh nginx:1 -c 'echo a b'"
    )


def test_a_file_system_in_memory_is_no_volume() -> None:
    mounts = [{"Type": "tmpfs", "Source": "", "Destination": "/run"}]
    assert recreate.sentence({**BARE, "Mounts": mounts}).startswith("web (of nginx:1): docker run ")


def test_a_container_of_nothing_but_its_image_is_made_by_its_name() -> None:
    assert recreate.command(BARE) == "docker run --detach --name=web nginx:1"


HOST: tuple[tuple[dict[str, Any], str], ...] = (
    ({"NanoCpus": 1_500_000_000}, "--cpus=1.5"),
    ({"DeviceRequests": [{"Driver": "", "Count": -1, "Capabilities": [["gpu"]]}]}, "--gpus=all"),
    ({"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["vendor.com/device=a"]}]}, "--device=vendor.com/device=a"),
    ({"Runtime": "crun"}, "--runtime=crun"),
    ({"Runtime": "runc"}, ""),
    ({"LogConfig": {"Type": "json-file", "Config": {}}}, ""),
    ({"LogConfig": {"Type": "local", "Config": {"max-size": "5m"}}}, "--log-driver=local --log-opt=max-size=5m"),
    ({"ShmSize": 1 << 30}, "--shm-size=1073741824"),
    ({"ShmSize": 64 << 20}, ""),
    ({"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}]}, "--ulimit=nofile=1:2"),
    ({"Sysctls": {"net.core.somaxconn": "9"}}, "--sysctl=net.core.somaxconn=9"),
    ({"IpcMode": "host"}, "--ipc=host"),
    ({"OomScoreAdj": -500}, "--oom-score-adj=-500"),
    ({"VolumesFrom": ["other:ro"]}, "--volumes-from=other:ro"),
    ({"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 5}}, "--restart=on-failure:5"),
    ({"Tmpfs": {"/run": "size=1m"}}, "--tmpfs=/run:size=1m"),
    ({"NetworkMode": "host"}, "--network=host"),
)
CONFIG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"Hostname": "db"}, "--hostname=db"),
    ({"Hostname": "4" * 12}, ""),
    ({"WorkingDir": "/src"}, "--workdir=/src"),
    ({"Labels": {"a": "b c"}}, "'--label=a=b c'"),
    ({"Tty": True, "OpenStdin": True}, "--tty --interactive"),
    ({"StopTimeout": 300, "StopSignal": "SIGINT"}, "--stop-signal=SIGINT --stop-timeout=300"),
    (
        {"Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 5000000000, "Retries": 3}},
        "--health-cmd=true --health-interval=5000000000ns --health-retries=3",
    ),
)


@pytest.mark.parametrize(("host", "option"), HOST)
def test_every_field_of_the_host_is_an_option(host: dict[str, Any], option: str) -> None:
    said = recreate.sentence({**BARE, "HostConfig": host})
    assert said == f"web (of nginx:1): docker run --detach --name=web {option + ' ' if option else ''}nginx:1"


@pytest.mark.parametrize(("config", "option"), CONFIG)
def test_every_field_of_the_container_is_an_option(config: dict[str, Any], option: str) -> None:
    said = recreate.command({**BARE, "Config": {"Image": "nginx:1", **config}})
    assert said == f"docker run --detach --name=web {option + ' ' if option else ''}nginx:1"


def test_further_networks_are_joined_with_their_addresses_and_names() -> None:
    ways = {"front": {}, "back": {"IPAMConfig": {"IPv4Address": "10.9.0.7"}, "Aliases": ["db", "4" * 12]}}
    found = {**BARE, "HostConfig": {"NetworkMode": "front"}, "NetworkSettings": {"Networks": ways}}
    assert "--network=front --network=name=back,ip=10.9.0.7,alias=db " in recreate.command(found)


def test_what_no_option_says_is_named() -> None:
    said = recreate.sentence({**BARE, "HostConfig": {"BlkioDeviceReadBps": [{"Path": "/dev/sda", "Rate": 1}]}})
    assert said.endswith(" nginx:1 (not reproduced: BlkioDeviceReadBps; `docker inspect` has it)")


@pytest.mark.parametrize(
    "arguments", [["--requirepass", "hunter2"], ["--password=hunter2"], ["redis", "https://me:hunter2@there/"]]
)
def test_a_secret_among_the_arguments_is_not_printed(arguments: list[str]) -> None:
    said = recreate.command({**BARE, "Config": {"Image": "redis", "Cmd": arguments}})
    assert "hunter2" not in said
    assert "***" in said


def test_a_project_of_compose_is_made_again_of_its_own_files() -> None:
    labels = {
        recreate.PROJECT: "shop",
        recreate.FOLDER: "/srv/shop",
        recreate.FILES: "/srv/shop/a.yml,/srv/shop/prod.yml",
        recreate.VARIABLES: "/srv/shop/.prod",
    }
    assert recreate.command({**BARE, "Config": {"Image": "x", "Labels": labels}}) == (
        "cd /srv/shop && docker compose --project-name=shop --file=/srv/shop/a.yml --file=/srv/shop/prod.yml"
        " --env-file=/srv/shop/.prod up --detach"
    )
