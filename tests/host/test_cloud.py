"""Hosts that make themselves ready at their first boot: with cloud-init's user data, and from a prepared image."""

import pytest

from tests import pages
from tests.conftest import Boot
from tests.helpers.booted import agent, store
from tests.helpers.stage import IMAGE, play
from tests.hosts import Host, dist, parts

pytestmark = [pytest.mark.host, pytest.mark.timeout(600)]
PAGE = pages.ROOT / "docs/cloud-init.md"
SEED = "/var/lib/cloud/seed/nocloud"  # a data source that needs no cloud: files of the host itself
# What the reader's own server has. Its certificate is one that the host trusts.
SERVER = """\
import http.server, ssl
handler = lambda *a: http.server.SimpleHTTPRequestHandler(*a, directory="/srv/files")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 443), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/srv/cert.pem", "/srv/key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""
UNIT = "[Service]\nExecStart=python3 /srv/server.py\n[Install]\nWantedBy=multi-user.target\n"
# What scripts of Debian's packages do: cloud-init's enables its units, and netcat's gives it its name.
# And apt's folders, which a cloud's image has.
PREPARE = """\
set -e
cd /srv
openssl req -quiet -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 -subj /CN=files.example.com \
  -addext subjectAltName=DNS:files.example.com -keyout key.pem -out cert.pem
mkdir -p /etc/ssl/certs /var/lib/apt/lists/partial /var/cache/apt/archives/partial
cp cert.pem /etc/ssl/certs/ca-certificates.crt
ln -s nc.openbsd /usr/bin/nc
echo 127.0.0.1 files.example.com >> /etc/hosts
systemctl enable files.service $(cd /usr/lib/systemd/system; grep -l '^WantedBy=cloud-' cloud-*.service)
"""
# The host takes over what the image has, as if it had been made from it, and has not run yet.
PACK = "systemctl stop docker.socket docker; cp --archive /mnt/image/etc /mnt/image/var /"


def user_data() -> str:
    """Return what the page gives to a cloud."""
    [block] = [block for block in pages.blocks(PAGE) if block.words.get("file") == "/root/user-data"]
    return block.text


def test_cloud_init_installs_the_package_and_applies_at_the_first_boot(boot: Boot) -> None:
    host = boot("trixie", layers=("qemu", parts.cloud(), *parts.network("trixie")))
    files: dict[str, str | bytes] = {
        "/srv/server.py": SERVER,
        "/etc/systemd/system/files.service": UNIT,
        "/srv/files/docker-host-provisioner.deb": dist.deb().read_bytes(),
        f"{SEED}/meta-data": "instance-id: first\n",
        f"{SEED}/user-data": user_data(),
        "/root/user-data": user_data(),
    }
    for path, content in files.items():
        host.put(path, content)
    host.sh(PREPARE, check=True)
    host.reboot()
    said = host.sh("cloud-init status --long; cat /var/log/cloud-init-output.log").stdout
    assert "status: done" in said
    assert "linux/arm64  yes    yes           yes" in said, said  # the proof
    ready(host)
    assert "--force-confold" in user_data()
    assert "existing: hide" in (host.get("/etc/provisioner/provisioner.yaml") or b"").decode()
    for block in pages.blocks(PAGE):
        if block.words.get("on") == "cloud":
            play(host, block)


def test_a_prepared_image_does_the_rest_at_its_first_boot(boot: Boot) -> None:
    host = boot("trixie", layers=("qemu",), agent=True, binfmt=True)  # as on a server
    host.sh(IMAGE, check=True)
    for block in pages.blocks(PAGE):
        if "/mnt/image" in block.text + block.words.get("file", ""):
            play(host, block)
    host.sh(PACK, check=True)
    host.reboot()
    assert "linux/arm64  yes    yes           yes" in host.journal("provisioner-apply")
    ready(host)


def ready(host: Host) -> None:
    """It builds for both platforms, and what was made at the first boot can be taken back."""
    assert "containerd" in store(host)
    assert agent(host, "check").status == 0
    assert host.run("systemctl", "is-active", "provisioner-check.timer").stdout == "active\n"
    assert agent(host, "remove").status == 0
    assert "containerd" not in store(host)
