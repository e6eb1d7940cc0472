"""What a drift check costs: no heavy import, no program but our probes, no write."""

import json

import pytest

from tests.conftest import Boot
from tests.helpers.booted import LAYERS, agent
from tests.test_architecture import CHECKING, HEAVY

pytestmark = pytest.mark.host

WATCHED = """
import os, sys
sys.path.insert(0, "/usr/local/lib/provisioner")
seen = []
def hook(event, args):
    if event in ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.system", "os.exec", "fcntl.flock"):
        seen.append([event, str(args[0])])
    if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        seen.append([event, str(args[0])])
sys.addaudithook(hook)
from provisioner.cli import main
status = main.main(["check"])
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
modules = sorted(sys.modules)
import json  # a check does without
print(json.dumps({"status": status, "modules": modules, "seen": seen, "peak": peak}))
"""
PEAK = 24 << 10  # KiB


@pytest.mark.parametrize("config", ["", "platforms: [amd64, arm64]\\nrestart: always\\n"], ids=["no file", "a file"])
def test_a_check_of_a_known_configuration_is_cheap(boot: Boot, config: str) -> None:
    files = {"/etc/provisioner/provisioner.yaml": config.replace("\\n", "\n")} if config else {}
    host = boot("trixie", layers=LAYERS, agent=True, files=files)
    assert agent(host, "apply").status == 0
    ran = host.run("python3", "-I", "-c", WATCHED, check=True)
    found = json.loads(ran.stdout.strip().splitlines()[-1])
    assert found["status"] == 0
    assert not set(HEAVY) & set(found["modules"])
    named = ("checks.identity", "checks.platforms", "emulators.files", "emulators.labels", "runs.versions")
    # Whose JSON it is, and what the engine's answers look like.
    allowed = CHECKING | {f"provisioner.{name}" for name in (*named, "host.shapes")}
    assert {name for name in found["modules"] if name.partition(".")[0] == "provisioner"} <= allowed
    assert found["peak"] <= PEAK
    assert {event for event, _ in found["seen"]} == {"os.posix_spawn"}
    assert len(found["seen"]) == 2  # arm64's probe with its emulator, and with none in the way; amd64 needs neither


def test_an_unknown_configuration_is_validated_by_a_check_and_not_remembered(boot: Boot) -> None:
    host = boot("trixie", layers=LAYERS, agent=True)
    assert agent(host, "apply").status == 0
    host.put("/etc/provisioner/provisioner.yaml", "platforms: [amd64, arm64, s390x]\n")
    checked = agent(host, "check")
    assert checked.status == 2
    assert {d["key"] for d in checked.document["differences"]} == {"linux/s390x", "linux/s390x at boot"}
    assert host.get("/var/lib/provisioner/configuration.json") is None
