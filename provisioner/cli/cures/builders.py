"""Errors about buildx and its builders."""

from provisioner.cli.cures import BUILDER, DOWN, NO_STORE, NOT_SELECTED, Cause, Error, run

ERRORS: tuple[Error, ...] = (
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
                (run("docker buildx build --builder container-builder …"), run("docker buildx use container-builder")),
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
                (run("docker buildx build --push …"), run("docker buildx build --platform linux/amd64 --load …")),
            ),
        ),
    ),
    Error(
        "no-builder",
        "failed to solve: no builder",
        (r"no builder \"?[\w.-]+\"? found", r"failed to find driver", r"no builder instance"),
        (NOT_SELECTED, Cause("", "This user has no builder of this name.", (run("docker buildx ls"), BUILDER))),
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
            Cause(
                "", "The container of the builder does not start.", (run("docker buildx inspect --bootstrap"), BUILDER)
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
            Cause(
                "no-plugin",
                "The plug-in buildx is not installed.",
                (run("sudo apt-get install docker-buildx"), BUILDER),
            ),
            Cause(
                "",
                "Docker finds buildx on this host. The command that failed used another docker, or had another HOME.",
                (run("docker buildx version"), run("type -a docker")),
            ),
        ),
    ),
)
