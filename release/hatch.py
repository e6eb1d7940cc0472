"""Hooks that hatchling runs for this project: the version, the description, and the extra files of a wheel.

A wheel has the units, the manual pages and similar files in provisioner/shipped, for `provisioner setup`.
"""

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # hatchling loads this file by path, without the root on sys.path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface  # noqa: E402
from hatchling.metadata.plugin.interface import MetadataHookInterface  # noqa: E402

from release import layout, version  # noqa: E402

VERSION = version.version()
SHIPPED = "provisioner/shipped"


class Description(MetadataHookInterface):
    """Uses README.md as the description, with absolute links that also work outside the repository."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the description in the metadata."""
        text = re.sub(r"(!\[[^\]]*\]\()(?!https?:)", rf"\1{layout.url()}/raw/main/", (ROOT / "README.md").read_text())
        text = re.sub(r"\]\((?!https?:|#)", f"]({layout.url()}/blob/main/", text)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


class Hook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the version to the package, and the files for `provisioner setup` to a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, kind: str, build_data: dict[str, Any]) -> None:
        """Tell hatchling about the files that it takes from other places."""
        if kind == "editable":
            return
        self._made = tempfile.TemporaryDirectory(prefix="provisioner-build-")
        made = Path(self._made.name)
        self._add(build_data, version.FILE, version.stamped((ROOT / version.FILE).read_text(), VERSION).encode(), made)
        if self.target_name == "wheel":
            for file in layout.shipped("@PREFIX@"):
                self._add(build_data, f"{SHIPPED}/{file.target}", file.content, made)
                if file.target.startswith("share/man/"):
                    build_data["shared_data"][str(made / SHIPPED / file.target)] = file.target

    def finalize(self, kind: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the files that initialize() wrote."""
        if kind != "editable":
            self._made.cleanup()

    def _add(self, build_data: dict[str, Any], target: str, content: bytes, made: Path) -> None:
        path = made / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o644)
        build_data["force_include"][str(path)] = target
