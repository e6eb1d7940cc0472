"""A container whose manager hides binfmt_misc from it: emulators are blocked, and everything else still works."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
TABLE = "/proc/sys/fs/binfmt_misc"
# Outside, root mounts a folder over the table. Its owner is unknown in the container, so root inside may not read it.
OUTSIDE = f'mount -t tmpfs -o mode=0700,uid=12345,gid=12345 none {TABLE} && exec /usr/bin/unshare -Ur "$@"'
AGENT = "import sys; sys.path.insert(0, sys.argv.pop(1)); from provisioner.cli.main import main; sys.exit(main())"


def agent(*args: str) -> subprocess.CompletedProcess[str]:
    """Run the agent as root of a container that may not see binfmt_misc."""
    inside = (sys.executable, "-I", "-c", AGENT, str(CHECKOUT), *args)
    argv = ("/usr/bin/unshare", "--mount", "/bin/sh", "-c", OUTSIDE, "sh", *inside)
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give the container something that it may not see")
def test_root_of_a_container_that_may_not_look_is_told_who_can_let_it(tmp_path: Path) -> None:
    configuration = tmp_path / "provisioner.yaml"
    configuration.write_text("platforms: [linux/amd64, linux/riscv64]\n")
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents[:-2]:
        folder.chmod(folder.stat().st_mode | 0o055)
    args = ("--only=emulators", f"--config={configuration}", "--format=json")
    checked = agent("check", *args)
    assert checked.returncode == 2, checked.stderr
    document = json.loads(checked.stdout)
    have = {d["key"]: d["have"] for d in document["differences"]}
    assert have["binfmt_misc"] == "kept from this container"
    assert have["linux/riscv64"] == "not registered, as far as this container may see"
    [blocked] = {json.dumps(d["blocked"]) for d in document["differences"]}
    assert "does not let it use binfmt_misc" in blocked
    assert "run as root" not in checked.stdout + checked.stderr
