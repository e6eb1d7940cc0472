"""Errors about Docker Engine and its disk."""

from provisioner.cli.cures import DOWN, Cause, Error, do, run

ERRORS: tuple[Error, ...] = (
    Error(
        "snapshotter-not-loaded",
        "snapshotter not loaded: overlay2",
        (r"snapshotter not loaded",),
        (
            Cause(
                "graph-driver",
                "Docker is told to use a graph driver (`storage-driver`) while containerd's image store is on. "
                "The store takes the name of a snapshotter, such as overlayfs.",
                (do("remove `storage-driver` from /etc/docker/daemon.json"), run("sudo systemctl restart docker")),
            ),
            Cause(
                "",
                "No graph driver is set now. The container was made while one was: make it again.",
                (run("docker rm CONTAINER"), run("docker run … IMAGE")),
            ),
        ),
    ),
    Error(
        "disk-full",
        "no space left on device",
        (r"no space left on device", r"disk quota exceeded"),
        (
            Cause(
                "disk-full",
                "The disk with Docker's data is full.",
                (run("docker buildx prune --keep-storage 10GB"), run("docker system df")),
            ),
            Cause(
                "",
                "There is room now: the cache was cleaned up meanwhile, or another file system was full.",
                (run("df -h /var/lib/docker /tmp"), run("df -i /var/lib/docker")),
            ),
        ),
    ),
    Error(
        "daemon-down",
        "Cannot connect to the Docker daemon",
        (r"cannot connect to the docker daemon", r"is the docker daemon running"),
        (
            DOWN,
            Cause(
                "",
                "Docker runs, but the program asked at another address.",
                (run("docker context ls"), run("env | grep DOCKER_")),
            ),
        ),
    ),
    Error(
        "socket-permission",
        "permission denied while trying to connect to the Docker daemon socket",
        (r"permission denied while trying to connect to the docker", r"dial unix \S*docker\.sock: connect: permission"),
        (
            Cause(
                "no-access",
                "This user is not in the group of Docker's socket. That group may do what root may.",
                (run("sudo usermod --append --groups GROUP USER"), do("log in again")),
            ),
            Cause(
                "",
                "This user may use Docker's socket. The session that failed is older than that right, or "
                "another user's.",
                (do("log out and in again"), run("id")),
            ),
        ),
    ),
    Error(
        "api-version",
        "client version is too old / too new",
        (r"client version \S+ is too (old|new)", r"minimum supported api version"),
        (
            Cause(
                "api-pinned", "DOCKER_API_VERSION pins an old version of the API.", (run("unset DOCKER_API_VERSION"),)
            ),
            Cause(
                "",
                "The client, or buildx, and Docker Engine are too far apart in age.",
                (run("docker version"), run("docker buildx version"), do("upgrade the older of the two")),
            ),
        ),
    ),
)
