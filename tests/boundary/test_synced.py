"""What is written is on the disk before the next step.

Only a power cut shows what a missing sync does. The order of the system calls shows that none is missing.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
CHILD = """\
import sys
sys.path.insert(0, sys.argv[1])
from provisioner.host import System
host = System(sys.argv[2], {})
host."""
CALLS = "write,fsync,rename,renameat,renameat2"
ACTS = {
    "a file": ("write('/x', 'new', 0o644)", ["write .x.provisioner", "fsync .x.provisioner", "rename", "fsync ."]),
    "a new journal": ("append('/x', 'new')", ["write x", "fsync x", "fsync ."]),
}


@pytest.mark.parametrize("name", ACTS)
def test_a_file_is_synced_before_its_rename_and_its_folder_after_it(tmp_path: Path, name: str) -> None:
    act, expected = ACTS[name]
    tree, log = tmp_path / "tree", tmp_path / "log"
    tree.mkdir()
    strace = ("strace", "-y", "-qq", "-o", str(log), "-e", f"trace={CALLS}")
    argv = (*strace, sys.executable, "-B", "-I", "-c", CHILD + act, str(CHECKOUT), str(tree))
    subprocess.run(argv, check=True)
    found = re.findall(
        rf"^(write|fsync|rename)\w*\(\d+<{re.escape(str(tree))}/?([^>]*)>", log.read_text(), re.MULTILINE
    )
    assert [call if call == "rename" else f"{call} {file or '.'}" for call, file in found] == expected
