"""Errors about registries and the way to them."""

from provisioner.cli.cures import APPLY, BUILDER, INSPECT, Cause, Error, do, run

ERRORS: tuple[Error, ...] = (
    Error(
        "unknown-authority",
        "x509: certificate signed by unknown authority",
        (r"x509: certificate signed by unknown authority", r"tls: failed to verify certificate"),
        (
            Cause(
                "builder-certificates",
                "The builder does not have the certificates that Docker has.",
                (do("set `builder.inherit: true` in the configuration"), BUILDER),
            ),
            Cause(
                "no-certificate",
                "Neither Docker nor the builder knows the authority that signed the registry's certificate.",
                (run("sudo cp ca.crt /etc/docker/certs.d/REGISTRY/ca.crt"), BUILDER),
            ),
            Cause(
                "",
                "Docker and the builder have a certificate for this registry. It is another one than the "
                "registry uses now, or a program inside the image asked.",
                (
                    run("openssl s_client -showcerts -connect REGISTRY"),
                    do("compare it with /etc/docker/certs.d/REGISTRY"),
                ),
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
                (do("set `daemon: {insecure-registries: [REGISTRY]}` in the configuration"), APPLY),
            ),
            Cause(
                "builder-registries",
                "Docker knows that the registry does not speak TLS. The builder does not.",
                (do("set `builder.inherit: true` in the configuration"), BUILDER),
            ),
            Cause(
                "",
                "Docker and the builder know that the registry does not speak TLS. Another program asked it.",
                (do("run the same build with `docker buildx build --builder container-builder …`"),),
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
                (do("set `builder.inherit: true` in the configuration"), BUILDER),
            ),
            Cause(
                "no-proxy",
                "Docker has no proxy now. The program that failed had one of its own, or Docker had one then.",
                (run("env | grep -i proxy"), run("docker buildx inspect")),
            ),
            Cause(
                "",
                "The proxy does not answer, or refuses the registry.",
                (
                    run("docker info --format '{{.HTTPProxy}} {{.HTTPSProxy}} {{.NoProxy}}'"),
                    run("curl -x PROXY https://REGISTRY/v2/"),
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
                (do("set `builder: {driver_options: {network: host}}` in the configuration"), BUILDER),
            ),
            Cause(
                "",
                "This host cannot resolve the name: its DNS server does not answer or does not know it.",
                (run("getent hosts REGISTRY"), run("cat /etc/resolv.conf")),
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
                (run("docker login"), do("set `daemon: {registry-mirrors: [https://MIRROR]}` in the configuration")),
            ),
            Cause(
                "",
                "The registry limits pulls of this address. Docker asks a mirror first, which did not have the image.",
                (run("docker login"), run("docker info --format '{{.RegistryConfig.Mirrors}}'")),
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
            Cause("no-login", "This user is not logged in at any registry.", (run("docker login REGISTRY"),)),
            Cause(
                "",
                "This user has logins. The one for this registry is missing or may not do this, or the image "
                "does not exist.",
                (run("docker login REGISTRY"), INSPECT),
            ),
        ),
    ),
)
