"""An image of a machine, provisioned before it ever ran: its first boot finds everything that files can say."""

import contextlib
import json
import sys

import pytest

from tests.helpers.booted import DAEMON_JSON, ENTRY, store
from tests.hosts import Host, agent, layers

pytestmark = pytest.mark.host
PROGRAM = (
    f"import sys; sys.path.insert(0, {str(agent.CHECKOUT)!r}); from provisioner.cli.main import main; sys.exit(main())"
)
OURS = (sys.executable, "-I", "-c", PROGRAM)


def test_an_image_boots_with_the_store_and_the_emulators_that_it_was_given() -> None:
    with contextlib.closing(Host("image", layers.lowers("forky", ("qemu",)))) as host:
        planned = host.outside(*OURS, "plan", "--root={}", "--format=json")
        assert planned.status == 2, planned.stderr
        done = host.outside(*OURS, "apply", "--root={}", "--format=json")
        assert done.status == 0, done.stderr
        assert json.loads(done.stdout)["changes"] == json.loads(planned.stdout)["changes"]
        assert "the builder needs a running engine" in done.stderr
        assert host.outside(*OURS, "plan", "--root={}").status == 0
        assert json.loads(host.get(DAEMON_JSON) or b"") == {"features": {"containerd-snapshotter": True}}
        host.boot()
        assert "io.containerd.snapshotter.v1" in store(host)
        assert (host.get(ENTRY) or b"").startswith(b"enabled\ninterpreter /usr/bin/qemu-aarch64\nflags: OCF\n")
