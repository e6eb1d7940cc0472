"""System containers of LXC on a booted host: a systemd and an engine of their own, on the host's kernel."""

from collections.abc import Mapping

from tests.hosts import command
from tests.hosts.host import GET, LONG, Host, Result

FILES = "/home/{}/rootfs"  # a plain folder, for the container's engine puts an overlay on it
CONFIG = """\
lxc.include = /usr/share/lxc/config/common.conf
lxc.include = /usr/share/lxc/config/nesting.conf
lxc.apparmor.profile = unconfined
lxc.net.0.type = empty
lxc.uts.name = {name}
lxc.rootfs.path = dir:{files}
"""
SHIFTED = """\
lxc.include = /usr/share/lxc/config/userns.conf
lxc.idmap = u 0 10000 50000
lxc.idmap = g 0 10000 50000
"""
# The machine's table, as a manager gives it to a container that may not have its own.
BOUND = "lxc.mount.entry = /proc/sys/fs/binfmt_misc proc/sys/fs/binfmt_misc none bind 0 0\n"
KINDS = {"privileged": "", "unprivileged": SHIFTED, "unprivileged, with the machine's table": SHIFTED + BOUND}

# $1 is the folder, the rest is what unpacks there. The container gets the host's own system and agent.
COPY = """\
mkdir -p "$1" && [ "$2" = tar ] || chown 10000:10000 "$1"
cd / && tar --one-file-system --exclude='./home/*' --exclude='./dev/*' --exclude=./var/lib/lxc -c . | {
    cd "$1" && shift && exec "$@"
}
"""
UNPACK = ("tar", "--warning=no-timestamp", "-x")
AS_ROOT_INSIDE = ("lxc-usernsexec", "-m", "b:0:10000:50000", "--")
# A namespace may only mount /proc and /sys where it already sees all of them. In a host of the tests, parts are hidden.
SEEN = """\
mkdir -p /run/whole/proc /run/whole/sys
mountpoint -q /run/whole/proc || mount -t proc proc /run/whole/proc
mountpoint -q /run/whole/sys || mount -t sysfs sysfs /run/whole/sys
"""
BOOTED = ("running", "degraded")


class Container:
    """A container with the system and the agent of its host. It is off until boot(), and ends with the host."""

    PATIENCE = Host.PATIENCE

    def __init__(self, host: Host, kind: str) -> None:
        self.host, self.name = host, "guest"
        files = FILES.format(self.name)
        shifted = SHIFTED in KINDS[kind]
        host.sh(SEEN, check=True)
        host.sh(COPY, files, *(AS_ROOT_INSIDE if shifted else ()), *UNPACK, check=True)
        config = CONFIG.format(name=self.name, files=files) + KINDS[kind]
        host.put(f"/var/lib/lxc/{self.name}/config", config)

    def boot(self) -> None:
        """Start it, and wait until its systemd has started everything."""
        log = f"/var/log/lxc-{self.name}"
        self.host.run("lxc-start", f"--name={self.name}", f"--logfile={log}", "--logpriority=INFO", check=True)
        state = ("systemctl", "is-system-running")
        self.host.wait("the container's boot", lambda: self.run(*state).stdout.strip() in BOOTED)

    def reboot(self) -> None:
        """Shut it down cleanly and boot it."""
        self.host.run("lxc-stop", f"--name={self.name}", "--timeout=60", check=True)
        self.boot()

    def run(
        self,
        *argv: str,
        user: str = "root",
        env: Mapping[str, str] | None = None,
        timeout: float = LONG,
        check: bool = False,
    ) -> Result:
        """Run a command in it, as Host.run does."""
        if user != "root":
            argv = ("sh", "-c", command.AS_USER, user, *argv)
        variables = (f"--set-var={name}={value}" for name, value in {**command.ENVIRONMENT, **(env or {})}.items())
        attach = ("lxc-attach", f"--name={self.name}", "--clear-env", *variables, "--", *argv)
        return self.host.run(*attach, timeout=timeout, check=check)

    def sh(self, script: str, *args: str, check: bool = False) -> Result:
        """Run a shell script in it."""
        return self.run("sh", "-c", script, "sh", *args, check=check)

    def get(self, path: str) -> bytes | None:
        """Return the content of a text file, or None if it does not exist."""
        found = self.run("sh", "-c", GET, path)
        return None if found.status else found.stdout.encode()
