"""The proof by way of a real registry, and what daemon.json knows of registries inside a build."""

import json
import re

import pytest

from tests.conftest import Boot
from tests.helpers.booted import LAYERS, agent, differences
from tests.helpers.builders import CONFIG, CONTAINER
from tests.hosts import Host, network, parts

pytestmark = pytest.mark.host
REGISTRY = "127.0.0.1:5000"
INDEX = "application/vnd.oci.image.index.v1+json"
STORAGE = "/var/lib/docker-registry/docker/registry/v2"
REVISIONS = f"{STORAGE}/repositories/provisioner-proof/_manifests/revisions/sha256"
WANTED = ["linux/amd64", "linux/arm64", "windows/amd64"]


@pytest.mark.parametrize("engine", ["trixie", "29"])
def test_an_index_is_pushed_read_back_pulled_run_and_removed(boot: Boot, engine: str) -> None:
    host = boot(engine, layers=LAYERS, agent=True)
    builder = {"driver_options": {"network": "host"}}
    host.put(CONFIG, json.dumps({"platforms": WANTED, "image_store": {"existing": "hide"}, "builder": builder}))
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    windows = done.document["proof"]["platforms"][-1]
    assert (windows["platform"], windows["built"], windows["indexed"]) == ("windows/amd64", True, True)
    assert windows["how"].startswith("build only")
    proven = agent(host, "prove", f"--registry={REGISTRY}")
    assert proven.status == 0, proven.stderr
    rows = {r["platform"]: (r["indexed"], r["runs"]) for r in proven.document["platforms"]}
    assert rows == {"linux/amd64": (True, True), "linux/arm64": (True, True), "windows/amd64": (True, False)}
    there = proven.document["registry"]
    assert there["media_type"] == INDEX
    assert [m["platform"] for m in there["manifests"]] == WANTED
    assert there["left"] is None
    for digest in (proven.document["index"], *(m["digest"] for m in there["manifests"])):
        assert host.get(f"{REVISIONS}/{digest[7:]}/link") is None
    assert "provisioner-proof" not in host.sh("docker images; docker ps -a", check=True).stdout
    host.sh(
        "sed -i 's/enabled: true/enabled: false/' /etc/docker/registry/config.yml; systemctl restart docker-registry"
    )
    host.wait("the registry", lambda: host.sh("ss -Hltn sport = :5000").stdout != "")
    kept = agent(host, "prove", f"--registry={REGISTRY}/a/path")
    assert kept.status == 0, kept.stderr
    assert "does not let us remove 4 manifests of a/path/provisioner-proof" in kept.document["registry"]["left"]


PRIVATE = """\
set -e
cd /etc/docker/registry
printf 'who:%s\\n' "$(perl -e 'print crypt("secret-word", "\\$2y\\$05\\$abcdefghijklmnopqrstuu")')" > passwords
printf 'auth:\\n  htpasswd:\\n    realm: r\\n    path: %s/passwords\\n' $PWD | cat config.yml - > 5003.yml
sed -i 's|addr: 127.0.0.1:5000|addr: 127.0.0.1:5003|' 5003.yml
systemd-run --quiet docker-registry serve $PWD/5003.yml
"""


# A credential helper, as `docker login` would call it; only its user may read what it keeps.
HELPER = """\
#!/bin/sh
[ "$1 $(cat)" = "get 127.0.0.1:5003" ] && cat "$HOME/kept"
"""
KEPT = '{"ServerURL":"127.0.0.1:5003","Username":"who","Secret":"secret-word"}'


def test_a_registry_that_asks_who_we_are_is_told_what_docker_login_has_left(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    host.sh("useradd -m -G docker dev", check=True)
    builder = {"driver_options": {"network": "host"}, "users": ["dev"]}
    host.put(CONFIG, json.dumps({"platforms": WANTED[:1], "builder": builder}))
    assert agent(host, "apply").status == 0
    host.sh(PRIVATE, check=True)
    host.wait("the registry", lambda: host.sh("ss -Hltn sport = :5003").stdout != "")
    refused = agent(host, "prove", "--registry=127.0.0.1:5003")
    assert (refused.status, "auth" in refused.stderr) == (1, True), refused.stderr
    login = "docker login --username who --password-stdin 127.0.0.1:5003"
    host.sh(login, input="secret-word", user="dev", check=True)
    proven = agent(host, "prove", "--registry=127.0.0.1:5003")
    assert proven.status == 0, proven.document["platforms"]
    assert [m["platform"] for m in proven.document["registry"]["manifests"]] == WANTED[:1]  # of one there is no index
    assert proven.document["registry"]["left"] is None
    for digest in (proven.document["index"], *(m["digest"] for m in proven.document["registry"]["manifests"])):
        assert host.get(f"{REVISIONS}/{digest[7:]}/link") is None
    host.put("/usr/bin/docker-credential-kept", HELPER, 0o755)
    for settings in (
        {"credHelpers": {"127.0.0.1:5003": "kept"}},
        {"credsStore": "kept", "auths": {"127.0.0.1:5003": {}}},
    ):
        host.put("/home/dev/.docker/config.json", json.dumps(settings))
        host.put("/home/dev/kept", KEPT, 0o600)
        host.sh("chown dev: /home/dev/kept /home/dev/.docker/config.json", check=True)
        helped = agent(host, "prove", "--registry=127.0.0.1:5003")
        assert helped.status == 0, helped.stderr
        assert [m["platform"] for m in helped.document["registry"]["manifests"]] == WANTED[:1]
        assert "does not let us remove 1 manifest of " in helped.document["registry"]["left"]
        assert "secret-word" not in str(helped)
    assert "secret-word" not in f"{proven}{host.sh('journalctl -t provisioner').stdout}"


def test_a_registry_that_is_none_is_named(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    host.put(CONFIG, json.dumps({"platforms": WANTED[:1], "builder": {"driver_options": {"network": "host"}}}))
    assert agent(host, "apply").status == 0
    failed = agent(host, "prove", "--registry=127.0.0.1:5999")
    assert failed.status == 1
    assert "127.0.0.1:5999" in failed.stderr


SETUP = """\
set -e
cd /etc/docker/registry
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=private \\
  -addext subjectAltName=IP:172.17.0.1 -keyout key.pem -out cert.pem
for port in 5001 5002; do sed "s|addr: 127.0.0.1:5000|addr: 0.0.0.0:$port|" config.yml > $port.yml; done
printf '  tls:\\n    certificate: %s/cert.pem\\n    key: %s/key.pem\\n' $PWD $PWD >> 5002.yml
for port in 5001 5002; do systemd-run --quiet docker-registry serve $PWD/$port.yml; done
mkdir -p /etc/docker/certs.d/172.17.0.1:5002
cp cert.pem /etc/docker/certs.d/172.17.0.1:5002/ca.crt
"""


PROXY = """\
import http.server, urllib.error, urllib.request
class Proxy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open("/tmp/proxied", "a") as log:
            log.write(f"{self.headers['User-Agent']} {self.path}\\n")
        headers = {k: v for k, v in self.headers.items() if k in ("Accept", "Range")}
        try:
            answer = urllib.request.urlopen(urllib.request.Request(self.path, headers=headers, method=self.command))
        except urllib.error.HTTPError as refused:
            answer = refused
        body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name not in ("Connection", "Transfer-Encoding"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
    do_HEAD = do_GET
http.server.ThreadingHTTPServer(("0.0.0.0", 3128), Proxy).serve_forever()
"""


def limit(host: Host) -> tuple[int, int]:
    """How much buildkitd lets its cache grow to, as it says itself, and the size of the disk that it lies on."""
    workers = host.sh(f"docker exec {CONTAINER} buildctl debug workers --format '{{{{json .}}}}'", check=True).stdout
    size = host.sh("stat --file-system --format '%b %S' /var/lib/docker/volumes", check=True).stdout.split()
    most: int = max(p.get("maxUsedSpace", 0) for p in json.loads(workers)[0]["gcPolicy"])
    return most, int(size[0]) * int(size[1])


def test_a_mirror_an_insecure_registry_a_private_ca_and_a_proxy_work_inside_a_build(boot: Boot) -> None:
    mirror = {"/etc/default/docker": 'DOCKER_OPTS="--registry-mirror=http://172.17.0.1:5001"\n'}
    host = boot("trixie", layers=(*LAYERS, *parts.network()), agent=True, files=mirror)
    host.sh(SETUP, check=True)
    host.put("/proxy.py", PROXY)
    host.sh("systemd-run --quiet python3 -I /proxy.py", check=True)
    listening = "ss -Hltn '( sport = :5001 or sport = :5002 or sport = :3128 )' | wc -l"
    host.wait("registries and proxy", lambda: host.sh(listening).stdout.strip() == "3")
    proxies = {"http-proxy": "http://172.17.0.1:3128", "no-proxy": "127.0.0.1"}
    daemon = {"insecure-registries": ["172.17.0.1:5001"], "proxies": proxies}
    host.put(CONFIG, json.dumps({"platforms": ["linux/amd64"], "daemon": daemon}))
    planned = host.run("provisioner", "plan", check=False).stdout
    for said in ("env.http_proxy=http://172.17.0.1:3128", '[registry."172.17.0.1:5001"]', "the cache may grow to 60%"):
        assert said in planned
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    assert agent(host, "check").status == 0
    for base in ("moby/buildkit", "172.17.0.1:5001/moby/buildkit", "172.17.0.1:5002/moby/buildkit"):
        host.put("/m/Dockerfile", f"FROM {base}:buildx-stable-1\nRUN echo {base}\n")
        host.run("docker", "buildx", "build", "--no-cache", "/m", check=True, timeout=120)
    asked = (host.get("/tmp/proxied") or b"").decode()
    assert re.search(r"^buildkit/\S+ http://172.17.0.1:5001/v2/moby/buildkit/manifests/", asked, re.MULTILINE), asked
    assert "5002" not in asked  # for https there is no proxy
    may, size = limit(host)
    assert 0.5 < may / size < 0.61
    assert f"the cache may grow to 60% of its disk, {may // 10**9} GB of " in planned
    host.sh("echo >> /etc/docker/certs.d/172.17.0.1:5002/ca.crt", check=True)
    assert differences(agent(host, "check")) == {
        "builder: certificate certs/172.17.0.1_5002/ca.crt",
        "builder: container buildkitd.toml",
    }
    assert agent(host, "apply").status == 0
    assert agent(host, "check").status == 0
    # a certificate that nobody vouches for is good enough for an insecure registry
    daemon = {"insecure-registries": ["172.17.0.1:5001", "172.17.0.1:5002"]}
    host.put(CONFIG, json.dumps({"platforms": ["linux/amd64"], "daemon": daemon}))
    host.sh("rm -r /etc/docker/certs.d", check=True)
    assert agent(host, "apply").status == 0
    for port in (5001, 5002):
        proven = agent(host, "prove", f"--registry=172.17.0.1:{port}")
        assert proven.status == 0, proven.stderr
        assert proven.document["registry"]["left"] is None


def test_a_second_host_builds_from_the_cache_of_the_first(boot: Boot) -> None:
    first = boot("29", layers=LAYERS, agent=True)
    second = boot("29", layers=LAYERS, agent=True)
    here, _ = network.connect(first, second)
    first.sh(f"cd /etc/docker/registry && sed 's|addr: .*|addr: {here}:5001|' config.yml > shared.yml", check=True)
    first.sh("systemd-run --quiet docker-registry serve /etc/docker/registry/shared.yml", check=True)
    first.wait("the registry", lambda: first.sh("ss -Hltn sport = :5001").stdout != "")
    registry = {f"{here}:5001": {"http": True}}
    builder = {"driver_options": {"network": "host"}, "buildkitd": {"registry": registry}}
    reference = f"{here}:5001/cache/proof:main"
    found = []
    for host in (first, second):
        host.put(CONFIG, json.dumps({"platforms": WANTED[:2], "image_store": {"existing": "hide"}, "builder": builder}))
        applied = agent(host, "apply")
        assert applied.status == 0, applied.stderr
        host.sh("docker buildx prune --all --force", check=True)
        proven = agent(host, "prove", f"--cache={reference}")
        rows = [(row["platform"], row["cached"]) for row in proven.document["cache"]["platforms"]]
        found.append((proven.status, rows))
    cold, warm = ([(platform, known) for platform in WANTED[:2]] for known in (False, True))
    assert found == [(1, cold), (0, warm)]
