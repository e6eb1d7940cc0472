"""Real errors, each from a host that has its fault: `explain` finds the cause there, and another on a healthy host.

One host, in the order of its life: as Debian leaves it, broken in one way after another, and provisioned.
"""

import json
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from provisioner.cli.cures import table
from provisioner.platforms import elf
from tests import hosts
from tests.helpers.booted import LAYERS, agent
from tests.helpers.documents import judge
from tests.hosts import Host

pytestmark = [pytest.mark.host, pytest.mark.timeout(900)]
CONFIG = "/etc/provisioner/provisioner.yaml"
DAEMON_JSON = "/etc/docker/daemon.json"
ANSWERS = "until docker info >/dev/null 2>&1; do sleep .05; done"
RESTART = f"systemctl reset-failed docker; systemctl restart docker; {ANSWERS}"
IMPORT = "tar c -C /srv {0} | docker import --platform linux/arm64 --change 'CMD [\"/{0}\"]' - {0}:1 >/dev/null"
KEPT = f"cp {DAEMON_JSON} /srv/kept 2>/dev/null"
BACK = f"rm -f {DAEMON_JSON}; [ ! -e /srv/kept ] || cp /srv/kept {DAEMON_JSON}; {RESTART}"
DROP_IN = "/etc/systemd/system/docker.service.d/broken.conf"
MIRRORED = "127.0.0.1:5000/moby/buildkit:buildx-stable-1"
PROXY = "http://127.0.0.1:9"  # where nothing listens
PLUGIN = "/usr/libexec/docker/cli-plugins/docker-buildx"
CRASH = bytes.fromhex("e0031faa 000040f9".replace(" ", ""))  # mov x0, xzr; ldr x0, [x0]
BOTH = "--platform linux/amd64,linux/arm64"
FROM = "printf 'FROM scratch\\nCOPY Dockerfile /\\n' > /srv/Dockerfile"
# Registries that refuse, each on its port: no TLS, an unknown certificate, a limit, a login.
SERVER = """
import http.server, json, ssl, sys, threading
LIMITED = (429, "TOOMANYREQUESTS", "You have reached your pull rate limit")
REFUSALS = {5003: LIMITED, 5004: (401, "UNAUTHORIZED", "authentication required")}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, code, message = REFUSALS.get(self.server.server_port, (200, "", ""))
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_HEAD = do_GET
    def log_message(self, *_):
        pass
for port in (5001, 5002, 5003, 5004):
    server = http.server.ThreadingHTTPServer(("", port), Handler)
    if port == 5002:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("/srv/cert.pem", "/srv/key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever).start()
"""
CERTIFICATE = (
    *("/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj", "/CN=registry.test"),
    *("-addext", "subjectAltName=DNS:registry.test", "-keyout", "key.pem", "-out", "cert.pem"),
)


class Fault(NamedTuple):
    """An error: how the host gets its fault, the command that fails with it, and how the fault ends.

    ``there`` is the test of the cause on the faulty host, and ``healthy`` on the provisioned one.
    """

    code: str
    there: str
    healthy: str
    fails: str
    breaks: str = "true"
    mends: str = "true"
    user: str = "root"
    environ: str = ""


FAULTS = (
    Fault("exec-format-error", "no-emulator", "", "docker run --rm probe:1 </dev/null"),
    Fault("platform-mismatch", "no-emulator", "", "docker run --rm probe:1 </dev/null"),
    Fault("docker-driver", "classic-store", "", f"docker buildx build --builder default {BOTH} /srv"),
    Fault(
        "manifest-lists",
        "classic-store",
        "",
        f"docker buildx build --builder mine {BOTH} --load /srv",
        "docker buildx create --name mine --driver docker-container --bootstrap",
        "docker buildx rm mine",
    ),
    Fault("no-builder", "builder-differs", "", "docker buildx build --builder container-builder /srv"),
    Fault("builder-gone", "builder-differs", "", "docker exec buildx_buildkit_container-builder0 true"),
    Fault("foreign-loader", "", "", "qemu-aarch64 /srv/dynamic"),
    Fault("api-version", "api-pinned", "", "DOCKER_API_VERSION=1.12 docker ps", environ="DOCKER_API_VERSION=1.12"),
    Fault("no-buildx", "no-plugin", "", "docker buildx ls", f"mv {PLUGIN} /srv/plugin", f"mv /srv/plugin {PLUGIN}"),
    Fault("socket-permission", "no-access", "", "docker ps", user="eve"),
    Fault(
        "daemon-down",
        "engine-down",
        "",
        "docker ps",
        "systemctl stop docker.socket docker",
        f"systemctl start docker.socket docker; {ANSWERS}",
    ),
    Fault("name-resolution", "", "resolves", "docker pull nowhere.test/x"),
    Fault("http-response", "unlisted", "", "docker pull registry.test:5001/x"),
    Fault("unknown-authority", "no-certificate", "", "docker pull registry.test:5002/x"),
    Fault("rate-limit", "", "", "docker pull 127.0.0.1:5003/x/y"),
    Fault("not-logged-in", "no-login", "", "docker pull 127.0.0.1:5004/x/y"),
    Fault(
        "no-matching-manifest",
        "",
        "",
        f"docker pull --platform linux/s390x {MIRRORED}",
    ),
    Fault(
        "snapshotter-not-loaded",
        "graph-driver",
        "",
        f"{IMPORT.format('probe')}; docker run --rm probe:1 </dev/null",
        f'{KEPT}; echo \'{{"storage-driver": "overlay2", "features": {{"containerd-snapshotter": true}}}}\''
        f" > {DAEMON_JSON}; {RESTART}",
        BACK,
    ),
    Fault(
        "proxy",
        "",
        "no-proxy",
        "docker pull registry.test:5002/x",
        f"mkdir -p $(dirname {DROP_IN}); printf '[Service]\\nEnvironment=HTTPS_PROXY={PROXY}\\n' > {DROP_IN};"
        f" systemctl daemon-reload; {RESTART}",
        f"rm {DROP_IN}; systemctl daemon-reload; {RESTART}",
    ),
    Fault(
        "disk-full",
        "disk-full",
        "",
        "head -c 90000000 /dev/urandom > /srv/big; tar c -C /srv big | docker import - big:1",
        f"{KEPT}; mkdir -p /small; mount -t tmpfs -o size=64m tmpfs /small;"
        f' echo \'{{"data-root": "/small"}}\' > {DAEMON_JSON}; {RESTART}',
        f"{BACK}; umount --lazy /small",
    ),
)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    made = tmp_path_factory.mktemp("certificate")
    subprocess.run(CERTIFICATE, cwd=made, check=True, capture_output=True)
    with hosts.boot("trixie", layers=LAYERS, agent=True) as booted:
        booted.put("/srv/probe", elf.program("arm64"), 0o755)
        booted.put("/srv/crash", elf.program("arm64", CRASH), 0o755)
        booted.put("/srv/dynamic", dynamic(), 0o755)
        booted.put("/srv/server.py", SERVER)
        for name in ("key.pem", "cert.pem"):
            booted.put(f"/srv/{name}", (made / name).read_bytes())
        booted.sh(f"{FROM}; useradd --create-home eve; {IMPORT.format('probe')}", check=True)
        booted.sh("ip address add 10.99.0.1/32 dev lo; echo 10.99.0.1 registry.test >> /etc/hosts", check=True)
        booted.sh("systemd-run --quiet --unit=registries python3 /srv/server.py", check=True)
        booted.wait("the registries", lambda: booted.sh("ss -Hltn sport = :5004").stdout != "")
        yield booted


def dynamic() -> bytes:
    """Return a program for arm64 that needs a loader which this host does not have."""
    program, path = bytearray(elf.program("arm64")), b"/lib/ld-linux-aarch64.so.1\0"
    second = 64 + 56
    interpreter = (3).to_bytes(4, "little") + (4).to_bytes(4, "little")
    where = len(program)
    fields = (where, 0x400000 + where, 0x400000 + where, len(path), len(path), 1)
    program[second : second + 56] = interpreter + b"".join(n.to_bytes(8, "little") for n in fields)
    return bytes(program) + path


def failure(host: Host, fault: Fault) -> str:
    """Return what the failing command prints."""
    ran = host.run("sh", "-c", f"({fault.fails}) 2>&1", user=fault.user, timeout=120)
    return ran.stdout


def cause(host: Host, text: str, fault: Fault, *, environ: str = "") -> str:
    """Return the test of the cause that this host shows for an error in a text."""
    argv = ("env", *filter(None, (environ,)), "provisioner", "explain", "--format=json", "-")
    ran = host.run(*argv, user=fault.user, input=text.encode(), timeout=60)
    document = judge(json.loads(ran.stdout))
    found = {row["code"]: row for row in document["errors"]}
    if fault.code not in found:
        return f"not recognized: {text[-300:]!r}"
    [number] = (i for i, row in enumerate(found[fault.code]["causes"]) if row["real"])
    error = next(e for e in table.ERRORS if e.code == fault.code)
    return error.causes[number].test


def test_each_fault_is_found_where_it_is_and_not_where_it_is_not(host: Host) -> None:
    texts, found = {}, {}
    for fault in FAULTS:
        host.sh(fault.breaks)
        texts[fault.code] = failure(host, fault)
        found[fault.code] = cause(host, texts[fault.code], fault, environ=fault.environ)
        host.sh(fault.mends)
    print(json.dumps(texts, indent=1))
    assert found == {fault.code: fault.there for fault in FAULTS}

    # A QEMU that says it is 9.2.0, and a program that crashes in it.
    host.sh(
        "mkdir /opt/old; sed 's/10\\.0\\.13 (Deb/9.2.0   (Deb/' /usr/bin/qemu-aarch64 > /opt/old/qemu-aarch64;"
        " chmod 755 /opt/old/qemu-aarch64",
        check=True,
    )
    settings = "daemon: {insecure-registries: ['registry.test:5001']}\nimage_store: {existing: hide}\n"
    host.put(CONFIG, f"{settings}emulators: {{source: directory, directory: /opt/old}}\n")
    certificates = "/etc/docker/certs.d/registry.test:5002"
    host.sh(f"mkdir -p {certificates}; cp /srv/cert.pem {certificates}/ca.crt", check=True)
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    crashed = Fault("qemu-signal", "known-qemu", "", "/srv/crash; true")
    texts[crashed.code] = failure(host, crashed)
    assert cause(host, texts[crashed.code], crashed) == crashed.there

    host.put(CONFIG, settings)
    host.sh("echo -1 > /proc/sys/fs/binfmt_misc/qemu-aarch64; rm /etc/binfmt.d/zz-provisioner-*", check=True)
    assert agent(host, "apply").status == 0
    host.sh("usermod --append --groups docker eve; echo 10.99.0.1 nowhere.test >> /etc/hosts", check=True)
    host.put("/root/.docker/config.json", json.dumps({"auths": {"registry.test:5002": {"auth": "eDp5"}}}))
    healthy = {fault.code: cause(host, texts[fault.code], fault) for fault in (*FAULTS, crashed)}
    assert healthy == {fault.code: fault.healthy for fault in (*FAULTS, crashed)}
    assert len(healthy) >= 20
