"""An engine that is reached by TCP or ssh: its builder is made and proven from here, and no file is edited.

The host reaches its own engine by these ways, as if it were another's.
"""

import pytest

from tests.conftest import Boot
from tests.helpers.booted import LAYERS, agent, differences, portrait
from tests.host.test_builder_nodes import trust
from tests.hosts import parts

pytestmark = pytest.mark.host
DROP_IN = "/etc/systemd/system/docker.socket.d/tcp.conf"


def test_an_engine_elsewhere_gets_its_builder_and_its_owner_is_told_the_rest(boot: Boot) -> None:
    files = {DROP_IN: "[Socket]\nListenStream=127.0.0.1:2375\n"}
    host = boot("trixie", layers=(*LAYERS, *parts.network()), agent=True, files=files)
    trust(host, host, "127.0.0.1")
    assert agent(host, "apply", "--only=emulators").status == 0
    before = portrait(host)
    for address in ("tcp://127.0.0.1:2375", "ssh://root@127.0.0.1"):
        told = agent(host, "detect", f"--host={address}").document["engine"]
        assert (told["title"], told["version"]) == ("an engine on another machine", "26.1.5+dfsg1")
        done = agent(host, "apply", f"--host={address}")
        assert done.status == 5, done.stderr
        assert [p["runs"] for p in done.document["proof"]["platforms"]] == [True, True]
        [left] = done.document["left"]
        assert left["resource"] == "image store"
        assert left["blocked"][0]["hint"].startswith("run provisioner there")
        assert differences(agent(host, "check", f"--host={address}")) == {"image store: in effect"}
        shown = host.sh("docker buildx inspect container-builder").stdout
        assert address in shown
        assert agent(host, "rollback").status == 0
        assert portrait(host) == before
    host.sh("systemctl stop sshd", check=True)
    silent = agent(host, "check", "--host=ssh://root@127.0.0.1")
    assert silent.status == 69
    assert "the engine does not answer (ssh: connect to host 127.0.0.1 port 22: Connection refused)" in silent.stderr
