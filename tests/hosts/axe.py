"""axe-core, which finds faults of web pages that keep people out. npm fetches it into the cache."""

import json
import tarfile
from pathlib import Path
from typing import Any

from tests.hosts import progress, recipes
from tests.hosts.cache import kept

RUN = "const done = arguments[arguments.length - 1]; axe.run(arguments[0]).then(done, (e) => done({error: String(e)}))"


def script() -> str:
    """Return the text of axe-core."""
    return (kept("axe-core", (recipes.AXE,), _build) / "package/axe.min.js").read_text()


def faults(found: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    """Return the faults of a run: the rule, what it says, and the first elements that break it."""
    assert "error" not in found, found
    return [(f["id"], f["help"], [n["html"][:200] for n in f["nodes"]][:3]) for f in found["violations"]]


def _build(into: Path) -> None:
    argv = ("npm", "pack", "--silent", "--json", f"axe-core@{recipes.AXE}")
    progress.run("axe-core", argv, into.parent / "log", cwd=into, tries=progress.DOWNLOADS)
    [archive] = into.glob("axe-core-*.tgz")
    with tarfile.open(archive) as tar:
        for name in ("package/axe.min.js", "package/package.json"):
            file = tar.extractfile(name)  # extract() knows filters, which it wants, only since Python 3.11.4
            assert file
            (into / name).parent.mkdir(exist_ok=True)
            (into / name).write_bytes(file.read())
    assert json.loads((into / "package/package.json").read_text())["version"] == recipes.AXE
    archive.unlink()
