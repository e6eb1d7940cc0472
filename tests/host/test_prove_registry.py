"""The proof by way of a real registry, and what daemon.json knows of registries inside a build."""

import json

import pytest

from tests.conftest import Boot
from tests.host import LAYERS, agent, differences
from tests.host.builders import CONFIG
from tests.hosts import parts

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


def test_a_mirror_an_insecure_registry_and_a_private_ca_work_inside_a_build(boot: Boot) -> None:
    mirror = {"/etc/default/docker": 'DOCKER_OPTS="--registry-mirror=http://172.17.0.1:5001"\n'}
    host = boot("trixie", layers=(*LAYERS, *parts.network()), agent=True, files=mirror)
    host.sh(SETUP, check=True)
    daemon = {"insecure-registries": ["172.17.0.1:5001"]}
    host.put(CONFIG, json.dumps({"platforms": ["linux/amd64"], "daemon": daemon}))
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    assert agent(host, "check").status == 0
    for base in ("moby/buildkit", "172.17.0.1:5001/moby/buildkit", "172.17.0.1:5002/moby/buildkit"):
        host.put("/m/Dockerfile", f"FROM {base}:buildx-stable-1\nRUN echo {base}\n")
        host.run("docker", "buildx", "build", "--no-cache", "/m", check=True, timeout=120)
    host.sh("echo >> /etc/docker/certs.d/172.17.0.1:5002/ca.crt", check=True)
    assert differences(agent(host, "check")) == {
        "builder: certificate certs/172.17.0.1_5002/ca.crt",
        "builder: container buildkitd.toml",
    }
    assert agent(host, "apply").status == 0
    assert agent(host, "check").status == 0
