"""Writes the bill of materials of a release: what its files carry, in CycloneDX's form.

``python3 -m release.bill DIST PYTHON`` unpacks the wheel and the libraries of the one-file program where Python
finds them, and lets ``cyclonedx_py`` of the given Python (the package cyclonedx-bom) describe that. A wheel and a
package of a distribution carry no library: pip or the distribution brings those, in versions unknown to the release.
"""

import hashlib
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

NAME = "sbom.cdx.json"
SUMS = "SHA256SUMS"


def write(dist: Path, python: str) -> Path:
    """Write the bill beside the files of a release, add its checksum to theirs, and return its path."""
    target = dist / NAME
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=False)
        [packages] = Path(folder).glob("lib/python*/site-packages")
        for carrier in (dist / "provisioner.pyz", *dist.glob("*.whl")):
            zipfile.ZipFile(carrier).extractall(packages)
        how = ("--output-reproducible", "--of=JSON", f"--output-file={target}")
        argv = (python, "-m", "cyclonedx_py", "environment", *how, f"{folder}/bin/python")
        subprocess.run(argv, check=True)
    others = [line for line in (dist / SUMS).read_text().splitlines() if not line.endswith(f"  {NAME}")]
    lines = [*others, f"{hashlib.sha256(target.read_bytes()).hexdigest()}  {NAME}"]
    (dist / SUMS).write_text("".join(f"{line}\n" for line in lines))
    return target


if __name__ == "__main__":
    print(write(Path(sys.argv[1]), sys.argv[2]))
