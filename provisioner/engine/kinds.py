"""A table of all kinds of engine: how to recognize each, where its files are, who may edit them, and what it includes.

An engine is recognized by /info and its address, never by installed packages, because a host may have several engines.
This module has data only. Sources: moby's /info and contrib/, docker-snap, and the products' own documentation.
"""

from collections.abc import Callable, Mapping

from provisioner.typed import Any, NamedTuple

Info = Mapping[str, Any]
Leaf = tuple[str, ...]
LEAF = ("features", "containerd-snapshotter")


class Layout(NamedTuple):
    """Where the files of an engine are on this host, and how it is restarted.

    Paths may contain ``{home}``, ``{config}``, ``{runtime}`` and ``{appdata}`` of the user (see ``places.resolved``).

    ``files``: possible configuration files, each with the key that turns on containerd's image store. The first one
    that exists is used, else the first.
    ``closed``: nobody may edit the file while the engine runs.
    ``managers``: what can restart the engine, by names in managers.py. The first one that runs this host is used.
    ``dockerd``: the program that validates a new configuration, if the unit does not name one.
    ``managed``: the engine runs its own containerd.
    """

    files: tuple[tuple[str, Leaf], ...] = (("/etc/docker/daemon.json", LEAF),)
    closed: bool = False
    unit: str = "docker.service"
    managers: tuple[str, ...] = ("systemd", "OpenRC", "runit", "sysvinit")
    pid: str = "/var/run/docker.pid"
    dockerd: str = ""
    managed: bool = False


class Kind(NamedTuple):
    """One kind of engine.

    ``layout``: where its files are. None if we may edit none of them; ``advice`` and ``command`` then tell the owner
    what to do.
    ``owner``: who owns the engine: root, a user, or either.
    ``emulators``: who registers them: ``here`` (root, on this host), ``root`` (the same, but we are not root) or
    ``inside`` (they come with the engine).
    ``daemon``: how the owner sets a key of daemon.json.
    ``sockets``: where it listens.
    ``only``: an engine of this kind at any other socket is a different one, and we do not know its file or unit.
    ``store``: whether it has an image store to switch.
    ``builder``: whether it can run a builder.
    ``registries``: whether it can be asked if a registry has an image (GET /distribution).
    """

    name: str
    title: str
    signs: Callable[[Info, str], bool]
    layout: Layout | None = None
    advice: str = ""
    command: str = ""
    owner: str = "either"
    emulators: str = "inside"
    daemon: str = "set it where that engine's own daemon.json is made"
    sockets: tuple[str, ...] = ()
    only: bool = False
    store: bool = True
    builder: bool = True
    registries: bool = True


def _named(info: Info, *names: str) -> bool:
    """Whether the engine's host has one of these names, optionally followed by ``-`` and a profile."""
    name = str(info.get("Name", ""))
    return any(name == n or name.startswith(f"{n}-") for n in names)


def named(info: Info) -> bool:
    """Whether the engine's host is named like a product's virtual machine."""
    return _named(info, "orbstack", "lima-rancher-desktop", "colima", "lima")


def _system(info: Info, *names: str) -> bool:
    return info.get("OperatingSystem") in names


def _desktop(info: Info, _: str) -> bool:
    labels = info.get("Labels") or ()
    return _system(info, "Docker Desktop") or any(str(label).startswith("com.docker.desktop.") for label in labels)


def _podman(info: Info) -> bool:
    return "BuildahVersion" in info or "buildahVersion" in (info.get("host") or ())


def _rootless(info: Info) -> bool:
    return "name=rootless" in (info.get("SecurityOptions") or ())


def _remote(_: Info, host: str) -> bool:
    return not host.startswith(("unix://", "npipe://"))


ENGINE = Kind(
    "engine",
    "Engine",
    lambda i, h: True,
    Layout(),
    owner="root",
    emulators="here",
    sockets=("/var/run/docker.sock", "/run/docker.sock"),  # /var/run is a link to /run
    only=True,
)

# The first row that matches wins. Products that wrap an engine therefore come before the engine.
KINDS = (
    Kind(
        "desktop-wsl",
        "Docker Desktop, integrated into WSL",
        lambda i, h: _desktop(i, h) and h.startswith("unix://") and "microsoft" in str(i.get("KernelVersion")),
        None,
        "in Docker Desktop on Windows: Settings > General > Use containerd for pulling and storing images > Apply",
        "docker desktop restart",
        owner="user",
    ),
    Kind(
        "desktop",
        "Docker Desktop",
        _desktop,
        Layout(
            tuple(
                (f"{folder}/{name}", (key,))
                for folder in (
                    "{home}/.docker/desktop",
                    "{home}/Library/Group Containers/group.com.docker",
                    "{appdata}/Docker",
                )
                for name, key in (
                    ("settings-store.json", "UseContainerdSnapshotter"),
                    ("settings.json", "useContainerdSnapshotter"),  # Docker Desktop 4.34 and older
                )
            ),
            closed=True,
            unit="Docker Desktop",
            managers=("Docker Desktop",),
            pid="",
        ),
        owner="user",
        daemon="set it in Settings > Docker Engine",
        sockets=(
            "{home}/.docker/desktop/docker.sock",
            "{home}/.docker/run/docker.sock",
            "npipe:////./pipe/dockerDesktopLinuxEngine",
        ),
    ),
    Kind(
        "podman-remote",
        "Podman on another machine",
        lambda i, h: _podman(i) and _remote(i, h),
        None,
        "run provisioner there: emulators of this host are not that Podman's",
        "provisioner apply",
        store=False,
        registries=False,
    ),
    Kind(
        "podman-rootless",
        "Podman, rootless",
        lambda i, h: _podman(i) and _rootless(i),
        None,
        "Podman keeps images of several platforms as it is: nothing to switch",
        "podman info",
        owner="user",
        emulators="root",
        store=False,
        sockets=("{runtime}/podman/podman.sock",),
        registries=False,
    ),
    Kind(
        "podman",
        "Podman",
        lambda i, h: _podman(i),
        None,
        "Podman keeps images of several platforms as it is: nothing to switch",
        "podman info",
        owner="root",
        emulators="here",
        store=False,
        sockets=("/run/podman/podman.sock",),
        registries=False,
    ),
    Kind(
        "orbstack",
        "OrbStack",
        lambda i, h: _system(i, "OrbStack") or _named(i, "orbstack"),
        None,
        'add "features": {"containerd-snapshotter": true} to the engine\'s configuration (the default since 2.2)',
        "orb config docker && orb restart docker",
        sockets=("{home}/.orbstack/run/docker.sock",),
    ),
    Kind(
        "rancher-desktop",
        "Rancher Desktop",
        lambda i, h: _named(i, "lima-rancher-desktop") or _system(i, "Rancher Desktop WSL Distribution"),
        None,
        "choose containerd's image store in Preferences > Container Engine: it writes daemon.json anew at each start",
        "rdctl shutdown && rdctl start",
        sockets=("{home}/.rd/docker.sock",),
    ),
    Kind(
        "colima",
        "Colima",
        lambda i, h: _named(i, "colima"),
        None,
        'say docker: {"features": {"containerd-snapshotter": true}} in colima.yaml, of which daemon.json is made',
        "colima stop && colima start --edit",
        sockets=("{home}/.colima/*/docker.sock", "{home}/.config/colima/*/docker.sock", "{home}/.colima/docker.sock"),
    ),
    Kind(
        "lima",
        "Lima",
        lambda i, h: _named(i, "lima"),
        None,
        "say param: {containerdSnapshotter: true} in the instance's template",
        "limactl stop INSTANCE && limactl edit INSTANCE && limactl start INSTANCE",
        sockets=("{home}/.lima/*/sock/docker.sock",),
    ),
    Kind(
        "windows",
        "Engine for Windows containers",
        lambda i, h: i.get("OSType") == "windows" or str(i.get("Driver")).startswith("windowsfilter"),
        None,
        "it runs Windows containers only: switch Docker Desktop to Linux containers, or use an engine on Linux",
        "docker desktop engine use linux",
        store=False,
        builder=False,
    ),
    Kind(
        "remote",
        "an engine on another machine",
        _remote,
        None,
        "run provisioner there: files and emulators of this host are not that engine's",
        "provisioner apply",
    ),
    Kind(
        "rootless",
        "Engine, rootless",
        lambda i, h: _rootless(i),
        Layout(
            (("{config}/docker/daemon.json", LEAF),),
            managers=("systemd --user",),
            pid="{runtime}/docker.pid",
            managed=True,
        ),
        owner="user",
        emulators="root",
        sockets=("{runtime}/docker.sock",),
        only=True,
    ),
    Kind(
        "snap",
        "Engine, snap",
        lambda i, h: str(i.get("DockerRootDir", "")).startswith("/var/snap/"),
        Layout(
            (("/var/snap/docker/current/config/daemon.json", LEAF),),
            unit="snap.docker.dockerd.service",
            managers=("snapd",),
            pid="/var/snap/docker/common/run/docker.pid",
            dockerd="/snap/docker/current/bin/dockerd",
            managed=True,
        ),
        owner="root",
        emulators="here",
        sockets=("/var/snap/docker/common/run/docker.sock",),
    ),
    Kind(
        "container",
        "Engine in a container",
        lambda i, h: str(i.get("OperatingSystem", "")).endswith(" (containerized)"),
        Layout(),
        owner="root",
        emulators="here",
    ),
    ENGINE,
)  # fmt: skip

# An engine that looks like this host's own, but whose socket leads to another machine or container.
ELSEWHERE = Kind(
    "elsewhere",
    "an engine that runs elsewhere, behind a socket of this host",
    lambda i, h: False,
    None,
    "run provisioner where it runs; a container: give its dockerd --feature containerd-snapshotter (27.3 on)",
    "provisioner apply",
)


def recognised(info: Info, host: str) -> Kind:
    """Return the kind of engine that gives this answer to GET /info at this address.

    A product's virtual machine may have any name, so a plain engine at the product's usual address counts as the
    product.
    """
    found = next(row for row in KINDS if row.signs(info, host))
    there = expected(host) if found is ENGINE else None
    return there if there and there.emulators == "inside" else found


def expected(host: str) -> Kind | None:
    """Return the kind of engine that usually listens at an address, or None if no kind does."""
    return next((row for row in KINDS if any(_fits(host, pattern) for pattern in row.sockets)), None)


def _fits(host: str, pattern: str) -> bool:
    """Whether an address matches a pattern, in any user's folders."""
    if "://" in pattern:
        return host == pattern
    path = host.removeprefix("unix://")
    if pattern.startswith("{runtime}"):
        return path.startswith("/run/user/") and path.endswith(pattern.removeprefix("{runtime}"))
    if not pattern.startswith("{home}"):
        return path == pattern
    before, star, after = pattern.removeprefix("{home}").partition("*")
    at = path.find(before)
    return at > 0 and (path.endswith(after) if star else path.endswith(before))


def of(name: str) -> Kind:
    """Find a kind by its name. Any unknown name, such as ``none`` for no engine, gives Engine."""
    return next((row for row in (*KINDS, ELSEWHERE) if row.name == name), ENGINE)
