"""A table of errors that people search for, with their possible causes and cures.

The command ``explain`` and docs/explain.md are made from it. Each cause names a test in ``causes`` that checks
whether the cause applies to the host. The last cause of an error needs no test.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple


class Cause(NamedTuple):
    """A possible cause: the test that detects it on a host, a sentence, and commands or settings that fix it."""

    test: str
    sentence: str
    cure: tuple[str, ...]


class Error(NamedTuple):
    """An error as programs print it. ``patterns`` are matched against each line, ignoring case."""

    code: str
    title: str
    patterns: tuple[str, ...]
    causes: tuple[Cause, ...]


APPLY, EMULATORS = "sudo provisioner apply", "sudo provisioner apply --only emulators"
BUILDER, STORE = "sudo provisioner apply --only builder", "sudo provisioner apply --only image-store"
INSPECT = "docker buildx imagetools inspect IMAGE"
DOWN = Cause("engine-down", "Docker is not running on this host.", ("sudo systemctl start docker",))
NO_STORE = Cause(
    "classic-store", "Docker keeps images in its classic store, where an image has one platform.", (STORE,)
)
NOT_SELECTED = Cause(
    "builder-differs", "The builder for several platforms is missing, stopped or not selected.", (BUILDER,)
)

ERRORS: tuple[Error, ...] = (
    Error(
        "exec-format-error",
        "exec format error",
        (r"exec format error", r"cannot execute binary file"),
        (
            Cause("no-emulator", "The emulator for this platform is not registered or does not work.", (EMULATORS,)),
            Cause(
                "not-configured",
                "The platform is not in the configuration, so no emulator is registered for it.",
                ("add it to `platforms` in /etc/provisioner/provisioner.yaml", EMULATORS),
            ),
            Cause(
                "",
                "Emulators work on this host. The image or the file is of another platform than it says, or a script "
                "has no line `#!/bin/sh`.",
                ("docker image inspect --format '{{.Os}}/{{.Architecture}}' IMAGE", "file PROGRAM"),
            ),
        ),
    ),
    Error(
        "docker-driver",
        "Multi-platform build is not supported for the docker driver",
        (
            r"multi-platform build is not supported for the docker driver",
            r"multiple platforms feature is currently not supported for docker driver",
            r"(cache export|attestation)s? (is|are) not supported for the docker driver",
        ),
        (
            NO_STORE,
            NOT_SELECTED,
            Cause(
                "",
                "The command used the builder `default`, or this user has selected no other.",
                ("docker buildx build --builder container-builder …", "docker buildx use container-builder"),
            ),
        ),
    ),
    Error(
        "manifest-lists",
        "docker exporter does not currently support exporting manifest lists",
        (r"docker exporter does not currently support exporting manifest lists",),
        (
            NO_STORE,
            Cause(
                "",
                "This builder cannot load several platforms at once. Push them, or load a single platform.",
                ("docker buildx build --push …", "docker buildx build --platform linux/amd64 --load …"),
            ),
        ),
    ),
    Error(
        "no-matching-manifest",
        "no matching manifest for linux/arm64",
        (r"no matching manifest for", r"no match for platform in manifest", r"does not match the specified platform"),
        (
            Cause(
                "",
                "The image was not published for this platform.",
                (INSPECT, "docker pull --platform linux/amd64 IMAGE"),
            ),
        ),
    ),
    Error(
        "platform-mismatch",
        "The requested image's platform does not match the detected host platform",
        (r"requested image's platform \(\S+\) does not match",),
        (
            Cause("no-emulator", "The image is of another platform, and no emulator runs it here.", (EMULATORS,)),
            Cause(
                "",
                "The image runs under emulation, which is slower. Choose a variant for this host if there is one.",
                (INSPECT,),
            ),
        ),
    ),
    Error(
        "snapshotter-not-loaded",
        "snapshotter not loaded: overlay2",
        (r"snapshotter not loaded",),
        (
            Cause(
                "graph-driver",
                "Docker is told to use a graph driver (`storage-driver`) while containerd's image store is on. "
                "The store takes the name of a snapshotter, such as overlayfs.",
                ("remove `storage-driver` from /etc/docker/daemon.json", "sudo systemctl restart docker"),
            ),
            Cause(
                "",
                "No graph driver is set now. The container was made while one was: make it again.",
                ("docker rm CONTAINER", "docker run … IMAGE"),
            ),
        ),
    ),
    Error(
        "qemu-signal",
        "qemu: uncaught target signal 11 (Segmentation fault)",
        (
            r"qemu: uncaught target signal",
            r"\.buildkit_qemu_emulator .*exit code: (132|134|135|139)",
            r"qemu-\S+: .*(segmentation fault|illegal instruction)",
        ),
        (
            Cause(
                "known-qemu",
                "The QEMU version of this host is known to break programs.",
                ("set `emulators.image: tonistiigi/binfmt:qemu-v10.2.3` in the configuration", EMULATORS),
            ),
            Cause(
                "",
                "The emulator crashed: a bug of this QEMU version, or too little memory.",
                (
                    "set `emulators.image` to another version of tonistiigi/binfmt, then " + EMULATORS,
                    "build this platform on a machine that runs it natively: `builder.nodes`",
                ),
            ),
        ),
    ),
    Error(
        "foreign-loader",
        "qemu-aarch64: Could not open '/lib/ld-linux-aarch64.so.1'",
        (r"could not open '/lib\S*/ld-", r"invalid elf image for this architecture"),
        (
            Cause(
                "",
                "A program of another platform was started without that platform's libraries around it. "
                "It runs inside an image of its platform.",
                ("docker run --rm --platform linux/arm64 IMAGE PROGRAM",),
            ),
        ),
    ),
    Error(
        "no-builder",
        "failed to solve: no builder",
        (r"no builder \"?[\w.-]+\"? found", r"failed to find driver", r"no builder instance"),
        (NOT_SELECTED, Cause("", "This user has no builder of this name.", ("docker buildx ls", BUILDER))),
    ),
    Error(
        "builder-gone",
        "the builder's container is gone",
        (
            r"no such container: buildx_buildkit",
            r"invalid mount config for type",
            r"bind source path does not exist",
            r"failed to (initialize|boot) builder",
            r"error: (no valid drivers|failed to dial grpc)",
        ),
        (
            DOWN,
            NOT_SELECTED,
            Cause("", "The container of the builder does not start.", ("docker buildx inspect --bootstrap", BUILDER)),
        ),
    ),
    Error(
        "unknown-authority",
        "x509: certificate signed by unknown authority",
        (r"x509: certificate signed by unknown authority", r"tls: failed to verify certificate"),
        (
            Cause(
                "builder-certificates",
                "The builder does not have the certificates that Docker has.",
                ("set `builder.inherit: true` in the configuration", BUILDER),
            ),
            Cause(
                "no-certificate",
                "Neither Docker nor the builder knows the authority that signed the registry's certificate.",
                ("sudo cp ca.crt /etc/docker/certs.d/REGISTRY/ca.crt", BUILDER),
            ),
            Cause(
                "",
                "Docker and the builder have a certificate for this registry. It is another one than the registry uses "
                "now, or a program inside the image asked.",
                ("openssl s_client -showcerts -connect REGISTRY", "compare it with /etc/docker/certs.d/REGISTRY"),
            ),
        ),
    ),
    Error(
        "http-response",
        "http: server gave HTTP response to HTTPS client",
        (r"server gave http response to https client", r"first record does not look like a tls handshake"),
        (
            Cause(
                "unlisted",
                "The registry does not speak TLS, and is not listed as insecure.",
                ("set `daemon: {insecure-registries: [REGISTRY]}` in the configuration", APPLY),
            ),
            Cause(
                "builder-registries",
                "Docker knows that the registry does not speak TLS. The builder does not.",
                ("set `builder.inherit: true` in the configuration", BUILDER),
            ),
            Cause(
                "",
                "Docker and the builder know that the registry does not speak TLS. Another program asked it.",
                ("run the same build with `docker buildx build --builder container-builder …`",),
            ),
        ),
    ),
    Error(
        "proxy",
        "proxyconnect tcp: dial tcp",
        (r"proxyconnect tcp", r"proxy authentication required", r"407 proxy"),
        (
            Cause(
                "builder-proxies",
                "The builder has other proxies than Docker.",
                ("set `builder.inherit: true` in the configuration", BUILDER),
            ),
            Cause(
                "no-proxy",
                "Docker has no proxy now. The program that failed had one of its own, or Docker had one then.",
                ("env | grep -i proxy", "docker buildx inspect"),
            ),
            Cause(
                "",
                "The proxy does not answer, or refuses the registry.",
                (
                    "docker info --format '{{.HTTPProxy}} {{.HTTPSProxy}} {{.NoProxy}}'",
                    "curl -x PROXY https://REGISTRY/v2/",
                ),
            ),
        ),
    ),
    Error(
        "name-resolution",
        "dial tcp: lookup registry-1.docker.io: no such host",
        (
            r"dial tcp: lookup \S+.*(no such host|i/o timeout|temporary failure|server misbehaving)",
            r"dial tcp: lookup \S+.*(connection refused|network is unreachable)",
        ),
        (
            Cause(
                "resolves",
                "This host resolves the name, so the builder's container or the image's own network does not.",
                ("set `builder: {driver_options: {network: host}}` in the configuration", BUILDER),
            ),
            Cause(
                "",
                "This host cannot resolve the name: its DNS server does not answer or does not know it.",
                ("getent hosts REGISTRY", "cat /etc/resolv.conf"),
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
                ("docker buildx prune --keep-storage 10GB", "docker system df"),
            ),
            Cause(
                "",
                "There is room now: the cache was cleaned up meanwhile, or another file system was full.",
                ("df -h /var/lib/docker /tmp", "df -i /var/lib/docker"),
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
                ("docker context ls", "env | grep DOCKER_"),
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
                ("sudo usermod --append --groups GROUP USER", "log in again"),
            ),
            Cause(
                "",
                "This user may use Docker's socket. The session that failed is older than that right, or another "
                "user's.",
                ("log out and in again", "id"),
            ),
        ),
    ),
    Error(
        "no-buildx",
        "docker: 'buildx' is not a docker command",
        (
            r"'buildx' is not a docker command",
            r"buildx component is missing or broken",
            r"unknown flag: --(platform|load|push|builder)",
        ),
        (
            Cause("no-plugin", "The plug-in buildx is not installed.", ("sudo apt-get install docker-buildx", BUILDER)),
            Cause(
                "",
                "Docker finds buildx on this host. The command that failed used another docker, or had another HOME.",
                ("docker buildx version", "type -a docker"),
            ),
        ),
    ),
    Error(
        "api-version",
        "client version is too old / too new",
        (r"client version \S+ is too (old|new)", r"minimum supported api version"),
        (
            Cause(
                "api-pinned",
                "DOCKER_API_VERSION pins an old version of the API.",
                ("unset DOCKER_API_VERSION",),
            ),
            Cause(
                "",
                "The client, or buildx, and Docker Engine are too far apart in age.",
                ("docker version", "docker buildx version", "upgrade the older of the two"),
            ),
        ),
    ),
    Error(
        "rate-limit",
        "toomanyrequests: You have reached your pull rate limit",
        (r"toomanyrequests", r"pull rate limit", r"429 too many requests"),
        (
            Cause(
                "no-mirror",
                "The registry limits pulls of this address, and Docker asks no mirror first.",
                ("docker login", "set `daemon: {registry-mirrors: [https://MIRROR]}` in the configuration"),
            ),
            Cause(
                "",
                "The registry limits pulls of this address. Docker asks a mirror first, which did not have the image.",
                ("docker login", "docker info --format '{{.RegistryConfig.Mirrors}}'"),
            ),
        ),
    ),
    Error(
        "not-logged-in",
        "insufficient_scope: authorization failed",
        (
            r"insufficient_scope",
            r"pull access denied",
            r"push access denied",
            r"401 unauthorized",
            r"no basic auth credentials",
            r"error getting credentials",
        ),
        (
            Cause(
                "no-login",
                "This user is not logged in at any registry.",
                ("docker login REGISTRY",),
            ),
            Cause(
                "",
                "This user has logins. The one for this registry is missing or may not do this, or the image does not "
                "exist.",
                ("docker login REGISTRY", INSPECT),
            ),
        ),
    ),
)
_COMPILED = tuple((error, re.compile("|".join(error.patterns), re.IGNORECASE)) for error in ERRORS)


def recognized(text: str) -> Iterator[tuple[Error, str]]:
    """Find each known error in a text once, with the line that contains it, in the order of the text."""
    seen: set[str] = set()
    for line in text.splitlines():
        for error, pattern in _COMPILED:
            if error.code not in seen and pattern.search(line):
                seen.add(error.code)
                yield error, line.strip()


def page() -> str:
    """Return the documentation page about these errors, in Markdown."""
    lines = [
        "# Errors that `provisioner explain` knows",
        "",
        "`provisioner explain` recognizes these errors in a message, a file or the output of a build. It looks at",
        "the host and says which cause is the real one:",
        "",
        "    docker buildx build . 2>&1 | provisioner explain",
        "",
        "This page is made from the same table. [Errors and cures](errors.md) tells more of the most frequent ones.",
    ]
    for error in ERRORS:
        lines += ["", f"## {error.title}", ""]
        for cause in error.causes:
            lines += [cause.sentence, "", *(f"    {line}" for line in cause.cure), ""]
        lines.pop()
    return "\n".join(lines) + "\n"
