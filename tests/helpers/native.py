"""Hosts of a fleet that build for others: what a host needs for it, where a build runs, and what is left of it."""

from tests.hosts import Host, parts

ROOM = "/etc/provisioner/nodes"
SLEEPING = "FROM scratch\nCOPY sh /bin/sh\nCOPY sh /bin/sleep\nARG N\nRUN sleep $N\n"
# Debian's package of ssh brings the first file. The layers of these hosts have only its programs.
BUILDERS = """\
echo 'Include /etc/ssh/ssh_config.d/*.conf' > /etc/ssh/ssh_config
useradd --create-home --groups docker dev
"""
# What the role sets up. Other files in the folder of ssh are the distribution's.
TRACES = f"""\
ls -d {ROOM} /etc/ssh/ssh_config.d/provisioner* 2>/dev/null
getent passwd provisioner-node
docker ps --all | grep native
docker volume ls | grep native
"""


def prepare(host: Host) -> None:
    """Give a host what Debian's package of ssh brings, a user who builds, and something to build."""
    host.sh(BUILDERS, check=True)
    host.put("/n/sh", (parts.programs() / "busybox-static/usr/bin/busybox").read_bytes(), 0o755)
    host.put("/n/Dockerfile", SLEEPING)


def built_there(host: Host, node: Host, number: int, user: str = "root") -> bool:
    """Build for linux/386 on a host, with a RUN of this many seconds, and return whether the node runs it."""
    argv = ("docker", "buildx", "build", "--platform=linux/386", f"--build-arg=N={number}", "/n")
    building = host.start(*argv, user=user, output=None)
    try:
        node.wait("the RUN", lambda: f"sleep {number}" in node.sh("ps ax").stdout, 60)
        return f"sleep {number}" not in host.sh("ps ax").stdout
    finally:
        host.sh("pkill docker-buildx", check=True)
        building.wait(30)
